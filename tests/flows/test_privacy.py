"""Nothing a person said, wrote or is called stands in the clear in any file, log or temporary folder."""

import tempfile
from importlib import resources
from pathlib import Path

from tests.stack import Person, Stack

RARE = ("quixotic zeppelin", "ZEPPELIN-TITLE", "obsidian-journey", "tambourine.txt", "Wilhelmina Quagmire")


def test_no_word_stands_in_the_clear(stack: Stack, tmp_path_factory: object) -> None:
    person = stack.person("Wilhelmina Quagmire")
    journey = person.post("/journeys", {"name": "obsidian-journey"})["id"]
    session_id = person.session("ZEPPELIN-TITLE", journey_id=journey)
    text = b"I am afraid of the quixotic zeppelin. I'm not good enough to fly it. I will call Wilhelmina Quagmire tomorrow."
    run = person.post(f"/sessions/{session_id}/content", files={"file": ("tambourine.txt", text)})
    assert person.wait(run["id"])["status"] == "finished"
    spoken = resources.files("insight_journey.samples").joinpath("reflection.ogg").read_bytes()
    recording = person.upload(spoken, "tambourine.ogg")
    words = [*RARE, person.email, person.email.split("@")[0], *_rare_phrases(person, recording)]
    assert person.all(f"/sessions/{session_id}/elements", kind="belief")
    assert person.get("/search", q='"quixotic zeppelin"')["count"]
    found = {(word, str(path)) for path in _files(stack) for word in _found(path, words)}
    assert not found


def _rare_phrases(person: Person, session_id: str) -> list[str]:
    """Every long quote of the recording: words that it alone holds."""
    quotes = {element["quote"] for element in person.all(f"/sessions/{session_id}/elements")}
    long = [quote for quote in quotes if len(quote) > 20]
    assert long
    return long


def _files(stack: Stack) -> list[Path]:
    """The homes of all engines, the logs and what is in the temporary folder: all below one folder in a test run, or named ij-."""
    below = stack.settings.home.parent
    return [path for root in (below, *Path(tempfile.gettempdir()).glob("ij-*")) for path in root.rglob("*") if path.is_file()]


def _found(path: Path, words: list[str]) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError:
        return []
    return [word for word in words if word.encode() in data or word.encode("utf-16-le") in data]
