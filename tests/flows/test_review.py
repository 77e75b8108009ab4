"""Hostile names, times and sizes over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from insight_journey.accounts.keys import keystore
from insight_journey.settings import Settings
from tests.sessions.conftest import make_app
from tests.stack import Stack, until

__all__ = ["make_app"]
API = "/api/v1"


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:  # noqa: F811
    return make_app(settings.model_copy(update={"text_limit_kb": 4096}))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    body = {"email": "alice@example.org", "password": "plum tree in the rain", "display_name": "Alice"}
    token = client.post(f"{API}/auth/register", json=body).get_json()["data"]["access_token"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def begin(client: FlaskClient, **fields: Any) -> str:
    return str(client.post(f"{API}/sessions", json={"title": "A title", **fields}).get_json()["data"]["id"])


@pytest.mark.parametrize(
    "name", ["a%0Ab.txt", "a%0D%0AX-Evil:%201.txt", "a%00b.txt", "a%7F%1Bb.txt", "%E2%80%AEtxt.a.txt", "a%22;b.txt", ".txt"]
)
def test_a_hostile_file_name_does_no_harm(client: FlaskClient, name: str) -> None:
    path = f"{API}/sessions/{begin(client)}"
    assert client.post(f"{path}/content?file_name={name}", data=b"I feel sad.").status_code == 202
    answer = client.get(f"{path}/media")
    assert (answer.status_code, answer.data) == (200, b"I feel sad.")
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert disposition.isprintable()


def test_text_is_read_by_its_type_where_its_name_says_nothing(client: FlaskClient, app: Flask) -> None:
    said = b'[{"speaker": "Alice", "start": 1, "end": 3, "text": "I feel sad."}]'
    for query, media_type in (("", "application/json"), (f"?file_name={'x' * 400}.json", "application/octet-stream")):
        path = f"{API}/sessions/{begin(client)}"
        run = client.post(f"{path}/content{query}", data=said, content_type=media_type).get_json()["data"]
        process(app, run["id"])
        utterances = client.get(f"{path}/transcript").get_json()["data"]["utterances"]
        assert [u["text"] for u in utterances] == ["I feel sad."]


def test_a_long_text_may_come_with_a_key(client: FlaskClient) -> None:
    text = "I feel sad. " * 120_000
    answer = client.post(f"{API}/sessions/{begin(client)}/text", json={"text": text}, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 202


def test_escapes_do_not_make_a_text_too_long(client: FlaskClient) -> None:
    text = "Я грущу. " * 250_000  # 3.9 MiB, 10 MiB as JSON of ASCII alone
    answer = client.post(f"{API}/sessions/{begin(client)}/text", json={"text": text})
    assert answer.status_code == 202


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-02T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_a_time_that_no_calendar_reaches_is_refused(client: FlaskClient, when: str) -> None:
    answer = client.post(f"{API}/sessions", json={"title": "A title", "occurred_at": when})
    assert (answer.status_code, list(answer.get_json()["error"]["details"])) == (422, ["occurred_at"])
    assert client.patch(f"{API}/sessions/{begin(client)}", json={"occurred_at": when}).status_code == 422
    for query in ("from", "to"):
        assert client.get(f"{API}/elements", query_string={query: when}).status_code in (200, 422)


def test_a_language_is_two_or_three_letters(client: FlaskClient) -> None:
    assert client.post(f"{API}/sessions", json={"title": "A title", "language": "en\n"}).status_code == 422


def process(app: Flask, run_id: str) -> None:
    from insight_journey.sessions import pipeline

    with app.app_context():
        pipeline.process_run(run_id)


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "items=0-1", "bytes=abc", "bytes=5-1"])
def test_a_range_that_is_not_served_is_ignored(client: FlaskClient, wanted: str) -> None:
    path = f"{API}/sessions/{begin(client)}"
    client.post(f"{path}/text", json={"text": "I feel sad."})
    answer = client.get(f"{path}/media", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (200, b"I feel sad.")
    assert client.get(f"{path}/media", headers={"Range": "bytes=99-"}).status_code == 416
    assert client.head(f"{path}/media").headers["Accept-Ranges"] == "bytes"


def test_a_session_whose_key_is_gone_hides_no_other(client: FlaskClient) -> None:
    gone, kept = begin(client), begin(client)
    keystore.destroy_session(UUID(gone))
    assert [row["id"] for row in client.get(f"{API}/sessions").get_json()["data"]["results"]] == [kept]
    assert client.get(f"{API}/sessions/{gone}").status_code == 404


@pytest.mark.parametrize("last", [10**30, 10**6])
def test_a_sequence_from_another_time_stops_no_events(stack: Stack, last: int) -> None:
    alice = stack.person("Alice")
    with alice.listening(last_sequence=last) as heard:
        alice.session()
        until(lambda: heard.of("session.created"), 15)
