"""The OpenAPI document and its page."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import insight_journey.app
from insight_journey import errors
from insight_journey.api.errors import HTTP
from tests.api.conftest import Person


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").json


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


def test_it_works(client: FlaskClient, document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/users/me" in document["paths"]
    assert client.get("/api/v1/openapi.json").json == document


def test_the_page_is_whole_without_a_network(client: FlaskClient) -> None:
    for path in ("/docs", "/api/v1/docs"):
        page = client.get(path)
        assert page.status_code == 200
        html = page.get_data(as_text=True)
        named = re.findall(r'(?:src|href|data-document)="([^"]+)"', html)
        assert len(named) == 5
        for address in named:
            with client.get(address) as asset:
                assert asset.status_code == 200
        assert all(address.startswith("/") and not address.startswith("//") for address in named)


def test_the_page_runs_only_our_own_scripts(client: FlaskClient) -> None:
    page = client.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|javascript:", page.get_data(as_text=True))


def test_every_answer_is_described_in_its_envelope(document: Any) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema")
            if status.startswith("2") and schema:
                assert set(schema["required"]) == {"success", "data", "request_id"}, (path, method)
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}
    error = document["components"]["schemas"]["ErrorAnswer"]
    assert set(error["required"]) == {"success", "error", "request_id"}


def test_every_operation_is_explained(document: Any) -> None:
    assert [(path, method) for path, method, operation in operations(document) if not operation.get("summary")] == []


def test_it_says_which_routes_are_public(client: FlaskClient, document: Any) -> None:
    assert document["security"] == [{"bearer": []}]
    public = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert public == {f"/api/v1/{p}" for p in ("auth/register", "auth/login", "auth/refresh", "healthz", "readyz")}


def test_every_other_route_refuses_who_has_no_token(client: FlaskClient, document: Any, alice: Person) -> None:
    for path, method, operation in operations(document):
        if operation.get("security") != []:
            answer = client.open(re.sub(r"{\w+}", alice.id, path), method=method.upper())
            assert answer.status_code == 401, (path, method)
            assert answer.json["error"]["code"] == "unauthenticated"


def test_references_lead_somewhere(document: Any) -> None:
    for reference in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]


# -- docs/api.md -----------------------------------------------------------------------------------------------------

PACKAGE = Path(insight_journey.app.__file__).parent
MANUAL = PACKAGE.parent / "docs" / "api.md"


def codes() -> set[str]:
    """Every code that an answer can carry: of error classes, of statuses, and those given where something is refused."""
    found = {cls.code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.InsightJourneyError)}
    found |= {code for code, _ in HTTP.values()}
    for package in ("api", "accounts", "sessions"):
        for path in (PACKAGE / package).rglob("*.py"):
            found |= set(re.findall(r'code="(\w+)"', path.read_text()))
    return found


def test_every_code_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", MANUAL.read_text()))
    assert codes() - explained == set()
