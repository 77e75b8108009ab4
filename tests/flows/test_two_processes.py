"""Two API processes on the same stores behind one address: it does not matter which of them a client meets."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import socketio

from insight_journey.embedded.endpoints import free_port
from tests.stack import Person, Stack, until


@pytest.fixture(scope="module")
def second(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a second API process of the same installation."""
    log: Path = tmp_path_factory.mktemp("second") / "api.log"
    other = Stack(stack.settings.model_copy(update={"port": free_port()}), log)
    other.start("api")
    try:
        until(lambda: _lives(other), 60)
        yield other.base
    finally:
        other.stop()


def _lives(other: Stack) -> bool:
    try:
        return requests.get(f"{other.base}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_it_works(alice: Person, second: str) -> None:
    with alice.listening() as heard:
        session_id = replace(alice, base=second).write("I feel grateful.")
        until(lambda: heard.of("run.finished"))
    assert [event["session_id"] for event in heard.of("session.created")] == [session_id]
    assert [event["sequence"] for event in heard.of("session.created")] == [1]
    assert alice.get(f"/sessions/{session_id}")["status"] == "finished"


def test_a_gap_is_replayed_by_the_other_process(alice: Person, second: str) -> None:
    with alice.listening() as heard:
        alice.session()
        until(lambda: heard.of("session.created"))
    missed = [alice.session(), alice.session()]
    with replace(alice, base=second).listening(last_sequence=1) as heard:
        until(lambda: len(heard.of("session.created")) == 2)
    assert [(e["sequence"], e["session_id"]) for e in heard.of("session.created")] == [(2, missed[0]), (3, missed[1])]


def test_nobody_hears_another(alice: Person, charlie: Person, second: str) -> None:
    with charlie.listening() as heard, alice.listening() as own:
        replace(alice, base=second).session()
        until(lambda: own.of("session.created"))
        own_id = replace(charlie, base=second).session()
        until(lambda: heard.of("session.created"))
    assert [event["session_id"] for event in heard.of("session.created")] == [own_id]


def test_a_token_revoked_at_one_is_put_out_and_refused_at_the_other(alice: Person, second: str) -> None:
    with alice.listening() as heard:
        assert replace(alice, base=second).ask("POST", "/auth/logout").status_code == 200
        assert heard.put_out.wait(15)
    for person in (alice, replace(alice, base=second)):
        assert person.ask("GET", "/sessions").json()["error"]["code"] == "token_revoked"
        with pytest.raises(socketio.exceptions.ConnectionError), person.listening():
            pass


def test_the_same_post_is_done_once_whichever_process_it_reaches(alice: Person, second: str) -> None:
    headers = {"Idempotency-Key": "one"}
    first = alice.ask("POST", "/journeys", json={"name": "Hers"}, headers=headers)
    again = replace(alice, base=second).ask("POST", "/journeys", json={"name": "Hers"}, headers=headers)
    assert (first.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert first.json()["data"] == again.json()["data"]
    assert len(alice.all("/journeys")) == 1


@pytest.mark.parametrize("transport", ["polling", ""])
def test_only_websockets_are_taken(stack: Stack, second: str, transport: str) -> None:
    for base in (stack.base, second):
        query = {"EIO": "4", **({"transport": transport} if transport else {})}
        assert requests.get(f"{base}/socket.io/", params=query, timeout=10).status_code == 400
