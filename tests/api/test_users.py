"""The person herself."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import Person

ME = "/api/v1/users/me"


def test_it_works(client: FlaskClient, alice: Person) -> None:
    data = client.get(ME, headers=alice.headers).json["data"]
    assert data["id"] == alice.id
    assert data["email"] == "alice@example.com"
    assert (data["display_name"], data["timezone"], data["external_processing_consent"]) == ("Alice", "UTC", False)
    assert data["consented_at"] is None
    assert data["created_at"].endswith("+00:00")

    changes = {
        "display_name": " Älice ",
        "country": "DE",
        "timezone": "Europe/Berlin",
        "external_processing_consent": True,
        "monthly_budget_usd": 12.5,
    }
    changed = client.patch(ME, headers=alice.headers, json=changes)
    assert changed.status_code == 200
    now = client.get(ME, headers=alice.headers).json["data"]
    assert now == changed.json["data"]
    assert {name: now[name] for name in changes} == {**changes, "display_name": "Älice"}
    assert now["consented_at"] is not None


def test_each_sees_herself(client: FlaskClient, alice: Person, charlie: Person) -> None:
    assert client.get(ME, headers=charlie.headers).json["data"]["id"] == charlie.id != alice.id


def test_a_country_is_set_at_the_start_and_taken_back(client: FlaskClient) -> None:
    person = {"email": "carla@example.com", "password": "plum tree in the rain", "display_name": "Carla", "country": "AT"}
    data = client.post("/api/v1/auth/register", json=person).json["data"]
    assert data["user"]["country"] == "AT"
    headers = {"Authorization": f"Bearer {data['access_token']}"}
    assert client.patch(ME, headers=headers, json={"display_name": "Carlotta"}).json["data"]["country"] == "AT"
    assert client.patch(ME, headers=headers, json={"country": None}).json["data"]["country"] is None
    refused = client.post("/api/v1/auth/register", json={**person, "email": "other@example.com", "country": "ZZ"})
    assert refused.status_code == 422 and "country" in refused.json["error"]["details"]


def test_consent_is_withdrawn_at_once(client: FlaskClient, alice: Person) -> None:
    first = client.patch(ME, headers=alice.headers, json={"external_processing_consent": True}).json["data"]
    again = client.patch(ME, headers=alice.headers, json={"external_processing_consent": True}).json["data"]
    assert again["consented_at"] == first["consented_at"], "the moment of consent stays"
    gone = client.patch(ME, headers=alice.headers, json={"external_processing_consent": False}).json["data"]
    assert (gone["external_processing_consent"], gone["consented_at"]) == (False, None)


def test_no_change_changes_nothing(client: FlaskClient, alice: Person) -> None:
    before = client.get(ME, headers=alice.headers)
    after = client.patch(ME, headers=alice.headers, json={})
    assert after.status_code == 200
    assert after.headers["ETag"] == before.headers["ETag"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "XX"),
        ("country", "de"),
        ("country", "Germany"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", ""),
        ("monthly_budget_usd", -1),
        ("monthly_budget_usd", 1e9),
        ("monthly_budget_usd", "much"),
        ("external_processing_consent", "yes"),
        ("external_processing_consent", 2),
        ("external_processing_consent", None),
        ("display_name", None),
        ("display_name", "a\u0000b"),
        ("email", "other@example.com"),
        ("role", "practitioner"),
        ("is_admin", True),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(client: FlaskClient, alice: Person, field: str, value: Any) -> None:
    before = client.get(ME, headers=alice.headers).json["data"]
    answer = client.patch(ME, headers=alice.headers, json={"display_name": "Other", field: value})
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]
    assert client.get(ME, headers=alice.headers).json["data"] == before


def test_if_match_keeps_from_overwriting(client: FlaskClient, alice: Person) -> None:
    seen = client.get(ME, headers=alice.headers).headers["ETag"]
    mine = client.patch(ME, headers={**alice.headers, "If-Match": seen}, json={"display_name": "One"})
    assert mine.status_code == 200
    late = client.patch(ME, headers={**alice.headers, "If-Match": seen}, json={"display_name": "Two"})
    assert late.status_code == 412
    assert late.json["error"]["code"] == "precondition_failed"
    assert client.get(ME, headers=alice.headers).json["data"]["display_name"] == "One"


def test_changes_at_the_same_moment_are_whole(app: Flask, client: FlaskClient, alice: Person) -> None:
    def patch(number: int) -> int:
        return app.test_client().patch(ME, headers=alice.headers, json={"display_name": f"Alice {number}"}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(patch, range(8)))
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert client.get(ME, headers=alice.headers).json["data"]["display_name"].startswith("Alice ")
