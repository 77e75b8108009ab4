"""Several clients of one person at the same sessions at once: what is left is what one after the other would have left."""

import threading
from collections.abc import Callable
from typing import Any

import requests

from tests.installation import as_read
from tests.stack import Person, Stack, until

TEXTS = [
    f"Day {n}. I have been feeling really anxious about my new job. I'm not good enough. I will call my sister on Sunday." for n in range(6)
]
TAKEN, TAKEN_ALREADY, GONE = {200, 201, 202, 204}, {409}, {404}


def at_once(actions: list[Callable[[], requests.Response]]) -> list[int]:
    """Their statuses."""
    statuses: list[int] = []
    barrier = threading.Barrier(len(actions))

    def act(action: Callable[[], requests.Response]) -> None:
        barrier.wait()
        statuses.append(action().status_code)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def hand_in(person: Person, session_id: str, text: str) -> Callable[[], requests.Response]:
    return lambda: person.ask("POST", f"/sessions/{session_id}/text", json={"text": text})


def run_again(person: Person, session_id: str) -> Callable[[], requests.Response]:
    return lambda: person.ask("POST", f"/sessions/{session_id}/runs")


def delete(person: Person, session_id: str) -> Callable[[], requests.Response]:
    return lambda: person.ask("DELETE", f"/sessions/{session_id}")


def quiet(person: Person) -> list[dict[str, Any]]:
    """Her sessions once all their runs have ended."""
    sessions = person.all("/sessions")
    for session in sessions:
        for run in person.all(f"/sessions/{session['id']}/runs"):
            person.wait(run["id"])
    return sessions


def all_read(person: Person, sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What she reads of each, and of all, without ids."""
    each = sorted((as_read(person, session["id"]) for session in sessions), key=lambda read: read["transcript"])
    elements = sorted((e["kind"], e["text"] or e["code"], e["quote"]) for e in person.all("/elements"))
    return [*each, {"elements": elements}]


def test_it_works(stack: Stack, alice: Person, bob: Person) -> None:
    """Alice's clients do it at once, Bob does the same one by one."""
    ids = [alice.session(title=text[:5]) for text in TEXTS]
    statuses = at_once([hand_in(alice, session_id, text) for session_id, text in zip(ids, TEXTS, strict=True) for _ in range(3)])
    assert sorted(statuses) == [202] * 6 + [409] * 12
    gone = ids[:2]
    acts = [act(alice, session_id) for session_id in ids for act in (run_again, run_again, delete)[: 3 if session_id in gone else 2]]
    assert set(at_once(acts)) <= TAKEN | TAKEN_ALREADY | GONE
    left = quiet(alice)
    assert sorted(session["id"] for session in left) == sorted(ids[2:])
    for text in TEXTS[2:]:
        bob.write(text)
    assert all_read(alice, left) == all_read(bob, quiet(bob))
    until(lambda: stack.run("graph", "verify", "--user", alice.id).returncode == 0)  # the relay takes out what was deleted
