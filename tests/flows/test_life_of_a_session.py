"""Journeys and sessions: create, list, change, run again, cancel, delete."""

import uuid

import pytest

from tests.stack import Person, Stack, until

TEXT = (
    "I have been feeling really anxious about my new job. I keep telling myself that I'm not good enough. "
    "I realised that I never ask for help. I will call my sister on Sunday. I struggle to fall asleep."
)


def test_it_works(alice: Person) -> None:
    journey = alice.post("/journeys", {"name": "Therapy"})
    session_id = alice.write(TEXT, title="Monday", journey_id=journey["id"])
    session = alice.get(f"/sessions/{session_id}")
    assert (session["title"], session["journey_id"], session["status"]) == ("Monday", journey["id"], "finished")
    assert session["media"]["kind"] == "text"
    assert {e["kind"] for e in alice.all(f"/sessions/{session_id}/elements")} >= {"emotion", "belief", "insight", "action_item"}


def test_speaker_turns_are_recognised_and_only_the_client_is_analyzed(alice: Person) -> None:
    session_id = alice.write(
        "Client: Alice\nTherapist: Dr. Moss\n\n[10:00] Dr. Moss: I was so anxious this morning. How are you?\n"
        "[10:05] Alice: I feel grateful today.\n[10:10] Dr. Moss: I am proud of you.\n[10:15] Alice: I am sad about my dog."
    )
    transcript = alice.get(f"/sessions/{session_id}/transcript")
    assert transcript["roles"] == {"Dr. Moss": "practitioner", "Alice": "client"}
    assert [u["start"] for u in transcript["utterances"] if u["speaker"] == "Alice"] == [300, 900]
    moments = {m["id"]: m for m in alice.all(f"/sessions/{session_id}/moments")}
    emotions = alice.all(f"/sessions/{session_id}/elements", kind="emotion")
    assert emotions
    assert {moments[e["moment_id"]]["speaker"] for e in emotions} == {"Alice"}


def test_two_unknown_speakers_give_no_beliefs_and_say_so(alice: Person) -> None:
    session_id = alice.write("SAM: I'm not good enough.\nPAT: I feel anxious about it.\nSAM: I'm such a failure.\nPAT: I am sad.")
    assert "speakers_unknown" in alice.get(f"/sessions/{session_id}")["latest_run"]["warnings"]
    assert not alice.all(f"/sessions/{session_id}/elements", kind="belief")


def test_a_language_the_analyzer_does_not_know_is_said(alice: Person) -> None:
    session_id = alice.write("Ich bin heute sehr traurig, weil meine Schwester nicht gekommen ist und ich allein war.")
    run = alice.get(f"/sessions/{session_id}")["latest_run"]
    assert run["status"] == "finished"
    assert any(warning.startswith("language_not_supported") for warning in run["warnings"])
    assert not alice.all(f"/sessions/{session_id}/elements")


def test_lists_are_paged_sorted_and_filtered(alice: Person) -> None:
    journey = alice.post("/journeys", {"name": "Career"})["id"]
    days = [f"2026-01-0{day}T10:00:00Z" for day in (2, 3, 1)]
    ids = [alice.session(f"Day {i}", occurred_at=day, journey_id=journey if i else None) for i, day in enumerate(days)]
    newest = alice.get("/sessions", page_size=2)
    assert ([s["id"] for s in newest["results"]], newest["count"]) == ([ids[1], ids[0]], 3)
    assert newest["next"] and newest["previous"] is None
    assert [s["id"] for s in alice.all("/sessions", sort="occurred_at")] == [ids[2], ids[0], ids[1]]
    assert {s["id"] for s in alice.all("/sessions", journey_id=journey)} == set(ids[1:])
    assert len(alice.all("/sessions", status="empty")) == 3
    assert not alice.all("/sessions", status="finished")
    assert alice.ask("GET", "/sessions", params={"status": "lost"}).status_code == 422
    assert alice.ask("GET", "/sessions", params={"page_size": 201}).status_code == 422


def test_rename_and_move(alice: Person) -> None:
    journey = alice.post("/journeys", {"name": "Old"})["id"]
    assert alice.ask("PATCH", f"/journeys/{journey}", json={"name": "New"}).json()["data"]["name"] == "New"
    session_id = alice.session("Before")
    changed = alice.ask("PATCH", f"/sessions/{session_id}", json={"title": "After", "journey_id": journey}).json()["data"]
    assert (changed["title"], changed["journey_id"]) == ("After", journey)
    assert alice.ask("DELETE", f"/journeys/{journey}").status_code == 200
    assert alice.get(f"/sessions/{session_id}")["journey_id"] is None


@pytest.mark.parametrize(("kind", "field"), [("journeys", "name"), ("sessions", "title")])
def test_a_change_that_missed_another_is_refused(alice: Person, kind: str, field: str) -> None:
    path = f"/{kind}/" + alice.post(f"/{kind}", {field: "First"})["id"]
    seen = alice.ask("GET", path).headers["ETag"]
    changed = alice.ask("PATCH", path, json={field: "Second"}, headers={"If-Match": seen})
    assert (changed.status_code, changed.json()["data"][field]) == (200, "Second")
    late = alice.ask("PATCH", path, json={field: "Third"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["error"]["code"]) == (412, "precondition_failed")
    assert alice.get(path)[field] == "Second"


def test_delete_takes_everything(alice: Person, stack: Stack) -> None:
    kept, gone = alice.write(TEXT), alice.write(TEXT + " I am jealous of my neighbour.")
    assert stack.settings.storage_dir
    folder = stack.settings.storage_dir / "sessions" / gone
    assert list(folder.iterdir())
    codes = {e["code"] for e in alice.all("/elements", kind="emotion")}
    assert alice.ask("DELETE", f"/sessions/{gone}").status_code == 200
    assert not folder.exists()
    assert {e["session_id"] for e in alice.all("/elements")} == {kept}
    left = until(lambda: _codes_in_graph(alice) < codes and _codes_in_graph(alice))
    assert left == {e["code"] for e in alice.all("/elements", kind="emotion")}
    for path in ("", "/transcript", "/moments", "/elements", "/graph", "/media", "/runs"):
        assert alice.ask("GET", f"/sessions/{gone}{path}").status_code == 404


def _codes_in_graph(person: Person) -> set[str]:
    return {node["code"] for node in person.get("/graph/summary")["nodes"] if node["label"] == "Emotion"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": "x", "journey_id": "no"}, "journey_id"),
        ({"title": "x", "occurred_at": "yesterday"}, "occurred_at"),
        ({"title": "x", "speakers": 3}, "speakers"),
        ({"title": "x", "language": "English"}, "language"),
        ({"title": "x", "colour": "red"}, "colour"),
    ],
)
def test_bad_input_names_the_field(alice: Person, body: dict[str, object], field: str) -> None:
    answer = alice.ask("POST", "/sessions", json=body)
    assert answer.status_code == 422
    assert field in str(answer.json()["error"]["details"])
    assert alice.get("/sessions")["count"] == 0


def test_an_unknown_journey_is_not_found(alice: Person, charlie: Person) -> None:
    assert alice.ask("POST", "/sessions", json={"title": "x", "journey_id": str(uuid.uuid4())}).status_code == 404
    others = charlie.post("/journeys", {"name": "Mine"})["id"]
    assert alice.ask("POST", "/sessions", json={"title": "x", "journey_id": others}).status_code == 404


def test_a_second_text_is_a_conflict(alice: Person) -> None:
    session_id = alice.write(TEXT)
    answer = alice.ask("POST", f"/sessions/{session_id}/text", json={"text": "More."})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "content_exists")


def test_a_session_without_content_cannot_run(alice: Person) -> None:
    answer = alice.ask("POST", f"/sessions/{alice.session()}/runs")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_content")


def test_reading_what_is_not_there_yet(alice: Person) -> None:
    session_id = alice.session()
    for path in ("transcript", "media"):
        assert alice.ask("GET", f"/sessions/{session_id}/{path}").status_code == 404
    assert alice.get(f"/sessions/{session_id}/moments")["results"] == []
    assert alice.get(f"/sessions/{session_id}")["status"] == "empty"


def test_an_ended_run_cannot_be_cancelled(alice: Person) -> None:
    session_id = alice.write(TEXT)
    run = alice.get(f"/sessions/{session_id}")["latest_run"]
    answer = alice.ask("DELETE", f"/runs/{run['id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_ended")
