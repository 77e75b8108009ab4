"""The product as its users meet it: API, workers and clock as processes of their own, and clients that speak to them."""

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import socketio
from pydantic import SecretStr

from insight_journey.settings import Settings

ENDED = ("finished", "failed", "cancelled")
PARTS = (("api",), ("worker", "media"), ("worker", "analysis"), ("search",), ("cron",))


@dataclass
class Stack:
    """A running installation."""

    settings: Settings
    log: Path
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self, *args: str) -> None:
        command = [sys.executable, "-m", "insight_journey.cli", "run", "--parent", str(os.getpid()), *args]
        with self.log.open("ab") as log:
            self.parts["-".join(args)] = subprocess.Popen(command, env=environment(self.settings), stdout=log, stderr=log)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command of the product on this installation."""
        line = [sys.executable, "-m", "insight_journey.cli", *command]
        return subprocess.run(line, env=environment(self.settings), capture_output=True, text=True)

    def stop(self) -> None:
        for process in self.parts.values():
            process.terminate()
        for process in self.parts.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def person(self, name: str) -> "Person":
        """Register somebody new and sign her in."""
        address = f"{name.split()[0].lower()}-{secrets.token_hex(6)}@example.org"
        password = secrets.token_urlsafe(16)
        answer = requests.post(
            f"{self.base}/api/v1/auth/register",
            json={"email": address, "password": password, "display_name": name},
            timeout=30,
        ).json()
        data = answer["data"]
        return Person(self.base, address, password, data["access_token"], data["refresh_token"], data["user"]["id"])


@dataclass
class Person:
    """One of the cast, with her token and what her sockets heard."""

    base: str
    email: str
    password: str
    token: str
    refresh_token: str
    id: str

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        return requests.request(method, f"{self.base}/api/v1{path}", headers=headers, timeout=60, **arguments)

    def get(self, path: str, **query: Any) -> Any:
        return _data(self.ask("GET", path, params=query))

    def post(self, path: str, json: Any = None, **arguments: Any) -> Any:
        return _data(self.ask("POST", path, json=json, **arguments))

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All results of a list, page by page."""
        rows, page = [], 1
        while True:
            answer = self.get(path, page=page, page_size=200, **query)
            rows += answer["results"]
            if answer["next"] is None:
                return rows
            page += 1

    def session(self, title: str = "A reflection", **fields: Any) -> str:
        return str(self.post("/sessions", {"title": title, **fields})["id"])

    def write(self, text: str, **fields: Any) -> str:
        """A session made from text, waited for. Returns its id."""
        session_id = self.session(**fields)
        self.wait(self.post(f"/sessions/{session_id}/text", {"text": text})["id"])
        return session_id

    def upload(self, data: bytes, name: str = "recording.ogg", **fields: Any) -> str:
        """A session made from a file, waited for. Returns its id."""
        session_id = self.session(**fields)
        self.wait(self.post(f"/sessions/{session_id}/content", files={"file": (name, data)})["id"])
        return session_id

    def wait(self, run_id: str, seconds: float = 180) -> dict[str, Any]:
        """The run once it has ended."""
        return until(lambda: self._ended(run_id), seconds)

    def _ended(self, run_id: str) -> Any:
        run = self.get(f"/runs/{run_id}")
        return run if run["status"] in ENDED else None

    @contextmanager
    def listening(self, **auth: Any) -> Iterator["Heard"]:
        """A real Socket.IO client of this person."""
        client, heard = socketio.Client(reconnection=False), Heard()
        client.on("*", heard.hear, namespace="/events")
        client.on("disconnect", lambda *_: heard.put_out.set(), namespace="/events")
        client.connect(
            self.base, auth={"token": self.token, **auth}, namespaces=["/events"], transports=["websocket"], wait_timeout=10
        )  # fmt: skip
        try:
            yield heard
        finally:
            with suppress(Exception):
                client.disconnect()


@dataclass
class Heard:
    """What a socket heard, in order."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    put_out: threading.Event = field(default_factory=threading.Event)

    def hear(self, kind: str, message: dict[str, Any]) -> None:
        self.events.append((kind, message))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for name, message in self.events if name == kind]


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """The first truthy answer of `condition`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return answer


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a part of this installation."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return plain | {f"IJ_{name.upper()}": _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _data(answer: requests.Response) -> Any:
    body = answer.json()
    assert body["success"], (answer.status_code, body)
    return body["data"]


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[Stack]:
    """The whole product on these settings, ready."""
    stack = Stack(settings, log)
    for part in PARTS:
        stack.start(*part)
    try:
        until(lambda: _ready(stack), 60)
        yield stack
    finally:
        stack.stop()


def _ready(stack: Stack) -> bool:
    dead = {name: process.poll() for name, process in stack.parts.items() if process.poll() is not None}
    assert not dead, f"{dead}\n{stack.log.read_text()[-3000:]}"
    try:
        return bool(requests.get(f"{stack.base}/readyz", timeout=5).json()["data"]["status"] == "ok")
    except (requests.RequestException, KeyError, TypeError, ValueError):
        return False
