"""In by HTTP, out by HTTP and events: who speaks of self-harm is offered help, and nobody else hears of it."""

from typing import Any

import pytest

from tests.stack import Person, Stack, until

DARK = "I felt sad and alone all evening. I'm not good enough to live and I want to kill myself. I will do it on Friday."
LIGHT = "I felt sad about my work. This deadline is killing me and I could kill for a coffee. I will call my sister on Friday."


def told(person: Person, text: str) -> str:
    session_id = person.session("An evening")
    run = person.post(f"/sessions/{session_id}/text", {"text": text})
    assert person.wait(run["id"])["status"] == "finished"
    return session_id


def test_it_works(alice: Person) -> None:
    session_id = told(alice, DARK)
    session = alice.get(f"/sessions/{session_id}")
    moments = alice.all(f"/sessions/{session_id}/moments")
    flagged = [moment["id"] for moment in moments if moment["care"]]
    assert flagged and session["care"]["moment_ids"] == flagged
    assert all(moment["withheld"] for moment in moments if moment["care"])
    assert {line["url"] for line in session["care"]["help_lines"]} >= {"https://findahelpline.com"}


def test_nothing_of_it_is_a_belief_challenge_insight_or_plan(alice: Person) -> None:
    elements = alice.all(f"/sessions/{told(alice, DARK)}/elements")
    assert elements and {element["kind"] for element in elements} <= {"emotion", "topic"}


def test_what_only_sounds_so_is_filed_as_ever(alice: Person) -> None:
    session_id = told(alice, LIGHT)
    assert alice.get(f"/sessions/{session_id}")["care"] is None
    assert not [m for m in alice.all(f"/sessions/{session_id}/moments") if m["care"] or m["withheld"]]
    assert "action_item" in {element["kind"] for element in alice.all(f"/sessions/{session_id}/elements")}


def test_the_lines_follow_her_country(alice: Person) -> None:
    session_id = told(alice, DARK)
    for country, phone in (("GB", "116 123"), ("US", "988")):
        assert alice.ask("PATCH", "/users/me", json={"country": country}).ok
        lines = alice.get(f"/sessions/{session_id}")["care"]["help_lines"]
        assert lines[0]["phone"] == phone and lines[-1]["url"]


def test_lists_say_it_in_a_word(alice: Person) -> None:
    dark, light, empty = told(alice, DARK), told(alice, LIGHT), alice.session("Nothing yet")
    assert {row["id"]: row["care"] for row in alice.all("/sessions")} == {dark: True, light: False, empty: False}
    assert alice.get(f"/sessions/{empty}")["care"] is None


@pytest.mark.parametrize("path", ["/sessions/{}", "/sessions/{}/moments", "/sessions/{}/elements", "/sessions/{}/transcript"])
def test_a_stranger_hears_nothing(alice: Person, charlie: Person, path: str) -> None:
    session_id = told(alice, DARK)
    assert charlie.ask("GET", path.format(session_id)).status_code == 404


def test_events_do_not_tell(stack: Stack, alice: Person) -> None:
    def shape(text: str) -> set[tuple[str, str]]:
        with alice.listening() as heard:
            told(alice, text)
            until(lambda: heard.of("run.finished"))
        return {(name, key) for name, message in heard.events if not name.startswith("element.") for key in message if key != "eta_seconds"}

    assert shape(DARK) == shape(LIGHT)


def test_a_run_does_not_tell(alice: Person) -> None:
    def warnings(text: str) -> Any:
        return alice.get(f"/sessions/{told(alice, text)}")["latest_run"]["warnings"]

    assert warnings(DARK) == warnings(LIGHT)
