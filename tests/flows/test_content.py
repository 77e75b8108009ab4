"""Content: what is taken, and what is refused with nothing left behind."""

from importlib import resources

import pytest

from tests.stack import Person, Stack

SAMPLE = resources.files("insight_journey.samples").joinpath("reflection.ogg")


def refused(person: Person, stack: Stack, data: bytes, name: str, status: int, code: str) -> None:
    """A file is refused with this code and a sentence, and nothing of it stays."""
    session_id = person.session()
    answer = person.ask("POST", f"/sessions/{session_id}/content", files={"file": (name, data)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["message"].endswith(".")
    assert files_of(stack, session_id) == []
    session = person.get(f"/sessions/{session_id}")
    assert (session["status"], session["media"], session["latest_run"]) == ("empty", None, None)


def files_of(stack: Stack, session_id: str) -> list[str]:
    assert stack.settings.storage_dir
    folder = stack.settings.storage_dir / "sessions" / session_id
    return [path.name for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_it_works_with_a_raw_body(alice: Person) -> None:
    session_id = alice.session()
    run = alice.ask(
        "POST", f"/sessions/{session_id}/content", params={"file_name": "a.txt"}, data=b"I feel sad.",
        headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert run.status_code == 202
    assert alice.wait(run.json()["data"]["id"])["status"] == "finished"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "# Monday\n\nI feel sad."),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Alice>I feel sad.</v>\n"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:03,000\nI feel sad.\n"),
        ("a.json", '[{"speaker": "Alice", "start": 1, "end": 3, "text": "I feel sad."}]'),
    ],
)
def test_text_files_of_every_kind(alice: Person, name: str, text: str) -> None:
    session_id = alice.upload(text.encode(), name)
    assert [e["quote"] for e in alice.all(f"/sessions/{session_id}/elements", kind="emotion")]


def test_a_name_that_lies_is_looked_through(alice: Person) -> None:
    session_id = alice.upload(SAMPLE.read_bytes(), "../../etc/passwd\u202e.mp3")
    session = alice.get(f"/sessions/{session_id}")
    assert (session["status"], session["media"]["kind"]) == ("finished", "audio")


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"", "empty.mp3", 422, "media_empty"),
        (b"<html><body>hello</body></html>", "page.mp3", 415, "media_unsupported"),
        (b"\x7fELF" + b"\0" * 4000, "program.wav", 415, "media_unsupported"),
        (b"ffconcat version 1.0\nfile secret.wav\n", "list.mp3", 415, "media_unsupported"),
        (b"   \n", "blank.txt", 422, "text_empty"),
        (b"\xff\xfe\xfa\x80 not text", "binary.txt", 422, "text_not_utf8"),
    ],
)
def test_what_is_no_recording_is_refused(alice: Person, stack: Stack, data: bytes, name: str, status: int, code: str) -> None:
    refused(alice, stack, data, name, status, code)


def test_too_large_is_413(alice: Person, stack: Stack) -> None:
    refused(alice, stack, b"x" * (stack.settings.upload_limit_mb * (1 << 20) + 1), "big.wav", 413, "content_too_large")
    refused(alice, stack, b"I am sad. " * (stack.settings.text_limit_kb * 110), "big.txt", 413, "content_too_large")


def test_a_form_without_the_field_is_refused(alice: Person) -> None:
    session_id = alice.session()
    answer = alice.ask("POST", f"/sessions/{session_id}/content", files={"attachment": ("a.txt", b"I feel sad.")})
    assert answer.status_code == 422
    assert "file" in answer.json()["error"]["details"]
    twice = [("file", ("a.txt", b"One.")), ("file", ("b.txt", b"Two."))]
    assert alice.ask("POST", f"/sessions/{session_id}/content", files=twice).status_code == 422


def test_a_second_upload_is_a_conflict(alice: Person, stack: Stack) -> None:
    session_id = alice.upload(b"I feel sad.", "a.txt")
    before = files_of(stack, session_id)
    answer = alice.ask("POST", f"/sessions/{session_id}/content", files={"file": ("b.txt", b"I feel glad.")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "content_exists")
    assert files_of(stack, session_id) == before


def test_a_recording_that_breaks_off_is_kept_as_far_as_it_goes(alice: Person) -> None:
    data = SAMPLE.read_bytes()
    session_id = alice.upload(data[: len(data) // 3], "broken.ogg")
    run = alice.get(f"/sessions/{session_id}")["latest_run"]
    assert run["status"] == "finished"
    assert alice.get(f"/sessions/{session_id}/transcript")["utterances"]
    assert alice.ask("GET", f"/sessions/{session_id}/media").content == data[: len(data) // 3]


def test_a_run_can_be_cancelled_and_begun_again(alice: Person) -> None:
    session_id = alice.session()
    run = alice.post(f"/sessions/{session_id}/content", files={"file": ("r.ogg", SAMPLE.read_bytes())})
    assert alice.ask("POST", f"/sessions/{session_id}/runs").json()["error"]["code"] == "run_open"
    assert alice.ask("DELETE", f"/runs/{run['id']}").json()["data"]["status"] == "cancelled"
    again = alice.post(f"/sessions/{session_id}/runs")
    assert alice.wait(again["id"])["status"] == "finished"
    assert alice.get(f"/runs/{run['id']}")["status"] == "cancelled"


def test_a_name_in_any_writing_comes_back(alice: Person) -> None:
    session_id = alice.upload(b"I feel sad.", "für 母.txt")
    given = alice.ask("GET", f"/sessions/{session_id}/media").headers["Content-Disposition"]
    assert given == "attachment; filename=\"fur .txt\"; filename*=UTF-8''f%C3%BCr%20%E6%AF%8D.txt"
