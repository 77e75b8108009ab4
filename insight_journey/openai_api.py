"""An OpenAI-compatible API as the settings name it: the client, bounded tries, and its failures as ours.

Only the host of `openai_base_url` is ever spoken to: no redirects, no proxy of the environment. Of the headers that the
client library adds (machine, organisation, project), none leaves. Error messages of the API can repeat what was sent to
it, so none is kept: ours are sentences of this module.

Codes, all on EngineErrors (`failure` of the endpoint): transient `llm_timeout`, `llm_unreachable`, `llm_busy`,
`llm_unavailable`, `llm_unreadable`; final `llm_key_missing`, `llm_unauthorized`, `llm_not_found`, `llm_quota_spent`,
`llm_refused`, `llm_bad_request`. ContextTooLong asks the caller for smaller pieces.
"""

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Generic, TypeVar

import httpx2
import openai

from insight_journey.errors import AnalysisFailed, EngineError
from insight_journey.settings import Settings

T = TypeVar("T")
X = TypeVar("X")
Y = TypeVar("Y")

for _name in ("openai", "httpx2", "httpcore2"):  # at DEBUG, or by OPENAI_LOG, they write out what is sent
    logging.getLogger(_name).setLevel(logging.WARNING)

TRIES = 3
LONGEST_PAUSE = 20.0  # seconds; who is told to wait longer gives the work back
CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.5
HEADERS = frozenset(
    ["host", "accept", "accept-encoding", "connection", "user-agent", "authorization", "content-type", "content-length",
     "transfer-encoding"]
)  # fmt: skip
TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|too (long|large)|maximum.{0,30}tokens|tokens?.{0,40}exceed|exceed.{0,40}tokens?|reduce the length",
    re.I,
)
NEVER_FITS = re.compile(r"too large|must be reduced", re.I)  # a rate limit that one request alone is over
FILTERED = re.compile(r"content.?(filter|policy|management)|safety|moderation", re.I)
# What servers and models refuse by name although the reference has it; the caller asks again without.
OPTIONAL = {
    "max_tokens": r"max_tokens",
    "max_completion_tokens": r"max_completion_tokens",
    "temperature": r"temperature",
    "response_format": r"response.?format|json_schema|json_object|verbose_json|grammar",
    "timestamp_granularities": r"timestamp_granularities",
}
ANSWER_ROOM = re.compile(r"max_(completion_)?tokens\W.{0,60}too large", re.I)  # not the prompt is too long: the answer asked for


@dataclass(frozen=True)
class Tokens:
    """What answers took: tokens, or seconds of sound."""

    input: int = 0
    output: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.input + other.input, self.output + other.output, self.seconds + other.seconds)

    def cost(self, settings: Settings) -> float:
        """USD, by the prices of the settings."""
        words = (self.input * settings.openai_input_price + self.output * settings.openai_output_price) / 1e6
        return round(words + self.seconds / 60 * settings.openai_transcription_price, 6)


class ContextTooLong(EngineError):
    """More than the model takes in, or gives out, at once: ask for less. Never worth trying again as it is."""

    code = "llm_context_too_long"


class RefusedParameter(EngineError):
    """The server does not know a parameter of the request, `name`."""

    code = "llm_bad_request"

    def __init__(self, name: str) -> None:
        super().__init__("The language model does not take this kind of request.")
        self.name = name


@dataclass(frozen=True)
class _Done(Generic[T]):
    value: T


class Endpoint:
    """The API for the time of one job; a context manager, to be used from any number of threads.

    `spent` counts every answer, thrown away or not, and `taken` is told of each. `refused` remembers what this server
    does not take. `failure` is the class of what `call` raises.
    """

    def __init__(
        self, settings: Settings, failure: type[EngineError] = AnalysisFailed, taken: Callable[[Tokens], None] = lambda tokens: None
    ) -> None:
        self.settings, self.failure, self._taken = settings, failure, taken
        self.spent = Tokens()
        self.refused: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._client = _client(settings, failure)

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._client.close()

    def stop(self) -> None:
        """Begin no further try; pauses end at once."""
        self._stopped.set()

    def count(self, tokens: Tokens) -> None:
        with self._lock:
            self.spent += tokens
            self._taken(tokens)

    def each(self, ask: Callable[[X], Y], pieces: Sequence[X], progress: Callable[[float], None]) -> list[Y]:
        """`ask` of every piece, several at a time (`openai_parallel`); answers in the order of the pieces.

        `progress` is told 0..1, and often enough that what it raises stops the work soon. The first failure ends it all.
        """
        pool = ThreadPoolExecutor(self.settings.openai_parallel, thread_name_prefix="asking")
        try:
            asked = [pool.submit(ask, piece) for piece in pieces]
            _watch(asked, progress)
            return [answer.result() for answer in asked]
        except BaseException:
            self.stop()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def call(self, send: Callable[[openai.OpenAI], T]) -> T:
        """`send(client)`, tried again a few times where that may help. `send` raises ValueError for what it can't read.

        Raises ContextTooLong, RefusedParameter, or `failure` with a code of this module.
        """
        tried, outcome = 0, self._try(send)
        while isinstance(outcome, EngineError) and self._pause(outcome, tried):
            tried, outcome = tried + 1, self._try(send)
        if isinstance(outcome, EngineError):
            raise outcome
        return outcome.value

    def _try(self, send: Callable[[openai.OpenAI], T]) -> "_Done[T] | EngineError":
        try:
            return _Done(send(self._client))
        except openai.APIStatusError as error:
            return _of_status(error, self.failure)
        except (openai.OpenAIError, ValueError) as error:
            return _of_connection(error, self.failure)

    def _pause(self, failed: EngineError, tried: int) -> bool:
        """Wait for the next try; False when there is none."""
        pause = failed.retry_after or self.settings.retry_seconds * 2**tried
        if not failed.transient or tried + 1 == TRIES or pause > LONGEST_PAUSE:
            return False
        return not self._stopped.wait(pause)


def _watch(asked: Sequence[Future[Any]], progress: Callable[[float], None]) -> None:
    waiting = set(asked)
    while waiting:
        progress(1 - len(waiting) / len(asked))
        done, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for answer in done:
            answer.result()
    progress(1.0)


def _client(settings: Settings, failure: type[EngineError]) -> openai.OpenAI:
    key = settings.openai_api_key.get_secret_value()
    if not key:
        raise failure("No key of a language model is set.", code="llm_key_missing")
    timeout = httpx2.Timeout(settings.openai_timeout_seconds, connect=min(CONNECT_SECONDS, settings.openai_timeout_seconds))
    http = httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False, event_hooks={"request": [_only_ours]})
    return openai.OpenAI(
        api_key=key, base_url=settings.openai_base_url, timeout=timeout, max_retries=0, http_client=http,
        default_headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip


def _only_ours(request: httpx2.Request) -> None:
    for name in [name for name in request.headers if name.lower() not in HEADERS]:
        del request.headers[name]


def _of_status(error: openai.APIStatusError, failure: type[EngineError]) -> EngineError:
    status, said = error.status_code, f"{error.code or ''} {error.type or ''} {error.message}"
    if status in (400, 422) and (refused := _refused(said, str(error.param or ""))):
        return RefusedParameter(refused)
    if _is_too_long(status, said):
        return ContextTooLong("The text is too long for the language model.")
    if status == 429 and "quota" in said:
        return failure("The credit with the language model's provider is spent.", code="llm_quota_spent")
    if status in (408, 409, 429) or status >= 500:
        return _passing(status, error.response.headers, failure)
    return _final(status, said, failure)


def _refused(said: str, parameter: str) -> str | None:
    """The optional parameter that this is about; a message without `param` may name several, the first is meant."""
    if not parameter and TOO_LONG.search(said) and not ANSWER_ROOM.search(said):
        return None
    return next((name for name, pattern in OPTIONAL.items() if re.search(pattern, parameter or said, re.I)), None)


def _is_too_long(status: int, said: str) -> bool:
    if status == 429:
        return bool(NEVER_FITS.search(said))
    return status == 413 or (status in (400, 422) and bool(TOO_LONG.search(said)))


def _passing(status: int, headers: Mapping[str, str], failure: type[EngineError]) -> EngineError:
    wait = retry_after(headers)
    if status == 429:
        return failure("The language model takes no more requests right now.", code="llm_busy", transient=True, retry_after=wait)
    return failure("The language model does not work right now.", code="llm_unavailable", transient=True, retry_after=wait)


def _final(status: int, said: str, failure: type[EngineError]) -> EngineError:
    if status in (401, 403):
        return failure("The language model's provider does not accept the key.", code="llm_unauthorized")
    if status == 404:
        return failure("There is no such language model at the address of the settings.", code="llm_not_found")
    if FILTERED.search(said):
        return failure("The language model refused to read this text.", code="llm_refused")
    return failure("The language model does not take this kind of request.", code="llm_bad_request")


def _of_connection(error: Exception, failure: type[EngineError]) -> EngineError:
    if isinstance(error, openai.APITimeoutError):
        return failure("The language model took too long to answer.", code="llm_timeout", transient=True)
    if isinstance(error, openai.APIConnectionError):
        return failure("The language model cannot be reached.", code="llm_unreachable", transient=True)
    return failure("What came back is no answer of a language model.", code="llm_unreadable", transient=True)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return seconds if math.isfinite(seconds) and seconds > 0 else None
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()) or None
    except ValueError:
        return None
