"""In by HTTP, out by HTTP and events: a spoken reflection becomes an evidence graph, live."""

from importlib import resources
from typing import Any

import pytest

from tests.stack import Person, Stack, until

KINDS = {"emotion", "topic", "belief", "challenge", "insight", "action_item"}


def sample(name: str) -> bytes:
    return resources.files("insight_journey.samples").joinpath(name).read_bytes()


@pytest.fixture(scope="module")
def alice(stack: Stack) -> Person:
    return stack.person("Alice")


@pytest.fixture(scope="module")
def told(alice: Person) -> dict[str, Any]:
    """Alice's recording, handed in with a socket open."""
    with alice.listening() as heard:
        session_id = alice.session("A spoken reflection")
        run = alice.post(f"/sessions/{session_id}/content", files={"file": ("reflection.ogg", sample("reflection.ogg"))})
        alice.wait(run["id"])
        until(lambda: heard.of("run.finished"))
    return {"session": session_id, "run": run["id"], "heard": heard}


def test_it_works(alice: Person, told: dict[str, Any]) -> None:
    session = alice.get(f"/sessions/{told['session']}")
    assert (session["status"], session["latest_run"]["status"], session["latest_run"]["error"]) == ("finished", "finished", None)
    elements = alice.all(f"/sessions/{told['session']}/elements")
    assert len({element["kind"] for element in elements}) >= 5
    assert {element["kind"] for element in elements} <= KINDS


def test_each_quote_is_spoken_at_its_time(alice: Person, told: dict[str, Any]) -> None:
    utterances = alice.get(f"/sessions/{told['session']}/transcript")["utterances"]
    elements = alice.all(f"/sessions/{told['session']}/elements")
    assert elements
    for element in elements:
        assert 0 <= element["start"] < element["end"]
        around = [u for u in utterances if u["end"] >= element["start"] and u["start"] <= element["end"]]
        assert element["quote"] in " ".join(u["text"] for u in around)


def test_moments_carry_their_elements(alice: Person, told: dict[str, Any]) -> None:
    moments = alice.all(f"/sessions/{told['session']}/moments")
    assert [m["position"] for m in moments] == list(range(len(moments)))
    for moment in moments:
        for element in moment["elements"]:
            assert element["moment_id"] == moment["id"]
            assert moment["text"][element["quote_start"] : element["quote_end"]] == element["quote"]


def test_counts_are_those_of_the_elements(alice: Person, told: dict[str, Any]) -> None:
    counts = alice.get(f"/sessions/{told['session']}")["counts"]
    elements = alice.all(f"/sessions/{told['session']}/elements")
    found = {kind: len({e["element_id"] for e in elements if e["kind"] == kind}) for kind in KINDS}
    assert {kind: n for kind, n in counts.items() if kind != "moment"} == {kind: n for kind, n in found.items() if n}


def test_progress_is_live_and_the_facts_are_gapless(told: dict[str, Any]) -> None:
    heard = told["heard"]
    shares = [(p["stage"], p["progress"]) for p in heard.of("run.progress") if p["run_id"] == told["run"]]
    assert {stage for stage, _ in shares} >= {"transcribe", "analyze", "project"}
    assert all(0 <= share <= 1 for _, share in shares)
    facts = [message["sequence"] for _, message in heard.events if "sequence" in message]
    assert facts == list(range(facts[0], facts[0] + len(facts)))
    assert "created" in {kind.split(".")[1] for kind, _ in heard.events}


def test_events_carry_no_words(told: dict[str, Any]) -> None:
    allowed = {"session_id", "run_id", "stage", "progress", "eta_seconds", "kind", "element_id", "sequence", "at", "code"}
    assert all(set(message) <= allowed for _, message in told["heard"].events)


def test_a_missed_fact_is_sent_at_reconnect(alice: Person, told: dict[str, Any]) -> None:
    facts = [message["sequence"] for _, message in told["heard"].events if "sequence" in message]
    assert len(facts) > 5
    with alice.listening(last_sequence=facts[0]) as heard:
        until(lambda: len(heard.events) >= len(facts) - 1)
    assert [m["sequence"] for _, m in heard.events if "sequence" in m] == facts[1:]


def test_the_transcript_comes_in_four_forms(alice: Person, told: dict[str, Any]) -> None:
    path = f"/sessions/{told['session']}/transcript"
    text = alice.ask("GET", path, params={"format": "text"}).text
    srt = alice.ask("GET", path, params={"format": "srt"}).text
    vtt = alice.ask("GET", path, params={"format": "vtt"}).text
    assert alice.get(path)["utterances"][0]["text"] in text
    assert srt.startswith("1\n00:00:") and vtt.startswith("WEBVTT")
    assert alice.ask("GET", path, params={"format": "pdf"}).status_code == 422


def test_the_recording_comes_back_whole_and_by_range(alice: Person, told: dict[str, Any]) -> None:
    path, data = f"/sessions/{told['session']}/media", sample("reflection.ogg")
    whole = alice.ask("GET", path)
    assert (whole.status_code, whole.content) == (200, data)
    part = alice.ask("GET", path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(data)}"
    tail = alice.ask("GET", path, headers={"Range": "bytes=-50"})
    assert (tail.status_code, tail.content) == (206, data[-50:])
    assert alice.ask("GET", path, headers={"Range": f"bytes={len(data)}-"}).status_code == 416


def test_the_graph_can_be_drawn(alice: Person, told: dict[str, Any]) -> None:
    graph = alice.get(f"/sessions/{told['session']}/graph")
    ids = {node["id"] for node in graph["nodes"]}
    assert {"Session", "Moment", "Emotion", "Belief"} <= {node["label"] for node in graph["nodes"]}
    assert graph["relationships"]
    assert all(r["start"] in ids and r["end"] in ids for r in graph["relationships"])


def test_the_summary_tells_of_the_period(alice: Person, told: dict[str, Any]) -> None:
    nodes = alice.get("/graph/summary")["nodes"]
    assert "Emotion" in {node["label"] for node in nodes}
    before = alice.get("/graph/summary", **{"from": "2001-01-01T00:00:00Z", "to": "2001-02-01T00:00:00Z"})
    assert not [node for node in before["nodes"] if node["label"] == "Emotion"]


def test_running_again_changes_no_element(alice: Person, told: dict[str, Any]) -> None:
    path = f"/sessions/{told['session']}"
    before = sorted((e["id"], e["element_id"], e["quote"]) for e in alice.all(f"{path}/elements"))
    again = alice.post(f"{path}/runs")
    assert alice.wait(again["id"])["status"] == "finished"
    assert sorted((e["id"], e["element_id"], e["quote"]) for e in alice.all(f"{path}/elements")) == before
    assert [run["number"] for run in alice.all(f"{path}/runs")] == [2, 1]
