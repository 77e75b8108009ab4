"""Questions to the process that searches and its answers, over Redis, where they only pass: sealed, padded, soon gone.

A question is pushed onto one list with a name for its answer, a random one. Whoever takes it pushes the answer onto a list of that
name, which ends by itself. Both are sealed under a key of the installation that is used for nothing else, and bound to the name, so
that answers can't be exchanged. A question is taken while somebody waits for it; what is put back later is too old.
"""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import redis
import structlog

from insight_journey.crypto import Key
from insight_journey.errors import EngineError, InsightJourneyError, Tampered

QUESTIONS, ANSWER, ALIVE = "ij:search:questions", "ij:search:answer:", "ij:search:alive"
SECONDS = 10.0  # that an answer is waited for, and a question is worth answering
KEPT_SECONDS = 20  # that either lies in Redis, should nobody take it
MOST_WAITING = 64  # questions
BEAT_SECONDS, ALIVE_SECONDS = 3, 10
PAUSE_SECONDS = 1.0  # before a Redis that is away is asked again
BLOCK = 2048  # lengths are whole blocks: they tell little
NAME_BYTES = 16
INSTALLATION = UUID(int=0)  # in place of a person in seals

Answerer = Callable[[dict[str, Any]], dict[str, Any]]
log = structlog.get_logger()


def line_key(secret: bytes) -> Key:
    """The key of questions and answers. `secret`: the master's for this purpose."""
    return Key(INSTALLATION, secret)


def ask(connection: "redis.Redis", key: Key, question: dict[str, Any], seconds: float = SECONDS) -> dict[str, Any]:
    """The answer to a question. Raises EngineError (`search_unavailable`, `search_busy`, `search_failed`, or a code of there)."""
    try:
        answer = _asked(connection, key, question, seconds)
    except (redis.RedisError, Tampered) as error:
        raise _unavailable() from error
    if "error" in answer:
        raise EngineError("Search can't answer right now; try again soon.", code=answer["error"])
    return answer


def _asked(connection: "redis.Redis", key: Key, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    name = uuid4()
    if not connection.exists(ALIVE):
        raise _unavailable()
    if connection.llen(QUESTIONS) >= MOST_WAITING:
        raise EngineError("Too many searches are waiting; try again soon.", code="search_busy", transient=True)
    message = name.bytes + _sealed(key, "question", name, {**question, "asked_at": time.time()})
    _put(connection, QUESTIONS, message)
    answered = connection.blpop([ANSWER + name.hex], timeout=seconds)
    if answered is None:
        raise _unavailable()
    return _opened(key, "answer", name, _bytes(answered[1]))


def _put(connection: "redis.Redis", place: str, message: bytes) -> None:
    """Push, in one step with the end of the list, should nobody take it."""
    with connection.pipeline() as together:
        together.lpush(place, message)
        together.expire(place, KEPT_SECONDS)
        together.execute()


def _bytes(found: bytes | str) -> bytes:
    return found if isinstance(found, bytes) else found.encode()


def _unavailable() -> EngineError:
    return EngineError("Search does not answer right now; try again soon.", code="search_unavailable", transient=True)


def _sealed(key: Key, purpose: str, name: UUID, value: dict[str, Any]) -> bytes:
    plain = json.dumps(value).encode()
    return key.seal(f"search.{purpose}", name, 1, plain.ljust(-(-len(plain) // BLOCK) * BLOCK))


def _opened(key: Key, purpose: str, name: UUID, sealed: bytes) -> dict[str, Any]:
    """Raises Tampered."""
    value: dict[str, Any] = json.loads(key.open(f"search.{purpose}", name, 1, sealed))
    return value


class Desk:
    """Takes questions from Redis and answers them, each in one of a few threads, so that a large one holds up no small one."""

    def __init__(self, connection: "redis.Redis", key: Key, host: str) -> None:
        self._redis, self._key = connection, key
        self._signs = (ALIVE, f"{ALIVE}:{host}")
        self.ended = threading.Event()

    def serve(self, answer: Answerer, threads: int, tidy: Callable[[], None]) -> None:
        """Until `ended` is set. `tidy` is called every few seconds; what it raises is logged."""
        workers = [threading.Thread(target=self._work, args=(answer,), name=f"search-{number}") for number in range(threads)]
        for worker in workers:
            worker.start()
        while not self.ended.is_set():
            self._beat()
            _try(tidy)
            self.ended.wait(BEAT_SECONDS)
        for worker in workers:
            worker.join()
        with suppress(redis.RedisError):
            self._redis.delete(*self._signs)

    def _beat(self) -> None:
        try:
            for sign in self._signs:
                self._redis.set(sign, b"", ex=ALIVE_SECONDS)
        except redis.RedisError as error:
            log.warning("redis_away", error=type(error).__name__)

    def _work(self, answer: Answerer) -> None:
        while not self.ended.is_set():
            try:
                taken = self._redis.brpop([QUESTIONS], timeout=1)
                if taken:
                    self._take(_bytes(taken[1]), answer)
            except redis.RedisError:
                self.ended.wait(PAUSE_SECONDS)

    def _take(self, message: bytes, answer: Answerer) -> None:
        try:
            name = UUID(bytes=message[:NAME_BYTES])
            question = _opened(self._key, "question", name, message[NAME_BYTES:])
        except (ValueError, Tampered):
            log.warning("question_not_ours")
            return
        if abs(time.time() - question.pop("asked_at")) > SECONDS:
            return
        sealed = _sealed(self._key, "answer", name, _answered(question, answer))
        _put(self._redis, ANSWER + name.hex, sealed)


def _answered(question: dict[str, Any], answer: Answerer) -> dict[str, Any]:
    try:
        return answer(question)
    except InsightJourneyError as error:
        log.warning("question_refused", code=error.code)
        return {"error": error.code}
    except Exception as error:
        log.error("question_failed", exc_info=error)
        return {"error": "search_failed"}


def _try(tidy: Callable[[], None]) -> None:
    try:
        tidy()
    except Exception as error:
        log.warning("not_tidied", exc_info=error)
