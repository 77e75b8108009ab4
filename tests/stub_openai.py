"""An OpenAI-compatible server of the tests' own: real HTTP on loopback, every answer scripted, every request kept.

    with Stub() as stub:
        stub.script = [failing(429, retry_after=1), said("not json")]   # the next answers, in order; then `stub.reader` again
        ...
        stub.requests[0].headers["authorization"]

`reader` is a function of the request. The default one understands a few phrases, so that a whole analysis can be run.
"""

import email
import email.policy
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

KEY = "sk-test-3141592653"


@dataclass(frozen=True)
class Request:
    """What came over the wire. `body` is the JSON, or the fields of a form; `raw` every byte of it, `file` the upload."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    raw: bytes
    file: bytes = b""
    file_name: str = ""

    @property
    def prompt(self) -> str:
        """All messages of a chat, joined."""
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def moments(self) -> list[dict[str, Any]]:
        """The moments that the prompt shows."""
        shown = self.body["messages"][1]["content"].split("<moments>\n")[1].split("\n</moments>")[0]
        return [json.loads(line) for line in shown.splitlines()]


@dataclass(frozen=True)
class Reply:
    """What goes back. `delay` in seconds; `promise` more bytes than are sent, then the connection is cut; `drop` it at once."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    promise: int = 0
    drop: bool = False


Reader = Callable[[Request], Reply]


def said(text: str | None, *, finish: str = "stop", refusal: str | None = None, tokens: tuple[int, int] | None = (100, 20)) -> Reply:
    """A completion with this text."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, "refusal": refusal}}
    completion: dict[str, Any] = {"id": "c1", "object": "chat.completion", "created": 1, "model": "stub", "choices": [choice]}
    if tokens:
        completion["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return as_json(completion)


def elements(*found: Mapping[str, Any], **options: Any) -> Reply:
    """A completion with these elements."""
    return said(json.dumps({"elements": list(found)}), **options)


def as_json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None, **options: Any) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})}, **options)


def failing(status: int, message: str = "no", *, code: str | None = None, param: str | None = None, retry_after: object = None) -> Reply:
    """An error as the API gives it."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return as_json({"error": {"message": message, "type": "error", "param": param, "code": code}}, status, headers)


def too_long() -> Reply:
    return failing(400, "the request exceeds the available context size (4096 tokens), try increasing it")


def slow(seconds: float) -> Reply:
    return Reply(200, b"{}", {"Content-Type": "application/json"}, delay=seconds)


def dropped() -> Reply:
    """The connection closes without an answer."""
    return Reply(drop=True)


def broken_off(reply: Reply) -> Reply:
    """The connection closes in the middle of the body."""
    half = reply.body[: len(reply.body) // 2]
    return Reply(reply.status, half, reply.headers, promise=len(reply.body) - len(half))


def heard(text: str, words: Iterable[tuple[str, float, float]] = (), *, language: str = "english") -> Reply:
    """A transcription; verbose when words are given, as (word, start, end)."""
    timed = [{"word": word, "start": start, "end": end} for word, start, end in words]
    plain: dict[str, Any] = {"text": text}
    if timed:
        segment = {"id": 0, "start": timed[0]["start"], "end": timed[-1]["end"], "text": f" {text}"}
        plain |= {"task": "transcribe", "language": language, "duration": timed[-1]["end"], "words": timed, "segments": [segment]}
    return as_json(plain)


# kind, what is said, and the fields that such an element has
PHRASES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("emotion", r"\b(anxious|anxiety)\b", {"code": "fear.nervousness.anxiety", "intensity": 2}),
    ("emotion", r"\boverwhelmed\b", {"code": "fear.nervousness.overwhelm", "intensity": 3}),
    ("emotion", r"\b(proud)\b", {"code": "joy.pride.pride", "intensity": 2}),
    ("emotion", r"\b(relieved)\b", {"code": "joy.relief.relief", "intensity": 2}),
    ("emotion", r"\b(sad|sadness)\b", {"code": "sadness.sadness.sadness", "intensity": 2}),
    ("topic", r"\b(deadlines?|workload|work)\b", {"code": "work.workload"}),
    ("topic", r"\b(sleep|slept)\b", {"code": "body.sleep"}),
    ("topic", r"\b(mother|father|parents)\b", {"code": "family.parents"}),
    ("belief", r"\bI(?: am|'m) not good enough\b", {"code": "self.worth", "text": "I am not good enough", "stance": "holds"}),
    ("challenge", r"\bI (struggle|keep failing) to [^.]+", {"text": "It is hard for me.", "severity": 2}),
    ("insight", r"\bI (realized|realised|noticed) [^.]+", {"text": "I understood something."}),
    ("action_item", r"\bI(?: will|'ll| am going to|'m going to) [^.]+", {"text": "I will do something."}),
)


def reading(request: Request) -> Reply:
    """Elements by PHRASES, of the client's moments alone."""
    found = []
    for moment in request.moments:
        for kind, pattern, fields in PHRASES if moment["who"] == "client" else ():
            for match in re.finditer(pattern, moment["words"], re.I):
                found.append({"kind": kind, "moment": moment["moment"], "quote": match[0], "confidence": 0.9, **fields})
    return elements(*found)


def listening(request: Request) -> Reply:
    words = ["I", "felt", "anxious."]
    return heard(" ".join(words), [(word, n * 0.4, n * 0.4 + 0.3) for n, word in enumerate(words)])


class Stub:
    """The server, for the time of a `with`. `script` holds the next replies, or readers; `requests` all that came."""

    def __init__(self, reader: Reader = reading, listener: Reader = listening) -> None:
        self.reader, self.listener = reader, listener
        self.script: list[Reply | Reader] = []
        self.requests: list[Request] = []
        self.at_once = 0  # most requests that were open at the same time
        self._open = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "Stub":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def arrive(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            self._open += 1
            self.at_once = max(self.at_once, self._open)
            default = self.listener if request.path.endswith("/audio/transcriptions") else self.reader
            reply = self.script.pop(0) if self.script else default
        return reply if isinstance(reply, Reply) else reply(request)

    def leave(self) -> None:
        with self._lock:
            self._open -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stub: Stub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:  # noqa: N802 - the name is the library's
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.stub.arrive(_parsed(self.path, {k.lower(): v for k, v in self.headers.items()}, raw))
        try:
            self._answer(reply)
        finally:
            self.server.stub.leave()

    def _answer(self, reply: Reply) -> None:
        if reply.delay:
            self.server.stub.closing.wait(reply.delay)
        self.close_connection = reply.drop or bool(reply.promise)
        if reply.drop:
            return
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body) + reply.promise)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _parsed(path: str, headers: dict[str, str], raw: bytes) -> Request:
    if headers.get("content-type", "").startswith("application/json"):
        return Request(path, headers, json.loads(raw), raw)
    form = email.message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + raw, policy=email.policy.HTTP)
    body: dict[str, Any] = {}
    file, file_name = b"", ""
    for part in form.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if part.get_filename():
            file, file_name = content, part.get_filename()
        else:
            body.setdefault(str(name), []).append(content.decode())
    return Request(path, headers, body, raw, file, file_name)
