"""Uploads that can't be taken: too many at once, no room, cut off midway. Nothing of them stays."""

import resource
import socket
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from insight_journey.settings import Settings
from tests.conftest import fresh_database, small_settings
from tests.engines import GraphEngine
from tests.flows.test_content import files_of
from tests.stack import Person, Stack, until

SAMPLE = resources.files("insight_journey.samples").joinpath("reflection.ogg")
MIB = 1 << 20


@pytest.fixture
def api(migrated: str, own_redis_url: str, graph_engine: GraphEngine, tmp_path: Path) -> Iterator[Any]:
    """An API process alone, of given settings: no worker takes a run."""
    stacks: list[Stack] = []

    def start(files_of_bytes: int | None = None, **fields: Any) -> Stack:
        stack = Stack(settings.model_copy(update=fields), tmp_path / "api.log")
        stacks.append(stack)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        if files_of_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (files_of_bytes, before[1]))
        try:
            stack.start("api")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        until(lambda: _answers(stack), 60)
        return stack

    with fresh_database(migrated, tmp_path) as database_url:
        settings: Settings = small_settings(tmp_path, database_url, own_redis_url, graph_engine)
        yield start
        for stack in stacks:
            stack.stop()


def _answers(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.base}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def upload(person: Person, data: bytes) -> tuple[str, requests.Response]:
    session_id = person.session()
    return session_id, person.ask("POST", f"/sessions/{session_id}/content", files={"file": ("a.ogg", data)})


def nothing_stayed(stack: Stack, person: Person, session_id: str) -> None:
    assert files_of(stack, session_id) == []
    session = person.get(f"/sessions/{session_id}")
    assert (session["status"], session["media"], session["latest_run"]) == ("empty", None, None)


def test_too_many_open_runs(api: Any) -> None:
    stack = api(open_runs=2)
    alice, bob = stack.person("Alice"), stack.person("Bob")
    for _ in range(2):
        assert upload(alice, SAMPLE.read_bytes())[1].status_code == 202
    session_id, answer = upload(alice, b"\0" * (7 * MIB))  # refused before it is read
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_runs")
    assert int(answer.headers["Retry-After"]) > 0
    nothing_stayed(stack, alice, session_id)
    assert upload(bob, SAMPLE.read_bytes())[1].status_code == 202
    runs = alice.all(f"/sessions/{alice.all('/sessions', sort='created_at')[0]['id']}/runs")
    assert alice.ask("DELETE", f"/runs/{runs[0]['id']}").ok
    assert alice.ask("POST", f"/sessions/{session_id}/text", json={"text": "I feel sad."}).status_code == 202


def test_a_disk_that_is_nearly_full(api: Any) -> None:
    stack = api(free_disk_mb=1 << 40)
    alice = stack.person("Alice")
    session_id, answer = upload(alice, SAMPLE.read_bytes())
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    nothing_stayed(stack, alice, session_id)


def test_a_disk_that_becomes_full_midway(api: Any) -> None:
    """A process may write files of 3 MiB only: the system refuses what is more, as a full disk does."""
    stack = api(files_of_bytes=3 * MIB)
    alice = stack.person("Alice")
    session_id, answer = upload(alice, b"\0" * (6 * MIB))
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    nothing_stayed(stack, alice, session_id)
    assert upload(alice, SAMPLE.read_bytes())[1].status_code == 202


# -- cut off ---------------------------------------------------------------------------------------------------------

BODY = {
    "raw": ("audio/ogg", SAMPLE.read_bytes()),
    "text": ("text/plain", b"I feel sad. " * 5000),
    "multipart": (
        "multipart/form-data; boundary=cut",
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n\r\n' + SAMPLE.read_bytes() + b"\r\n--cut--\r\n",
    ),
}


def begin(person: Person, session_id: str, kind: str, *length: str) -> socket.socket:
    """Send half of a body."""
    address, (content_type, data) = urlsplit(person.base), BODY[kind]
    wire = socket.create_connection((address.hostname, address.port), 30)
    head = (
        f"POST /api/v1/sessions/{session_id}/content HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {person.token}",
        f"Content-Type: {content_type}", *(length or (f"Content-Length: {len(data)}",)), "", "",
    )  # fmt: skip
    half = data[: len(data) // 2]
    wire.sendall("\r\n".join(head).encode() + (f"{len(half):x}\r\n".encode() + half + b"\r\n" if length else half))
    return wire


def wholly_gone(stack: Stack, person: Person, session_id: str) -> None:
    until(lambda: files_of(stack, session_id) == [], 10)
    nothing_stayed(stack, person, session_id)


@pytest.mark.parametrize("kind", BODY)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("reset", [False, True])
def test_an_upload_cut_midway(stack: Stack, alice: Person, kind: str, chunked: bool, reset: bool) -> None:
    session_id = alice.session()
    wire = begin(alice, session_id, kind, *(["Transfer-Encoding: chunked"] if chunked else []))
    until(lambda: files_of(stack, session_id), 10)  # it is being written
    if reset:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.close()
    wholly_gone(stack, alice, session_id)
    alice.wait(alice.post(f"/sessions/{session_id}/text", {"text": "I feel sad."})["id"])


def test_cut_uploads_hold_no_thread(api: Any) -> None:
    stack = api(http_threads=4)
    alice = stack.person("Alice")
    wires = [begin(alice, alice.session(), kind) for kind in ("raw", "multipart", "raw")]
    for wire in wires:
        wire.close()
    begun = [begin(alice, alice.session(), "raw") for _ in range(3)]
    assert alice.get("/users/me")["id"] == alice.id
    for wire in begun:
        wire.close()
