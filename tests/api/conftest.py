"""The app over HTTP, with nothing running but SQL: what these tests ask needs no graph and no Redis."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from insight_journey.accounts.keys import keystore
from insight_journey.app import create_app
from insight_journey.settings import Settings

PASSWORD = "plum tree in the rain"


@dataclass(frozen=True)
class Person:
    """One of the cast, registered and signed in."""

    id: str
    email: str
    display_name: str
    access_token: str
    refresh_token: str
    password: str = PASSWORD

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=database_url, rate_limits="").resolved()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    close(app)


def close(app: Flask) -> None:
    """Let go of databases; the engines of others are theirs."""
    app.extensions["db"][0].dispose()
    keystore.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def register(client: FlaskClient, name: str) -> Person:
    email = f"{name.lower()}@example.com"
    body = {"email": email, "password": PASSWORD, "display_name": name}
    answer = client.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.json
    data: dict[str, Any] = answer.json["data"]
    return Person(data["user"]["id"], email, name, data["access_token"], data["refresh_token"])


@pytest.fixture
def alice(client: FlaskClient) -> Person:
    """Owns."""
    return register(client, "Alice")


@pytest.fixture
def bob(client: FlaskClient) -> Person:
    """Is her practitioner, by consent."""
    return register(client, "Bob")


@pytest.fixture
def charlie(client: FlaskClient) -> Person:
    """Is a stranger."""
    return register(client, "Charlie")
