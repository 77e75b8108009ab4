"""A corpus of hostile uploads: each gets its documented answer, what is refused leaves nothing, and the product lives on."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
import sqlalchemy as sa

from tests.flows.test_content import files_of
from tests.stack import Person, Stack

ROOT = Path(__file__).parent.parent.parent
GROWTH = 100 << 20  # bytes that the API process may hold more after the whole corpus
OWN_FAULT = ("internal_error", "worker_died", "error")
TEXTS = [
    (rb'{"text": "I felt \ud800 sad."}', 400, "malformed_json"),
    (b'{"text": NaN}', 400, "malformed_json"),
    (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "malformed_json"),
    (b'{"text": ' + b"9" * 100_000 + b"}", 400, "malformed_json"),
    (b'{"text": "I felt sad."', 400, "malformed_json"),
    (b'{"text": "\xff\xfe"}', 400, "malformed_json"),
    (b'{"text": 5}', 422, "invalid"),
    (b'{"text": "Sad.", "te\\u0000xt": "Sad."}', 422, "invalid"),
    (rb'{"text": "\u0001\u202e\n"}', 422, "text_empty"),
    (b'{"text": "' + b"x" * (300 << 10) + b'"}', 413, "content_too_large"),
    (b'{"text": "' + b"x" * (4 << 20) + b'"}', 413, "too_large"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    subprocess.run([sys.executable, ROOT / "scripts" / "make-hostile", folder], check=True, capture_output=True)
    yield [{**entry, "data": (folder / entry["file"]).read_bytes()} for entry in json.loads((folder / "corpus.json").read_text())]


def test_each_upload_gets_its_answer_and_the_product_lives_on(
    stack: Stack, alice: Person, corpus: list[dict[str, Any]], subtests: pytest.Subtests
) -> None:
    taken: dict[tuple[str, str], str] = {}
    before = memory(stack)
    for entry in corpus:
        with subtests.test(entry["name"][:60]):
            session_id, answer = upload(alice, entry["data"], entry["name"])
            if entry["code"] is None:
                assert answer.status_code == 202, answer.text
                taken[answer.json()["data"]["id"], session_id] = entry["name"]
            else:
                check_refused(stack, alice, session_id, answer, entry["status"], entry["code"])
    assert memory(stack) - before < GROWTH
    for (run_id, session_id), name in taken.items():
        with subtests.test(f"{name[:60]} taken"):
            check_taken(alice, session_id, alice.wait(run_id))
    assert all(process.poll() is None for process in stack.parts.values())


def upload(person: Person, data: bytes, name: str) -> tuple[str, requests.Response]:
    """Into a new session, as a raw body: clients of multipart tidy names up."""
    session_id = person.session()
    answer = person.ask(
        "POST", f"/sessions/{session_id}/content", params={"file_name": name}, data=data,
        headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    return session_id, answer


def check_refused(stack: Stack, person: Person, session_id: str, answer: requests.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), answer.text
    assert body["error"]["message"].endswith(".")
    assert code in documented()
    assert files_of(stack, session_id) == []
    assert rows(stack, session_id) == 0
    session = person.get(f"/sessions/{session_id}")
    assert (session["status"], session["media"], session["latest_run"]) == ("empty", None, None)


def check_taken(person: Person, session_id: str, run: dict[str, Any]) -> None:
    """A run may end either way; it is never our own fault. What was sent comes back as a file to save, not to show."""
    assert run["status"] in ("finished", "failed"), run
    assert run["error"] is None or run["error"]["code"] not in OWN_FAULT, run
    answer = person.ask("GET", f"/sessions/{session_id}/media")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert not re.search(r"[\x00-\x1f\x7f\u202e]", answer.headers["Content-Disposition"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def documented() -> set[str]:
    pages = [(ROOT / "docs" / name).read_text() for name in ("api.md", "pipeline.md")]
    return set(re.findall(r"`(\w+)`", "".join(pages)))


def rows(stack: Stack, session_id: str) -> int:
    """Rows of media and runs of a session."""
    engine = sa.create_engine(stack.settings.database_url)
    tables = [sa.Table(name, sa.MetaData(), sa.Column("session_id", sa.Uuid)) for name in ("media", "runs")]
    counts = [sa.select(sa.func.count()).select_from(table).where(table.c.session_id == UUID(session_id)) for table in tables]
    with engine.connect() as connection:
        found = sum(connection.scalar(count) or 0 for count in counts)
    engine.dispose()
    return found


def memory(stack: Stack) -> int:
    """Resident bytes of the API: the process that was started and its children."""
    root = stack.parts["api"].pid
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return sum(resident(pid) for pid in (root, *children))


def resident(pid: int | str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) << 10


@pytest.mark.parametrize(("body", "status", "code"), TEXTS)
def test_texts_that_are_no_json_or_no_text(stack: Stack, alice: Person, body: bytes, status: int, code: str) -> None:
    session_id = alice.session()
    answer = alice.ask("POST", f"/sessions/{session_id}/text", data=body, headers={"Content-Type": "application/json"})
    check_refused(stack, alice, session_id, answer, status, code)


def test_what_was_said_before_a_recording_broke_off_is_kept(alice: Person, corpus: list[dict[str, Any]]) -> None:
    for name in ("cut.wav", "cut.ogg"):
        data = next(entry["data"] for entry in corpus if entry["name"] == name)
        session_id = alice.upload(data, name)
        run = alice.get(f"/sessions/{session_id}")["latest_run"]
        assert run["status"] == "finished"
        assert "recording_broken_off" in run["warnings"]
        assert alice.get(f"/sessions/{session_id}/transcript")["utterances"]
