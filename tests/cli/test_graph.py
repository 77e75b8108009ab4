"""`graph` from outside: what it prints, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from flask import Flask, current_app

from insight_journey.accounts import service as accounts
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.app import create_app
from insight_journey.cli import main
from insight_journey.extensions import db
from insight_journey.graph.projection import person_id, remove_person
from insight_journey.sessions import pipeline, relay
from insight_journey.sessions.models import Artifact, Session
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        yield app
    app.extensions["db"][0].dispose()
    app.extensions["graph"].close()
    app.extensions["redis"].close()
    keystore.engine.dispose()


@pytest.fixture
def alice(app: Flask) -> User:
    user, _tokens = accounts.register("alice@example.org", "plum tree in the rain", "Alice")
    db.session.commit()
    return user


@pytest.fixture
def session(alice: User) -> Session:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    row: Session = again(session)
    return row


def graph(*arguments: str) -> Result:
    db.session.rollback()
    return CliRunner().invoke(main, ["graph", *arguments])


def wipe(user: User) -> None:
    remove_person(current_app.extensions["graph"], person_id(keystore.user(user.id), user.id))


def test_it_works(alice: User, session: Session) -> None:
    result = graph("verify")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 differences in 1 graphs" in result.stderr


def test_differences_are_lines_and_end_with_1(alice: User, session: Session) -> None:
    wipe(alice)
    result = graph("verify", "--user", "Alice@Example.org")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert any(line.startswith(f"{alice.id} {session.id} graph missing Session ") for line in lines)
    assert all(line.split()[0] == str(alice.id) for line in lines)


def test_rebuild_makes_it_right(alice: User, session: Session) -> None:
    wipe(alice)
    result = graph("rebuild", "--user", str(alice.id), "--yes")
    assert (result.exit_code, result.stdout) == (0, f"{alice.id} rebuilt\n")
    assert graph("verify").exit_code == 0


def test_rebuild_asks_first(alice: User, session: Session) -> None:
    wipe(alice)
    result = CliRunner().invoke(main, ["graph", "rebuild"], input="n\n")
    assert result.exit_code == 1
    assert graph("verify").exit_code == 1


def test_what_failed_is_listed_and_tried_again(alice: User, session: Session, settings: Settings) -> None:
    artifact = db.session.get_one(Artifact, session.analysis_id)
    path, artifact.path = artifact.path, "sessions/nowhere"
    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    for _ in range(settings.attempts):
        relay.reconcile(alice.id)
    listed = graph("failed")
    assert (listed.exit_code, listed.stdout.split()[:4]) == (0, [str(alice.id), str(session.id), "file_missing", str(settings.attempts)])
    again_failed = graph("retry")
    assert again_failed.exit_code == 1
    assert "graph failed" in again_failed.stderr
    for _ in range(settings.attempts):
        relay.reconcile(alice.id)
    db.session.execute(sa.update(Artifact).where(Artifact.id == session.analysis_id).values(path=path))
    db.session.commit()
    assert graph("retry", "--user", str(alice.id)).exit_code == 0
    assert graph("failed").stdout == ""
    assert graph("verify").exit_code == 0


@pytest.mark.parametrize("who", ["nobody@example.org", "01890000-0000-7000-8000-000000000000"])
def test_nobody_of_that_name(app: Flask, who: str) -> None:
    result = graph("verify", "--user", who)
    assert result.exit_code == 1
    assert "no such user" in result.stderr


@pytest.mark.parametrize("command", ["verify", "rebuild", "failed", "retry"])
def test_each_explains_itself_without_an_app(command: str) -> None:
    assert CliRunner().invoke(main, ["graph", command, "--help"]).exit_code == 0


def test_where_nothing_was_ever_started_it_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "insight_journey.cli", "graph", "verify"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ, "IJ_HOME": str(tmp_path)})
    assert answer.returncode == 1
    assert "insight-journey up" in answer.stderr
    assert "Traceback" not in answer.stderr
