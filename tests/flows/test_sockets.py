"""Socket.IO: who may listen, what is heard, who is put out."""

import time
from dataclasses import replace

import jwt
import pytest
import requests
import socketio

from insight_journey.crypto import Master
from tests.stack import Person, Stack, until


def test_it_works(alice: Person) -> None:
    with alice.listening() as heard:
        session_id = alice.write("I feel grateful.")
        until(lambda: heard.of("run.finished"))
    assert [e["session_id"] for e in heard.of("session.created")] == [session_id]


def test_nobody_hears_another(alice: Person, charlie: Person) -> None:
    with charlie.listening() as heard, alice.listening() as own:
        alice.write("I feel grateful.")
        until(lambda: own.of("run.finished"))
        charlie.session()
        until(lambda: heard.of("session.created"))
    assert {kind for kind, _ in heard.events} == {"session.created"}


@pytest.mark.parametrize("token", ["", "nonsense", None])
def test_a_bad_token_is_refused(stack: Stack, token: str | None) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        _connect(stack, token)


def test_a_refresh_token_is_refused(stack: Stack, alice: Person) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        _connect(stack, alice.refresh_token)


def test_a_revoked_token_is_refused_and_put_out(stack: Stack, alice: Person) -> None:
    with alice.listening() as heard:
        alice.ask("POST", "/auth/logout")
        assert heard.put_out.wait(15)
    with pytest.raises(socketio.exceptions.ConnectionError):
        _connect(stack, alice.token)


def test_an_expired_token_is_put_out_and_refused(stack: Stack, alice: Person) -> None:
    with replace(alice, token=_ending_in(stack, alice, seconds=3)).listening() as heard:
        assert not heard.put_out.is_set()
        assert heard.put_out.wait(20)
    with pytest.raises(socketio.exceptions.ConnectionError):
        _connect(stack, _ending_in(stack, alice, seconds=-1))


def _ending_in(stack: Stack, person: Person, seconds: float) -> str:
    """The person's token, signed anew with another end."""
    secret = Master.load(stack.settings).derive("jwt")
    claims = jwt.decode(person.token, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": time.time() + seconds}, secret, algorithm="HS256")


def test_polling_is_refused_with_a_clean_answer(stack: Stack) -> None:
    answer = requests.get(f"{stack.base}/socket.io/?EIO=4&transport=polling", timeout=10)
    assert answer.status_code == 400


def _connect(stack: Stack, token: str | None) -> None:
    client = socketio.Client(reconnection=False)
    try:
        client.connect(stack.base, auth={"token": token}, namespaces=["/events"], transports=["websocket"], wait_timeout=10)
    finally:
        client.disconnect()
