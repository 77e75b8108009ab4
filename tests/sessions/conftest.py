"""The domain without HTTP: one app on real engines, people and sessions made through its services."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from insight_journey.accounts import service as accounts
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.app import create_app
from insight_journey.extensions import db
from insight_journey.sessions import content, service
from insight_journey.sessions.content import Received
from insight_journey.sessions.models import Run, Session
from insight_journey.settings import Settings

TEXT = "I have been feeling really anxious about work. I'm not good enough. I realised that I never ask for help."


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    """Apps of given settings; closed at the end. All share one key store, so make them of one home."""
    apps: list[Flask] = []

    def make(settings: Settings) -> Flask:
        apps.append(create_app(settings))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["db"][0].dispose()
        app.extensions["graph"].close()
        app.extensions["redis"].close()
    keystore.engine.dispose()


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Iterator[Flask]:
    app = make_app(settings)
    with app.app_context():
        yield app


@pytest.fixture
def alice(app: Flask) -> User:
    return register("alice@example.org", "Alice")


@pytest.fixture
def bob(app: Flask) -> User:
    return register("bob@example.org", "Bob")


def register(email: str, name: str) -> User:
    user, _tokens = accounts.register(email, "plum tree in the rain", name)
    db.session.commit()
    return user


def write(user: User, text: str | bytes = TEXT, file_name: str = "a.txt", **fields: Any) -> tuple[Session, Run]:
    """A session with content, queued."""
    data = text.encode() if isinstance(text, str) else text

    def fill(sink: content.SealedUpload) -> tuple[str | None, str | None]:
        sink.write(data)
        return file_name, None

    session = service.create_session(user, "A title", **fields)
    db.session.commit()
    run = content.attach(session, Received(fill), request_id="test")
    db.session.commit()
    return session, run


def again(row: Any) -> Any:
    """A row as the database has it now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(type(row), row.id)
