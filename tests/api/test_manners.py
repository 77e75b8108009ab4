"""What holds for every answer: the envelope, codes, headers, paging."""

import json
import re
from typing import Any
from uuid import UUID

import marshmallow as ma
import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from flask.views import MethodView

from insight_journey import errors
from insight_journey.api.auth import current_user, public
from insight_journey.api.envelope import Blueprint, Paging, body_limit
from insight_journey.app import create_app
from insight_journey.settings import Settings
from tests.api.conftest import Person, close

PHRASE = "the heron by the frozen canal"


class ThingSchema(ma.Schema):
    number = ma.fields.Integer(required=True)


class NestedSchema(ma.Schema):
    things = ma.fields.List(ma.fields.Nested(ThingSchema))


class FilterSchema(ma.Schema):
    kind = ma.fields.String(load_default=None)


def things() -> Blueprint:
    """Routes made as the resources are made, for what no resource does on purpose."""
    blp = Blueprint("things", __name__, url_prefix="/things")

    @blp.route("")
    class Things(MethodView):
        @blp.arguments(FilterSchema, location="query")
        @blp.page(ThingSchema)
        def get(self, _query: dict[str, Any], paging: Paging) -> tuple[list[Any], int]:
            rows = [{"number": n} for n in range(95)]
            return rows[paging.offset :][: paging.limit], len(rows)

        @blp.arguments(NestedSchema)
        @blp.response(201, NestedSchema)
        def post(self, data: Any) -> Any:
            return data

        @body_limit(lambda settings: settings.text_limit_kb << 10)
        @blp.arguments(NestedSchema)
        @blp.response(200)
        def put(self, _data: Any) -> None: ...

    @blp.route("/<uuid:thing_id>/<failure>")
    class Failing(MethodView):
        def get(self, thing_id: UUID, failure: str) -> None:
            current_user()
            raise FAILURES[failure][0]

    @blp.route("/raw")
    class Raw(MethodView):
        @public
        def get(self) -> Response:
            return Response(b"0123", mimetype="audio/wav", headers={"Cache-Control": "private"})

    @blp.route("/gone")
    def gone() -> None:
        abort(410)

    return blp


FAILURES: dict[str, tuple[Exception, int, str]] = {
    "not_allowed": (errors.NotAllowed("No."), 403, "not_allowed"),
    "not_found": (errors.NotFound("No.", code="journey_not_found"), 404, "journey_not_found"),
    "conflict": (errors.Conflict("No."), 409, "conflict"),
    "media": (errors.UnsupportedMedia("No.", code="no_audio"), 415, "no_audio"),
    "large": (errors.TooLarge("No."), 413, "too_large"),
    "full": (errors.StorageFull("No."), 507, "storage_full"),
    "tampered": (errors.Tampered("No."), 500, "tampered"),
    "graph": (errors.GraphUnavailable("No.", retry_after=7), 503, "graph_unavailable"),
    "bug": (ValueError(PHRASE), 500, "internal_error"),
}


@pytest.fixture
def app(settings: Settings) -> Any:
    app = create_app(settings)
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_blueprint(things(), url_prefix="/api/v1/things")
    yield app
    close(app)


def is_refusal(answer: Any, status: int, code: str) -> bool:
    """Whether the answer is our error envelope, and nothing else is in it."""
    body = answer.json
    return bool(
        answer.status_code == status
        and set(body) == {"success", "error", "request_id"}
        and body["success"] is False
        and set(body["error"]) == {"code", "message", "details"}
        and body["error"]["code"] == code
        and body["error"]["message"]
        and body["request_id"] == answer.headers["X-Request-ID"]
    )


# -- the envelope ----------------------------------------------------------------------------------------------------


def test_it_works(client: FlaskClient, alice: Person) -> None:
    answer = client.post("/api/v1/things", headers=alice.headers, json={"things": [{"number": 1}]})
    assert answer.status_code == 201
    assert answer.json == {
        "success": True,
        "data": {"things": [{"number": 1}]},
        "request_id": answer.headers["X-Request-ID"],
    }


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/nothing", "/api/v2/users/me", "/api/v1/things/no-uuid/bug", "/static/none.js"])
def test_an_unknown_address(client: FlaskClient, path: str) -> None:
    assert is_refusal(client.get(path), 404, "not_found")


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/auth/login")
    assert is_refusal(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_status_without_a_word_of_ours(client: FlaskClient, alice: Person) -> None:
    assert is_refusal(client.get("/api/v1/things/gone", headers=alice.headers), 410, "error")


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_map_to_statuses(client: FlaskClient, alice: Person, failure: str) -> None:
    _, status, code = FAILURES[failure]
    answer = client.get(f"/api/v1/things/{alice.id}/{failure}", headers=alice.headers)
    assert is_refusal(answer, status, code)
    if status == 503:
        assert answer.headers["Retry-After"] == "7"


def test_a_bug_tells_nobody_what_was_said(client: FlaskClient, alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    answer = client.get(f"/api/v1/things/{alice.id}/bug", headers={**alice.headers, "X-Request-ID": "find-me"})
    assert PHRASE not in answer.get_data(as_text=True)
    lines = capsys.readouterr().err
    assert PHRASE not in lines
    crash = next(json.loads(line) for line in lines.splitlines() if "request_crashed" in line)
    assert crash["exception"]["type"] == "ValueError"
    assert crash["request_id"] == "find-me"


def test_raw_answers_pass(client: FlaskClient) -> None:
    answer = client.get("/api/v1/things/raw")
    assert answer.data == b"0123"
    assert answer.content_type == "audio/wav"
    assert answer.headers["Cache-Control"] == "private"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# -- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["{", "nonsense", '{"things": [], }', '"\\ud800"', '{"things": NaN}', "[" * 100_000, "\ufeff{}"],
    ids=["cut", "word", "comma", "half", "nan", "deep", "bom"],
)
def test_malformed_json(client: FlaskClient, alice: Person, body: str) -> None:
    answer = client.post("/api/v1/things", headers=alice.headers, data=body.encode(), content_type="application/json")
    assert is_refusal(answer, 400, "malformed_json")


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_json_that_is_no_object(client: FlaskClient, alice: Person, body: Any) -> None:
    answer = client.post("/api/v1/things", headers=alice.headers, data=json.dumps(body), content_type="application/json")
    assert is_refusal(answer, 422, "invalid")


def test_a_body_of_another_kind(client: FlaskClient, alice: Person) -> None:
    assert is_refusal(client.post("/api/v1/things", headers=alice.headers, data={"things": "1"}), 415, "unsupported_media_type")


def test_nested_fields_are_named_by_their_path(client: FlaskClient, alice: Person) -> None:
    answer = client.post("/api/v1/things", headers=alice.headers, json={"things": [{"number": 1}, {"number": "x"}], "extra": 1})
    assert answer.json["error"]["details"] == {"things.1.number": ["Not a valid integer."], "extra": ["Unknown field."]}


def test_too_large_a_body(client: FlaskClient, alice: Person) -> None:
    body = json.dumps({"things": [], "x": "y" * (1 << 20)})
    answer = client.post("/api/v1/things", headers=alice.headers, data=body, content_type="application/json")
    assert is_refusal(answer, 413, "too_large")
    allowed = client.put("/api/v1/things", headers=alice.headers, data=body, content_type="application/json")
    assert is_refusal(allowed, 422, "invalid"), "a route may take more than others"
    huge = json.dumps({"x": "y" * (5 << 20)})
    assert client.put("/api/v1/things", headers=alice.headers, data=huge, content_type="application/json").status_code == 413


# -- who is asking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "put", "head"])
def test_routes_are_closed_unless_opened(client: FlaskClient, method: str) -> None:
    answer = getattr(client, method)("/api/v1/things")
    assert answer.status_code == 401
    assert client.get("/api/v1/things/gone").status_code == 401, "functions, too"


def test_options_tells_methods_to_anybody(client: FlaskClient) -> None:
    answer = client.options("/api/v1/things")
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]


def test_who_is_asking_comes_before_what(client: FlaskClient) -> None:
    assert client.post("/api/v1/things", data="{", content_type="application/json").status_code == 401


# -- lists -----------------------------------------------------------------------------------------------------------


def test_lists_page(client: FlaskClient, alice: Person) -> None:
    address: str | None = "/api/v1/things?kind=a%26b&page_size=40"
    numbers, pages = [], []
    while address:
        data = client.get(address, headers=alice.headers).json["data"]
        assert set(data) == {"count", "next", "previous", "results"}
        assert data["count"] == 95
        pages.append(data)
        numbers += [row["number"] for row in data["results"]]
        address = data["next"]
        assert address is None or "kind=a%26b" in address
    assert numbers == list(range(95))
    assert len(pages) == 3
    assert pages[0]["previous"] is None
    assert client.get(pages[1]["previous"], headers=alice.headers).json["data"] == pages[0]


def test_a_page_after_the_last_is_empty(client: FlaskClient, alice: Person) -> None:
    data = client.get("/api/v1/things?page=9&page_size=40", headers=alice.headers).json["data"]
    assert (data["results"], data["next"]) == ([], None)
    assert "page=3" in data["previous"]


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page_size=0", "page_size=201", "page=99999999999999999999", "page_size=1.5"]
)
def test_bad_paging_names_its_field(client: FlaskClient, alice: Person, query: str) -> None:
    answer = client.get(f"/api/v1/things?{query}", headers=alice.headers)
    assert is_refusal(answer, 422, "invalid")
    assert list(answer.json["error"]["details"]) == [query.split("=")[0]]


# -- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["abc", "A-1_b.c:d/e+f=g", "x" * 128])
def test_the_callers_request_id_is_kept(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "alice@example.com", "a\u00e9", '"{}"', "<script>"])
def test_an_odd_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] != given
    assert UUID(answer.json["request_id"])


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/api/v1/users/me", "/openapi.json", "/docs", "/static/swagger-ui/start.js"])
def test_security_headers(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    answer.close()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert ("no-store" in answer.headers["Cache-Control"]) is ("static" not in path)
    assert not re.search(r"\d+\.\d+", answer.headers.get("Server", ""))


def test_no_other_site_may_call(client: FlaskClient) -> None:
    answer = client.get("/healthz", headers={"Origin": "https://evil.example"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_site_that_was_named_may_call(settings: Settings) -> None:
    app: Flask = create_app(settings.model_copy(update={"cors_origins": "https://app.example, https://b.example"}))
    client = app.test_client()
    asked = {"Origin": "https://b.example", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    preflight = client.options("/api/v1/users/me", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "X-Request-ID" in client.get("/healthz", headers=asked).headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in client.get("/healthz", headers={"Origin": "https://evil.example"}).headers
    close(app)
