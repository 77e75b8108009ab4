"""Registering, signing in, refreshing, signing out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token
from sqlalchemy import select

from insight_journey.accounts.models import TokenFamily, User
from insight_journey.extensions import Model, db
from tests.api.conftest import PASSWORD, Person, register

AUTH = "/api/v1/auth"
NEW = {"email": "alice@example.com", "password": PASSWORD, "display_name": "Alice"}


def me(client: FlaskClient, token: str) -> Any:
    return client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})


def test_it_works(client: FlaskClient) -> None:
    answer = client.post(f"{AUTH}/register", json=NEW)
    assert answer.status_code == 201
    data = answer.json["data"]
    assert data["user"]["email"] == "alice@example.com"
    assert data["user"]["role"] == "owner"
    assert data["expires_in"] == 15 * 60
    assert me(client, data["access_token"]).json["data"]["id"] == data["user"]["id"]

    signed_in = client.post(f"{AUTH}/login", json={"email": NEW["email"], "password": PASSWORD})
    assert signed_in.status_code == 200
    assert set(signed_in.json["data"]) == {"access_token", "refresh_token", "expires_in", "token_type"}

    fresh = client.post(f"{AUTH}/refresh", json={"refresh_token": data["refresh_token"]}).json["data"]
    assert me(client, fresh["access_token"]).status_code == 200

    out = client.post(f"{AUTH}/logout", headers={"Authorization": f"Bearer {fresh['access_token']}"})
    assert out.status_code == 200
    assert out.json["data"] is None
    assert me(client, fresh["access_token"]).json["error"]["code"] == "token_revoked"
    assert me(client, signed_in.json["data"]["access_token"]).status_code == 200, "another login goes on"


# -- registering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", ["alice@example.com", " Alice@EXAMPLE.com ", "ALICE@example.com"])
def test_an_address_registers_once(client: FlaskClient, alice: Person, again: str) -> None:
    answer = client.post(f"{AUTH}/register", json={**NEW, "email": again})
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "email_taken"


def test_two_at_the_same_moment_make_one_account(app: Flask) -> None:
    def post(_: int) -> int:
        return app.test_client().post(f"{AUTH}/register", json=NEW).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(post, range(4))) == [201, 409, 409, 409]
    with app.app_context():
        assert len(db.session.scalars(select(User)).all()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", ""),
        ("email", 7),
        ("email", "a" * 250 + "@example.com"),
        ("password", "short"),
        ("password", "x" * 129),
        ("password", "password123"),
        ("password", "aaaaaaaaaaaa"),
        ("password", "Alice@example.com"),
        ("display_name", ""),
        ("display_name", "   "),
        ("display_name", "a\nb"),
        ("display_name", "x" * 101),
    ],
)
def test_bad_input_names_its_field(client: FlaskClient, field: str, value: Any) -> None:
    answer = client.post(f"{AUTH}/register", json={**NEW, field: value})
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


@pytest.mark.parametrize("field", ["email", "password", "display_name"])
def test_nothing_may_be_missing(client: FlaskClient, field: str) -> None:
    answer = client.post(f"{AUTH}/register", json={k: v for k, v in NEW.items() if k != field})
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


def test_nobody_makes_herself_admin(client: FlaskClient) -> None:
    answer = client.post(f"{AUTH}/register", json={**NEW, "is_admin": True})
    assert answer.status_code == 422
    assert answer.json["error"]["details"] == {"is_admin": ["Unknown field."]}


def test_nothing_personal_stands_in_the_clear(app: Flask, client: FlaskClient, alice: Person) -> None:
    with app.app_context():
        rows = [row for table in Model.metadata.sorted_tables for row in db.session.execute(select(table))]
    held = str([tuple(row) for row in rows]).casefold()
    assert alice.id in held
    assert not [secret for secret in ("alice", alice.email, PASSWORD) if secret in held]


# -- signing in ------------------------------------------------------------------------------------------------------


def test_letter_case_of_the_address_makes_no_difference(client: FlaskClient, alice: Person) -> None:
    assert client.post(f"{AUTH}/login", json={"email": "ALICE@Example.com", "password": PASSWORD}).status_code == 200


def test_a_wrong_password_and_an_unknown_address_look_the_same(client: FlaskClient, alice: Person) -> None:
    wrong = client.post(f"{AUTH}/login", json={"email": alice.email, "password": "not her password"})
    unknown = client.post(f"{AUTH}/login", json={"email": "nobody@example.com", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json["error"] == unknown.json["error"]
    assert wrong.json["error"]["code"] == "wrong_credentials"


# -- refreshing ------------------------------------------------------------------------------------------------------


def refresh(client: FlaskClient, token: str) -> Any:
    return client.post(f"{AUTH}/refresh", headers={"Authorization": f"Bearer {token}"})


def test_a_refresh_token_used_again_ends_the_login(client: FlaskClient, alice: Person) -> None:
    fresh = refresh(client, alice.refresh_token).json["data"]
    reused = refresh(client, alice.refresh_token)
    assert reused.status_code == 401
    assert reused.json["error"]["code"] == "token_reused"
    assert me(client, alice.access_token).json["error"]["code"] == "token_revoked"
    assert me(client, fresh["access_token"]).json["error"]["code"] == "token_revoked"
    assert refresh(client, fresh["refresh_token"]).json["error"]["code"] == "token_revoked"


def test_of_two_refreshes_at_the_same_moment_one_wins(app: Flask, alice: Person) -> None:
    def post(_: int) -> int:
        return int(refresh(app.test_client(), alice.refresh_token).status_code)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(post, range(4)))[1:] == [401, 401, 401]
    with app.app_context():
        assert db.session.scalars(select(TokenFamily)).one().revoked_at is not None


def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_enter(client: FlaskClient, alice: Person) -> None:
    assert refresh(client, alice.access_token).json["error"]["code"] == "token_invalid"
    assert me(client, alice.refresh_token).json["error"]["code"] == "token_invalid"


# -- signing out -----------------------------------------------------------------------------------------------------


def test_the_refresh_token_signs_out_too(client: FlaskClient, alice: Person) -> None:
    assert client.post(f"{AUTH}/logout", json={"refresh_token": alice.refresh_token}).status_code == 200
    assert me(client, alice.access_token).json["error"]["code"] == "token_revoked"


def test_signing_out_needs_a_token(client: FlaskClient) -> None:
    assert client.post(f"{AUTH}/logout").status_code == 401


# -- tokens that do not count ----------------------------------------------------------------------------------------


def test_no_token(client: FlaskClient) -> None:
    answer = client.get("/api/v1/users/me")
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer \u00e9", "Bearer " + "x" * 5000])
def test_no_sense(client: FlaskClient, header: str) -> None:
    answer = client.get("/api/v1/users/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_edited_token(client: FlaskClient, alice: Person, bob: Person) -> None:
    head, _, signature = alice.access_token.split(".")
    payload = bob.access_token.split(".")[1]
    assert me(client, f"{head}.{payload}.{signature}").json["error"]["code"] == "token_invalid"
    assert me(client, f"eyJhbGciOiJub25lIn0.{payload}.").json["error"]["code"] == "token_invalid"


def test_an_expired_token(app: Flask, client: FlaskClient, alice: Person) -> None:
    with app.app_context():
        family = db.session.scalars(select(TokenFamily)).one()
        old = create_access_token(alice.id, expires_delta=timedelta(seconds=-1), additional_claims={"fam": str(family.id)})
    assert me(client, old).json["error"]["code"] == "token_expired"


def test_a_token_of_somebody_elses_login(app: Flask, client: FlaskClient, alice: Person) -> None:
    bob = register(client, "Bob")
    with app.app_context():
        families = {f.user_id: f.id for f in db.session.scalars(select(TokenFamily))}
        mixed = create_access_token(bob.id, additional_claims={"fam": str(next(i for u, i in families.items() if str(u) == alice.id))})
    assert me(client, mixed).json["error"]["code"] == "token_revoked"
