"""The relay: fenced, kept alive, and held up by no session that cannot be written."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.extensions import db, now
from insight_journey.graph import whole
from insight_journey.graph.client import Refused
from insight_journey.graph.projection import project_session
from insight_journey.sessions import pipeline, relay, service, truth
from insight_journey.sessions.models import FAILED, FINISHED, GRAPH, QUEUED, Artifact, RelayLease, Run, Session, StaleMark
from insight_journey.sessions.sweeper import sweep
from insight_journey.sessions.verification import verify
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write
from tests.stack import until


def done(user: User) -> tuple[Session, Run]:
    session, run = write(user)
    pipeline.process_run(str(run.id))
    return again(session), again(run)


def mark(session: Session) -> StaleMark | None:
    db.session.rollback()
    return db.session.scalar(sa.select(StaleMark).where(StaleMark.session_id == session.id).execution_options(populate_existing=True))


def lose(run: Run) -> str:
    """Point the analysis' row at no file; gives back where it pointed."""
    artifact = db.session.get_one(Artifact, run.analysis_id)
    kept, artifact.path = artifact.path, f"{artifact.path}x"
    relay.mark_stale(run.user_id, run.session_id)
    db.session.commit()
    return kept


def expire(user: User) -> None:
    db.session.execute(sa.update(RelayLease).where(RelayLease.user_id == user.id).values(until=now() - timedelta(seconds=1)))
    db.session.commit()


def test_it_works(alice: User) -> None:
    session, run = done(alice)
    assert (run.status, mark(session)) == (FINISHED, None)
    lease = db.session.get_one(RelayLease, alice.id)
    assert lease.written == lease.fence > 0


def test_a_relay_that_slept_overwrites_nothing(alice: User) -> None:
    """It read the truth, slept past its lease, and wakes after another wrote what came later."""
    session, run = done(alice)
    graph, key = current_app.extensions["graph"], keystore.user(alice.id)
    with relay.lease(alice.id) as slept:
        assert slept
        old = truth.read_truth(key, again(session))
        expire(alice)
        service.change_session(alice, again(session), occurred_at=now() - timedelta(days=40))
        db.session.commit()
        assert relay.reconcile(alice.id)
        after = whole.export(graph, key)
        with pytest.raises(Refused):
            project_session(graph, key, old, slept.fence)
    assert whole.export(graph, key) == after
    assert verify(alice.id) == []


def test_a_relay_that_slept_brings_back_no_deleted_session(alice: User) -> None:
    """Also not the last one, whose person's node is gone with it."""
    session, _ = done(alice)
    graph, key = current_app.extensions["graph"], keystore.user(alice.id)
    with relay.lease(alice.id) as slept:
        assert slept
        old = truth.read_truth(key, again(session))
        expire(alice)
        service.delete_session(again(session))
        db.session.commit()
        assert relay.reconcile(alice.id)
        with pytest.raises(Refused):
            project_session(graph, key, old, slept.fence)
    assert not any(whole.person_counts(graph, key).values())


def test_a_relay_that_is_superseded_stops_and_leaves_its_marks(alice: User, app: Flask) -> None:
    """Another takes over between its look at the truth and its write."""
    session, _ = done(alice)

    def take_over() -> None:
        with app.app_context():
            expire(alice)
            relay.mark_stale(alice.id, session.id)
            db.session.commit()
            assert relay.reconcile(alice.id)
            relay.mark_stale(alice.id, session.id)
            db.session.commit()

    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    with before("SELECT artifacts", take_over):
        assert relay.reconcile(alice.id) is False
    assert mark(session)
    assert relay.reconcile(alice.id)
    assert verify(alice.id) == []


@contextmanager
def before(beginning: str, action: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread before the first statement that begins so."""
    left = [action]

    def wait(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(beginning) and left:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(left.pop()).result()

    engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", wait)


def test_a_lease_is_kept_alive_while_it_is_held(alice: User) -> None:
    with relay.lease(alice.id) as held:
        assert held
        expire(alice)
        until(lambda: _until(alice) > now(), 10)
        with relay.lease(alice.id) as second:
            assert second is None


def _until(user: User) -> object:
    db.session.rollback()
    return db.session.scalar(sa.select(RelayLease.until).where(RelayLease.user_id == user.id))


def test_what_cannot_be_written_is_set_aside_after_its_attempts(alice: User, settings: Settings) -> None:
    session, run = done(alice)
    path = lose(run)
    other, _ = done(alice)
    for attempt in range(2, settings.attempts + 1):
        assert relay.reconcile(alice.id)
        left = mark(session)
        assert left
        assert (left.attempts, left.error_code, bool(left.set_aside_at)) == (attempt, "file_missing", attempt == settings.attempts)
    assert [found.session_id for found in relay.set_aside()] == [session.id]
    assert mark(other) is None
    assert relay.reconcile(alice.id)
    assert mark(session).attempts == settings.attempts  # type: ignore[union-attr]
    assert [(one.what, one.thing) for one in verify(alice.id)][0] == ("set_aside", "file_missing")
    db.session.get_one(Artifact, run.analysis_id).path = path
    relay.retry(relay.set_aside(alice.id)[0])
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert (relay.set_aside(), verify(alice.id)) == ([], [])


def test_a_run_whose_session_is_set_aside_says_why(alice: User, settings: Settings) -> None:
    session, run = done(alice)
    lose(run)
    for _ in range(settings.attempts):
        relay.reconcile(alice.id)
    run.status, run.projected_at = QUEUED, None
    db.session.commit()
    pipeline.process_run(str(run.id))
    assert (again(run).status, again(run).error_code) == (FAILED, "file_missing")


def test_a_new_reason_gives_new_attempts(alice: User, settings: Settings) -> None:
    session, run = done(alice)
    lose(run)
    for _ in range(settings.attempts):
        relay.reconcile(alice.id)
    service.delete_session(again(session))
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert (mark(session), verify(alice.id)) == (None, [])


def test_marks_of_a_person_whose_key_is_gone_are_set_aside(alice: User, settings: Settings) -> None:
    session, _ = done(alice)
    relay.mark_stale(alice.id, session.id)
    db.session.commit()
    keystore.destroy_user(alice.id)
    for _ in range(settings.attempts):
        relay.reconcile(alice.id)
    assert [found.error_code for found in relay.set_aside()] == ["key_destroyed"]
    assert [one.thing for one in verify(alice.id)] == ["key key_destroyed"]


def test_an_absent_graph_uses_up_no_attempts(make_app: Callable[[Settings], Flask], settings: Settings, alice: User) -> None:
    session, _ = write(alice)
    with make_app(settings.model_copy(update={"graph_url": "bolt://127.0.0.1:9"})).app_context():
        relay.reconcile_job(str(alice.id))
        left = mark(session)
        assert left
        assert left.attempts == 0


@pytest.mark.parametrize(("marked", "woken"), [("not", True), ("stale", False), ("aside", True)])
def test_the_sweeper_wakes_what_waits_for_nothing(alice: User, marked: str, woken: bool) -> None:
    """The relay that should have is dead, or gave the session up."""
    session, run = write(alice)
    values = {"waiting_for": GRAPH, "not_before": now() + timedelta(minutes=9)}
    db.session.execute(sa.update(Run).where(Run.id == run.id).values(**values))
    if marked == "not":
        db.session.execute(sa.delete(StaleMark))
    if marked == "aside":
        db.session.execute(sa.update(StaleMark).values(set_aside_at=now()))
    db.session.commit()
    sweep()
    assert (again(run).not_before is None) == woken


def test_what_is_set_aside_is_not_sent_again(alice: User, app: Flask) -> None:
    session, run = done(alice)
    lose(run)
    db.session.execute(sa.update(StaleMark).values(marked_at=now() - timedelta(minutes=1), set_aside_at=now(), error_code="x"))
    db.session.commit()
    app.extensions["redis"].flushdb()
    sweep()
    assert not app.extensions["redis"].keys("ij:waiting:reconcile*")
