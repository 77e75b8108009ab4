"""The served OpenAPI document against the running product: what it says is what comes, whatever is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.stack import Person, Stack

EXAMPLES = 6  # of each operation, beside the cases that its schema itself names
MAKES_CONTENT = ("/content", "/text")
CHECKS = [checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENVELOPES = ({"success", "data", "request_id"}, {"success", "error", "request_id"})


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Person:
    """Somebody new, whose session has everything that can be asked for."""
    person = stack.person("Dora")
    person.post("/journeys", {"name": "Hers"})
    person.write("Yesterday I felt sad. I will call my brother tomorrow.")
    return person


@pytest.fixture(scope="module")
def document(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{stack.base}/openapi.json", timeout=30).json()
    return found


@pytest.fixture(scope="module")
def contract(stack: Stack, document: dict[str, Any]) -> Any:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=stack.base)
    return schema


def test_every_answer_is_as_documented(contract: Any, caller: Person, subtests: pytest.Subtests) -> None:
    for found in contract.exclude(path_regex="/auth/logout$").get_all_operations():
        operation = found.ok()
        with subtests.test(operation.label):
            explore(operation, caller)


def explore(operation: Any, caller: Person) -> None:
    """Send what the operation's schema allows, and what it does not."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=st.one_of(operation.as_strategy(mode) for mode in GenerationMode))
    def try_out(case: schemathesis.Case) -> None:
        send(case, caller)
        if case.path_parameters and case.method != "DELETE":
            case.path_parameters = dict(things(case.path, caller))
            send(case, caller)

    try_out()


def send(case: schemathesis.Case, caller: Person) -> None:
    answer = case.call(headers={"Authorization": f"Bearer {caller.token}"})
    case.validate_response(answer, checks=CHECKS)
    documented = case.operation.definition.raw["responses"]
    assert str(answer.status_code) in documented, f"{answer.status_code} is not documented: {documented.keys()}"
    if "application/json" in answer.headers.get("content-type", []):
        check_envelope(answer)


def check_envelope(answer: Any) -> None:
    body = answer.json()
    assert set(body) in ENVELOPES
    assert body["success"] is (answer.status_code < 400)
    assert body["request_id"] == answer.headers["x-request-id"][0]
    if not body["success"]:
        assert set(body["error"]) == {"code", "message", "details"}
        assert body["error"]["message"].endswith(".")


def things(path: str, caller: Person) -> Iterator[tuple[str, str]]:
    """Real things of the caller for the names in a path; a session that is still empty where content is sent."""
    full = caller.get("/sessions", sort="occurred_at")["results"][0]
    if "{session_id}" in path:
        yield "session_id", caller.session() if path.endswith(MAKES_CONTENT) else full["id"]
    if "{moment_id}" in path:
        yield "moment_id", caller.get(f"/sessions/{full['id']}/moments")["results"][0]["id"]
    if "{run_id}" in path:
        yield "run_id", full["latest_run"]["id"]
    if "{journey_id}" in path:
        yield "journey_id", caller.get("/journeys")["results"][0]["id"]
