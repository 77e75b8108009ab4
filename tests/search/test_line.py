"""Questions and answers over a real Redis: sealed, bounded, soon gone."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from insight_journey.crypto import Key
from insight_journey.errors import EngineError, NotFound
from insight_journey.search import line
from insight_journey.search.line import Desk
from tests.stack import until

QUESTION = {"q": "the secret zebra", "limit": 3}


@pytest.fixture
def connection(own_redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(own_redis_url) as found:
        yield found


@pytest.fixture
def key() -> Key:
    return line.line_key(os.urandom(32))


@contextmanager
def answering(connection: "redis.Redis", key: Key, answer: Callable[[dict[str, Any]], dict[str, Any]], threads: int = 2) -> Iterator[Desk]:
    desk = Desk(connection, key, "here")
    serving = threading.Thread(target=desk.serve, args=(answer, threads, lambda: None))
    serving.start()
    try:
        until(lambda: connection.exists(line.ALIVE))
        yield desk
    finally:
        desk.ended.set()
        serving.join()


def refused(connection: "redis.Redis", key: Key, seconds: float = 1) -> str:
    with pytest.raises(EngineError) as error:
        line.ask(connection, key, QUESTION, seconds)
    return error.value.code


def alive(connection: "redis.Redis") -> None:
    connection.set(line.ALIVE, b"")


def test_it_works(connection: "redis.Redis", key: Key) -> None:
    with answering(connection, key, lambda question: {"heard": question}):
        assert line.ask(connection, key, QUESTION) == {"heard": QUESTION}
    assert connection.keys() == []  # nothing is left, not even the sign of life


def test_nothing_stands_in_redis_in_the_clear(connection: "redis.Redis", key: Key) -> None:
    seen: list[bytes] = []

    def look(question: dict[str, Any]) -> dict[str, Any]:
        seen.extend(dump(connection))
        return {"answer": "a zebra of hers"}

    alive(connection)
    asking = threading.Thread(target=line.ask, args=(connection, key, QUESTION))
    asking.start()
    until(lambda: connection.llen(line.QUESTIONS))
    seen += dump(connection)
    assert 0 < connection.ttl(line.QUESTIONS) <= line.KEPT_SECONDS
    with answering(connection, key, look):
        asking.join()
    assert any(len(data) > line.BLOCK for data in seen)
    assert not [data for data in seen if b"zebra" in data or b"limit" in data]


def dump(connection: "redis.Redis") -> list[bytes]:
    lists = [name for name in connection.scan_iter() if connection.type(name) == b"list"]
    return [entry for name in lists for entry in connection.lrange(name, 0, -1)]


def test_lengths_are_whole_blocks(connection: "redis.Redis", key: Key) -> None:
    alive(connection)
    sizes = set()
    for q in ("a", "b" * 1000):
        with pytest.raises(EngineError):
            line.ask(connection, key, {"q": q}, 0.05)
        sizes.add(len(connection.lrange(line.QUESTIONS, 0, 0)[0]))
    assert len(sizes) == 1


def test_nobody_there_is_said_at_once(connection: "redis.Redis", key: Key) -> None:
    began = time.monotonic()
    assert refused(connection, key, 60) == "search_unavailable"
    assert time.monotonic() - began < 30


def test_an_answer_that_does_not_come_is_given_up(connection: "redis.Redis", key: Key) -> None:
    alive(connection)
    assert refused(connection, key, 0.1) == "search_unavailable"


def test_redis_away_is_said(key: Key) -> None:
    assert refused(redis.Redis(port=9), key) == "search_unavailable"


def test_too_many_waiting_are_refused(connection: "redis.Redis", key: Key) -> None:
    alive(connection)
    connection.lpush(line.QUESTIONS, *[b"waits"] * line.MOST_WAITING)
    assert refused(connection, key) == "search_busy"


@pytest.mark.parametrize(("error", "code"), [(NotFound("No."), "not_found"), (KeyError("zebra"), "search_failed")])
def test_what_goes_wrong_there_is_a_code_here(connection: "redis.Redis", key: Key, error: Exception, code: str) -> None:
    def fail(question: dict[str, Any]) -> dict[str, Any]:
        raise error

    with answering(connection, key, fail):
        assert [refused(connection, key, 30) for _ in range(2)] == [code] * 2  # it goes on


@pytest.mark.parametrize("message", [b"", b"x", os.urandom(16), os.urandom(3000)])
def test_what_is_not_ours_is_passed_over(connection: "redis.Redis", key: Key, message: bytes) -> None:
    with answering(connection, key, lambda question: question, threads=1):
        connection.lpush(line.QUESTIONS, message)
        assert line.ask(connection, key, QUESTION) == QUESTION


def test_a_question_under_another_key_is_not_answered(connection: "redis.Redis", key: Key) -> None:
    with answering(connection, line.line_key(os.urandom(32)), lambda question: question):
        assert refused(connection, key) == "search_unavailable"


def test_an_old_question_put_back_is_not_answered(connection: "redis.Redis", key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    alive(connection)
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: 1_000_000_000.0)
        assert refused(connection, key, 0.05) == "search_unavailable"
    heard: list[Any] = []
    with answering(connection, key, lambda question: heard.append(question) or {}, threads=1):
        line.ask(connection, key, {"q": "now"})
    assert heard == [{"q": "now"}]


def test_answers_can_not_be_exchanged(connection: "redis.Redis", key: Key) -> None:
    """Whoever writes in Redis gives one person's answer to another: it does not open."""
    alive(connection)
    codes: list[str] = []

    def ask() -> None:
        try:
            line.ask(connection, key, QUESTION, 20)
        except EngineError as error:
            codes.append(error.code)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    until(lambda: connection.llen(line.QUESTIONS) == 2)
    first, second = (message[: line.NAME_BYTES] for message in connection.lrange(line.QUESTIONS, 0, -1))
    connection.delete(line.QUESTIONS)
    for to, of in ((first, second), (second, first)):
        sealed = line._sealed(key, "answer", line.UUID(bytes=of), {"total": 0})
        connection.lpush(line.ANSWER + to.hex(), sealed)
    for one in asking:
        one.join()
    assert codes == ["search_unavailable"] * 2


def test_a_slow_question_holds_up_no_other(connection: "redis.Redis", key: Key) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        if question["q"] == "slow":
            begun.set()
            assert go_on.wait(30)
        return question

    with answering(connection, key, answer):
        slow = threading.Thread(target=line.ask, args=(connection, key, {"q": "slow"}))
        slow.start()
        assert begun.wait(30)
        assert line.ask(connection, key, {"q": "quick"}) == {"q": "quick"}
        go_on.set()
        slow.join()
