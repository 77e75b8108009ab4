"""Faults between the parts: one bad session, a relay that slept, a database that blinks, a deletion in the midst."""

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey import events, tasks
from insight_journey.accounts.models import User
from insight_journey.errors import NotFound
from insight_journey.extensions import db, new_id, now
from insight_journey.graph import views
from insight_journey.sessions import claims, content, documents, pipeline, relay, service, stages
from insight_journey.sessions.models import FAILED, FINISHED, QUEUED, Artifact, Media, Run, Session, StaleMark
from tests.sessions.conftest import again, write
from tests.stack import until


def test_one_damaged_analysis_holds_up_no_other_session(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    _damage(again(run).analysis_id)
    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    _, other = write(alice, "I feel sad today.")
    pipeline.process_run(str(other.id))
    assert (again(other).status, again(other).error_code) == (FINISHED, None)
    assert relay.is_stale(session.id)


def test_a_run_whose_own_analysis_is_damaged_says_so(alice: User) -> None:
    _, run = write(alice)
    pipeline.process_run(str(run.id))
    run = again(run)
    _damage(run.analysis_id)
    run.status, run.projected_at = QUEUED, None
    relay.mark_stale(alice.id, run.session_id)
    db.session.commit()
    pipeline.process_run(str(run.id))
    assert (again(run).status, again(run).error_code) == (FAILED, "tampered")


def test_what_a_relay_wrote_after_its_lease_is_written_again(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    [(_, version)] = relay._marks(alice.id)
    slept = new_id()  # its lease is another's by now, who has settled the mark
    db.session.execute(sa.delete(StaleMark))
    db.session.commit()
    relay._settle(alice.id, session.id, version, slept)
    assert relay.is_stale(session.id)


def test_a_run_does_not_wait_for_the_graph_because_another_relay_is_at_it(alice: User, app: Flask) -> None:
    _, run = write(alice)
    token = new_id()
    assert relay._take_lease(alice.id, token)

    def other() -> None:
        with app.app_context():
            until(lambda: again(run).stage == "project", 10)
            relay._release(alice.id, token)

    thread = threading.Thread(target=other)
    thread.start()
    pipeline.process_run(str(run.id))
    thread.join()
    assert (again(run).status, again(run).waiting_for) == (FINISHED, None)


def test_a_database_that_blinks_is_tried_again(alice: User) -> None:
    _, run = write(alice)
    with _failing("INSERT INTO artifacts"):
        pipeline.process_run(str(run.id))
    run = again(run)
    assert (run.status, run.error_code, run.transcript_id) == (QUEUED, None, None)
    _due(run)
    pipeline.process_run(str(run.id))
    assert again(run).status == FINISHED


def test_a_heart_beats_on_after_a_fault(alice: User) -> None:
    _, run = write(alice)
    claim = claims.take(run.id)
    assert claim
    _expire(run)
    with _failing("UPDATE runs", sa.exc.InterfaceError), claim:
        until(lambda: again(run).lease_until > now(), 10)


def test_what_cannot_be_shredded_at_once_is_deleted_all_the_same(alice: User, tmp_path: Any) -> None:
    session, _ = write(alice)
    folder = current_app.extensions["storage"].root / documents.folder(session.id)
    folder.rename(tmp_path / "aside")
    folder.symlink_to(tmp_path / "aside")
    service.delete_session(again(session))
    db.session.commit()
    folder.unlink()
    assert db.session.get(Session, session.id) is None
    relay.reconcile(alice.id)
    assert not relay.is_stale(session.id)


def test_a_session_deleted_during_its_upload_leaves_nothing(alice: User) -> None:
    session = service.create_session(alice, "A title")
    db.session.commit()
    service.delete_session(session)
    db.session.commit()
    storage = current_app.extensions["storage"]
    storage.make_folder(documents.folder(session.id))  # as an upload that began does
    with pytest.raises(NotFound):
        content._keep(session.id, Media(), None)
    assert not (storage.root / documents.folder(session.id)).exists()


def test_a_replay_asks_the_database_once(alice: User) -> None:
    for _ in range(20):
        events.publish(alice.id, "session.created", [{"session_id": str(new_id())}])
    db.session.commit()
    with _counted() as statements:
        found = [fact.message for fact in events.facts_after(alice.id, 0, 100)]
    assert [message["sequence"] for message in found] == list(range(1, 21))
    assert len(statements) == 1


def test_a_job_that_fails_tells_redis_nothing_of_why(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_app", [app])
    with pytest.raises(tasks.JobFailed) as raised:
        tasks.run_job("reconcile", "no id")
    assert "badly formed" not in "".join(traceback.format_exception(raised.value))


def test_a_failed_run_waits_for_nothing(alice: User) -> None:
    _, run = write(alice)
    run.waiting_for, run.attempts = "graph", 99
    db.session.commit()
    pipeline.process_run(str(run.id))
    assert (again(run).status, again(run).waiting_for) == (FAILED, None)


def test_a_renamed_session_is_the_same_in_the_graph_as_one_built_anew(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    service.change_session(alice, again(session), title="Another")
    db.session.commit()
    relay.reconcile(alice.id)
    graph, key = current_app.extensions["graph"], stages.user_key(run)
    before = views.session_graph(graph, key, session.id)
    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    relay.reconcile(alice.id)
    assert views.session_graph(graph, key, session.id) == before


def test_deleting_and_finishing_at_once_lock_in_one_order(alice: User, app: Flask) -> None:
    session, run = write(alice)
    claim = claims.take(run.id)
    assert claim
    claim.hold(progress=0.9)
    errors: list[Exception] = []

    def delete() -> None:
        with app.app_context():
            try:
                service.delete_session(db.session.get_one(Session, session.id))
                db.session.commit()
            except sa.exc.SQLAlchemyError as error:
                errors.append(error)

    thread = threading.Thread(target=delete)
    thread.start()
    thread.join(0.5)
    db.session.execute(sa.update(Session).where(Session.id == session.id).values(status=FINISHED))
    db.session.commit()
    thread.join()
    assert errors == []


def _damage(artifact_id: Any) -> None:
    path = current_app.extensions["storage"].root / db.session.get_one(Artifact, artifact_id).path
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


@contextmanager
def _failing(beginning: str, kind: Any = sa.exc.OperationalError) -> Iterator[None]:
    """The database's driver fails once, at the next statement that begins so."""
    left = [True]

    def fail(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(beginning) and left:
            left.clear()
            raise kind(statement, None, Exception("gone"))

    engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", fail)


@contextmanager
def _counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)


def _expire(run: Run) -> None:
    row = again(run)
    row.lease_until = now() - timedelta(seconds=1)
    db.session.commit()


def _due(run: Run) -> None:
    row = again(run)
    row.not_before = now() - timedelta(seconds=1)
    db.session.commit()
