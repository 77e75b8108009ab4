"""What died before its commit is removed a day later; what is young, named, or of a time that the database does not know, stays."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts import keys
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import IdempotencyKey, User
from insight_journey.errors import NotFound
from insight_journey.extensions import db, new_id, now
from insight_journey.sessions import content, documents, epoch, janitor, pipeline, service
from insight_journey.sessions.models import Installation, Media, Run, Session
from tests.sessions.conftest import again, write

DAYS = timedelta(days=3)


@pytest.fixture
def session(app: Flask, alice: User) -> Session:
    """Whole, and everything about it is days old; the stores have been together for longer."""
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    epoch.keep()
    noted = keystore.noted()
    assert noted
    keystore.note(keys.Noted(noted.installation, noted.counter, now() - 2 * DAYS))
    age()
    row: Session = again(session)
    return row


def age(by: timedelta = DAYS) -> None:
    """All keys and files are so much older."""
    then = now() - by
    for table in (keys.user_keys, keys.session_keys):
        with keystore.engine.begin() as connection:
            connection.execute(table.update().values(created_at=then))
    for file in filter(Path.is_file, root().rglob("*")):
        os.utime(file, (then.timestamp(), then.timestamp()))


def root() -> Path:
    found: Path = current_app.extensions["storage"].root
    return found


def given_up(alice: User) -> UUID:
    """A session whose request died before its commit."""
    session_id = service.create_session(alice, "A title").id
    db.session.rollback()
    return session_id


def cut_off(session: Session) -> Iterator[Path]:
    """An upload that died midway, and a document that nobody came to name."""
    for name in (".0123.part", f"{new_id()}.analysis"):
        file = root() / documents.folder(session.id) / name
        file.write_bytes(b"sealed")
        yield file


def is_whole(session: Session) -> bool:
    key = service.session_key(session)
    _media, _name, source = content.open_media(session)
    return bool(
        source.read() and documents.read_transcript(key, session.transcript_id) and documents.read_analysis(key, session.analysis_id)
    )


def has_key(alice: User, session_id: UUID) -> bool:
    try:
        return bool(keystore.session(keystore.user(alice.id), session_id))
    except NotFound:
        return False


def test_it_works(alice: User, session: Session) -> None:
    gone, files = given_up(alice), list(cut_off(session))
    age()
    janitor.tidy()
    assert not has_key(alice, gone)
    assert not (root() / documents.folder(gone)).exists()
    assert not any(file.exists() for file in files)
    assert is_whole(again(session))


def test_what_is_young_stays(alice: User, session: Session) -> None:
    young, files = given_up(alice), list(cut_off(session))
    janitor.tidy()
    assert has_key(alice, young)
    assert (root() / documents.folder(young)).exists()
    assert all(file.exists() for file in files)


def test_a_person_who_never_came_to_be(alice: User, session: Session) -> None:
    key = keystore.create_user(new_id())
    age()
    janitor.tidy()
    with pytest.raises(NotFound):
        keystore.user(key.owner)
    assert keystore.user(alice.id)


def test_what_checks_of_the_storage_left(session: Session) -> None:
    current_app.extensions["storage"].check()
    left = root() / "checks" / ".0123.part"
    left.write_bytes(b"ok")
    age()
    janitor.tidy()
    assert not left.exists()


def test_old_answers_are_forgotten(alice: User, session: Session) -> None:
    for age_of in (DAYS, timedelta()):
        db.session.add(answer(alice, now() - age_of))
    db.session.commit()
    janitor.tidy()
    assert len(db.session.scalars(sa.select(IdempotencyKey)).all()) == 1


def answer(user: User, at: datetime) -> IdempotencyKey:
    return IdempotencyKey(user_id=user.id, key_hash=os.urandom(32), request_hash=os.urandom(32), token=new_id(), claimed_at=at)


def test_a_database_of_an_earlier_time_costs_nobody_her_words(alice: User, session: Session) -> None:
    """It does not know the session; the one that does may be put back tomorrow."""
    epoch.keep()
    kept = forget(session)
    db.session.execute(sa.update(Installation).values(counter=0, graph_counter=0))
    db.session.commit()
    janitor.tidy()
    janitor.tidy()
    assert kept.exists()
    assert has_key(alice, session.id)


def test_another_database_costs_nobody_her_words(alice: User, session: Session) -> None:
    kept = forget(session)
    db.session.execute(sa.update(Installation).values(id=new_id(), counter=1000))
    db.session.commit()
    janitor.tidy()
    epoch.keep()
    janitor.tidy()
    assert kept.exists()
    assert has_key(alice, session.id)


def test_the_graph_makes_no_restored_database_look_current(alice: User, session: Session) -> None:
    """Where the graph counted further, SQL goes on from there."""
    for _ in range(3):
        epoch.keep()
    kept = forget(session)
    db.session.execute(sa.update(Installation).values(counter=0, graph_counter=0))
    db.session.commit()
    epoch.keep()
    janitor.tidy()
    assert kept.exists()


def forget(session: Session) -> Path:
    """The rows of a session are not there; its recording is what is given back."""
    media = db.session.scalars(sa.select(Media).where(Media.session_id == session.id)).one()
    db.session.execute(sa.delete(Run).where(Run.session_id == session.id))
    db.session.execute(sa.delete(Session).where(Session.id == session.id))
    db.session.commit()
    return root() / media.path
