"""One sweep over the OpenAPI document: a stranger gets 404, nobody gets 401, on every route that names a thing."""

import re
from typing import Any

import pytest
import requests

from tests.stack import Person, Stack

METHODS = ("get", "post", "patch", "put", "delete")
BODIES: dict[str, Any] = {
    "/sessions/{session_id}/text": {"text": "Hello."},
    "/sessions/{session_id}": {"title": "Mine now"},
    "/journeys/{journey_id}": {"name": "Mine now"},
}


def _routes(stack: Stack) -> list[tuple[str, str, bool]]:
    """(method, path below /api/v1, whether it needs a token)."""
    document = requests.get(f"{stack.base}/openapi.json", timeout=30).json()
    return [
        (method, path.removeprefix("/api/v1"), operation.get("security") != [])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


@pytest.fixture
def things(alice: Person) -> dict[str, str]:
    session_id = alice.write("I feel sad.")
    return {
        "session_id": session_id,
        "moment_id": alice.get(f"/sessions/{session_id}/moments")["results"][0]["id"],
        "run_id": alice.get(f"/sessions/{session_id}")["latest_run"]["id"],
        "journey_id": alice.post("/journeys", {"name": "Hers"})["id"],
    }


def test_no_route_that_names_a_thing_answers_a_stranger(stack: Stack, alice: Person, charlie: Person, things: dict[str, str]) -> None:
    named = [(method, path) for method, path, _ in _routes(stack) if "{" in path]
    assert len(named) >= 15
    for method, path in named:
        real = re.sub(r"{(\w+)}", lambda match: things[match[1]], path)
        arguments: dict[str, Any] = {"json": BODIES[path]} if path in BODIES and method != "get" else {}
        if path.endswith("/content"):
            arguments = {"files": {"file": ("a.txt", b"Hello.")}}
        answer = charlie.ask(method, real, **arguments)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json()["error"]["code"] == "not_found", (method, path)
    assert alice.get(f"/sessions/{things['session_id']}")["title"] == "A reflection"


def test_no_token_is_401_wherever_one_is_needed(stack: Stack, things: dict[str, str]) -> None:
    closed = [(method, path) for method, path, needs_token in _routes(stack) if needs_token]
    assert len(closed) >= 20
    for method, path in closed:
        real = re.sub(r"{(\w+)}", lambda match: things[match[1]], path)
        answer = requests.request(method, f"{stack.base}/api/v1{real}", timeout=30)
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["success"] is False


def test_lists_hold_ones_own_things_only(alice: Person, charlie: Person, things: dict[str, str]) -> None:
    assert alice.all("/sessions")
    for path in ("/sessions", "/journeys", "/elements"):
        assert charlie.all(path) == []
    assert charlie.get("/graph/summary")["nodes"] == []
