"""The graph outbox: one leased relay a user makes her subgraph equal to what is true now.

A mark says only "this session's subgraph is stale". The relay reads the truth (also: gone) when it gets to it, so
doubled, late and reordered marks do no harm. Each lease has a fence that rises: a relay that slept past its lease is
refused by the graph once another has written, and what it wrote before that is marked again.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.dialects import postgresql, sqlite

from insight_journey import stopping, tasks
from insight_journey.accounts.keys import keystore
from insight_journey.errors import EngineError, GraphUnavailable, InsightJourneyError, NotFound, Tampered
from insight_journey.extensions import db, new_id, now
from insight_journey.graph.client import Refused
from insight_journey.graph.projection import clear_person, fence_of, person_id, project_session, remove_session
from insight_journey.sessions import documents
from insight_journey.sessions.models import GRAPH, OPEN, PERSON, RelayLease, Run, Session, StaleMark
from insight_journey.sessions.truth import read_truth

log = structlog.get_logger()
BATCH = 100


@dataclass(frozen=True)
class Lease:
    """The right to write one user's subgraph, as long as it is kept alive."""

    user_id: UUID
    token: UUID
    fence: int


# Marks


def mark_stale(user_id: UUID, session_id: UUID) -> None:
    """Note, in the transaction of the fact, that a session's subgraph is not what is true now."""
    values = {"user_id": user_id, "session_id": session_id, "version": 1, "marked_at": now()}
    _mark(_insert(StaleMark).values(**values))
    tasks.enqueue(tasks.ANALYSIS, "reconcile", str(user_id))


def mark_person_stale(user_id: UUID) -> None:
    """Note that nothing of a user's subgraph can be relied on: the relay drops it and writes it anew."""
    mark_stale(user_id, PERSON)


def mark_sessions_stale(user_id: UUID) -> None:
    """Note so of each session of a user."""
    mine = sa.select(Session.user_id, Session.id, sa.literal(1), _moment(now())).where(Session.user_id == user_id)
    _mark(_insert(StaleMark).from_select(["user_id", "session_id", "version", "marked_at"], mine))
    tasks.enqueue(tasks.ANALYSIS, "reconcile", str(user_id))


def mark_all_stale() -> None:
    """Note so of every user who has or had sessions in the graph. The sweeper sends the relays."""
    known = sa.union(sa.select(Session.user_id), sa.select(RelayLease.user_id)).subquery()
    rows = sa.select(known.c.user_id, sa.literal(PERSON, sa.Uuid()), sa.literal(1), _moment(now())).where(sa.true())
    _mark(_insert(StaleMark).from_select(["user_id", "session_id", "version", "marked_at"], rows))


def is_stale(session_id: UUID) -> bool:
    return db.session.scalar(sa.select(StaleMark.session_id).where(StaleMark.session_id == session_id)) is not None


def set_aside(user_id: UUID | None = None) -> list[StaleMark]:
    """Marks that could not be written, of one user or of all, oldest first."""
    query = sa.select(StaleMark).where(StaleMark.set_aside_at.is_not(None))
    if user_id:
        query = query.where(StaleMark.user_id == user_id)
    return list(db.session.scalars(query.order_by(StaleMark.set_aside_at)))


def retry(mark: StaleMark) -> None:
    """Give a mark that was set aside new attempts. Flushes."""
    mark_stale(mark.user_id, mark.session_id)


def _mark(insert: sqlite.Insert | postgresql.Insert) -> None:
    """A new reason starts anew: what was set aside may be written now."""
    keys = [StaleMark.user_id, StaleMark.session_id]
    raised = {"version": StaleMark.version + 1, "marked_at": now(), "attempts": 0, "error_code": None, "set_aside_at": None}
    db.session.execute(insert.on_conflict_do_update(index_elements=keys, set_=raised))


def _moment(value: datetime) -> sa.BindParameter[datetime]:
    return sa.literal(value, StaleMark.marked_at.type)


# Reconciling


def reconcile_job(user_id: str) -> None:
    """Reconcile a user with marks. A graph that is away leaves the marks for the sweeper."""
    try:
        reconcile(UUID(user_id))
    except GraphUnavailable as error:
        log.warning("graph_waits", code=error.code)


def reconcile(user_id: UUID, wanted: UUID | None = None) -> bool:
    """Work off all of a user's marks. False where another relay is at it. Commits a mark at a time.

    A session that can't be projected keeps its mark, which is set aside after the attempts of the settings, and holds up
    no other; of the `wanted` one it is raised why not. Raises GraphUnavailable; marks not worked off stay.
    """
    bad: dict[UUID, Exception] = {}
    with lease(user_id) as held:
        if held is None or not _work_off(held, bad):
            return False
    if wanted in bad:
        raise bad[wanted]
    _raise_where_set_aside(user_id, wanted)
    return True


def _work_off(held: Lease, bad: dict[UUID, Exception]) -> bool:
    """False where the lease was lost."""
    marks = _marks(held.user_id)
    if marks:
        held = _checked(held)
    try:
        while marks := _marks(held.user_id, bad):
            for session_id, version in marks:
                if stopping.is_asked():
                    return False
                if error := _problem_of(held, session_id):
                    bad[session_id] = error
                    _note_failure(held.user_id, session_id, version, error)
                elif not _settle(held.user_id, session_id, version, held.token):
                    return False
    except Refused:
        log.warning("relay_superseded")
        return False
    return True


def _marks(user_id: UUID, bad: Iterable[UUID] = ()) -> list[tuple[UUID, int]]:
    """(session, version) of the oldest marks, but for `bad` sessions and what is set aside. The whole person goes first, alone."""
    query = sa.select(StaleMark.session_id, StaleMark.version).where(StaleMark.user_id == user_id, StaleMark.set_aside_at.is_(None))
    query = query.where(StaleMark.session_id.not_in(list(bad))).order_by(StaleMark.session_id != PERSON, StaleMark.marked_at).limit(BATCH)
    marks = [(session_id, version) for session_id, version in db.session.execute(query)]
    db.session.commit()  # what follows reads the truth in a transaction of its own
    return marks[:1] if marks and marks[0][0] == PERSON else marks


def _checked(held: Lease) -> Lease:
    """Compare the graph's fence with ours: where one of the two was restored from another time, all is written anew."""
    row = db.session.get_one(RelayLease, held.user_id, populate_existing=True)
    written = row.written
    db.session.commit()
    try:
        key = keystore.user(held.user_id)
    except (NotFound, Tampered):
        return held  # each mark will fail of it, and be set aside
    seen = fence_of(current_app.extensions["graph"], key)
    if written <= seen < held.fence:
        return held
    log.warning("graph_of_another_time", older="graph" if seen < written else "database")
    fence = max(held.fence, seen + 1)
    ours = sa.update(RelayLease).where(RelayLease.user_id == held.user_id, RelayLease.token == held.token)
    db.session.execute(ours.values(fence=fence, written=0))
    mark_person_stale(held.user_id)
    db.session.commit()
    return Lease(held.user_id, held.token, fence)


def _problem_of(held: Lease, session_id: UUID) -> Exception | None:
    """Reconcile a session; gives back what is wrong with it alone. What is wrong with a store is raised."""
    try:
        if session_id == PERSON:
            _start_over(held)
        else:
            _reconcile_session(held, session_id)
    except (GraphUnavailable, Refused, sa.exc.SQLAlchemyError):
        raise
    except Exception as error:
        db.session.rollback()
        log.error("session_not_projected", session_id=session_id, exc_info=error)
        return error
    return None


def _reconcile_session(held: Lease, session_id: UUID) -> None:
    graph = current_app.extensions["graph"]
    key = keystore.user(held.user_id)
    session = db.session.get(Session, session_id)
    if session is None:
        shred(session_id)
        remove_session(graph, key, held.user_id, session_id, held.fence)
    else:
        truth = read_truth(key, session)
        db.session.commit()  # holds no transaction open while the graph writes
        project_session(graph, key, truth, held.fence)


def _start_over(held: Lease) -> None:
    """Mark each session, then drop what the graph has: in this order, so that nothing is forgotten between the two."""
    mark_sessions_stale(held.user_id)
    db.session.commit()
    clear_person(current_app.extensions["graph"], person_id(keystore.user(held.user_id), held.user_id), held.fence)


def _note_failure(user_id: UUID, session_id: UUID, version: int, error: Exception) -> None:
    """Count the attempt; after the last one, and where trying again can't help, the mark is set aside."""
    last = 1 if isinstance(error, Tampered) else current_app.extensions["settings"].attempts
    mine = sa.update(StaleMark).where(
        StaleMark.user_id == user_id, StaleMark.session_id == session_id, StaleMark.version == version
    )  # fmt: skip
    aside = sa.case((StaleMark.attempts + 1 >= last, _moment(now())), else_=None)
    db.session.execute(mine.values(attempts=StaleMark.attempts + 1, error_code=_code(error), set_aside_at=aside))
    db.session.commit()


def _code(error: Exception) -> str:
    return error.code if isinstance(error, InsightJourneyError) else "internal_error"


def _raise_where_set_aside(user_id: UUID, session_id: UUID | None) -> None:
    mark = db.session.get(StaleMark, (user_id, session_id), populate_existing=True) if session_id else None
    if mark and mark.set_aside_at:
        raise EngineError("This session could not be written into the graph.", code=mark.error_code)


def _settle(user_id: UUID, session_id: UUID, version: int, token: UUID) -> bool:
    """Delete the mark if nothing new came meanwhile; prolong the lease with it.

    False where the lease was lost. Then what we wrote may be older than what another relay wrote before: the session is
    marked again, so that the truth has the last word.
    """
    kept = _prolong(user_id, token, written=RelayLease.fence)
    if not kept:
        mark_stale(user_id, session_id)
    seen = sa.delete(StaleMark).where(
        StaleMark.user_id == user_id, StaleMark.session_id == session_id, StaleMark.version == version
    )  # fmt: skip
    if kept:
        db.session.execute(seen)
        _wake(user_id, session_id)
    db.session.commit()
    return kept


def _wake(user_id: UUID, session_id: UUID) -> None:
    """Runs that wait for the graph to say what it says now need not wait for their time; `pipeline.catch_up` ends them."""
    waiting = sa.update(Run).where(Run.session_id == session_id, Run.waiting_for == GRAPH, Run.lease_token.is_(None))
    if db.session.execute(waiting.values(not_before=None)).rowcount:  # type: ignore[attr-defined]
        tasks.enqueue(tasks.ANALYSIS, "reconcile", str(user_id))


def wake_idle() -> None:
    """Runs that wait for the graph although none of their person's marks stands for them: written, or set aside."""
    theirs = sa.and_(StaleMark.user_id == Run.user_id, StaleMark.session_id.in_([Run.session_id, PERSON]), StaleMark.set_aside_at.is_(None))
    idle = Run.status.in_(OPEN), Run.waiting_for == GRAPH, Run.not_before.is_not(None), ~sa.exists().where(theirs)
    wake = sa.update(Run).where(*idle).values(not_before=None)
    db.session.execute(wake, execution_options={"synchronize_session": False})
    db.session.commit()


def shred_soon(session_id: UUID) -> None:
    """Shred after the commit. Where that fails the deletion stands: its mark leads the relay here again."""
    db.after_commit(lambda: _try_to_shred(session_id))


def _try_to_shred(session_id: UUID) -> None:
    try:
        shred(session_id)
    except Exception as error:  # a store that is away must not make an answer of what is done already
        log.warning("shredding_waits", exc_info=error)


def shred(session_id: UUID) -> None:
    """Destroy a gone session's key and files. Safe to repeat."""
    keystore.destroy_session(session_id)
    current_app.extensions["storage"].delete_folder(documents.folder(session_id))


# Leases


@contextmanager
def lease(user_id: UUID) -> Iterator[Lease | None]:
    """The lease of a user's subgraph, kept alive by a thread of its own; None where another has it."""
    token = new_id()
    fence = _take_lease(user_id, token)
    if not fence:
        yield None
        return
    stop = threading.Event()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    heart = threading.Thread(target=_beat, args=(app, user_id, token, stop), name="relay-heartbeat", daemon=True)
    heart.start()
    try:
        yield Lease(user_id, token, fence)
    finally:
        stop.set()
        heart.join()
        db.session.rollback()
        _release(user_id, token)


def _beat(app: Flask, user_id: UUID, token: UUID, stop: threading.Event) -> None:
    while not stop.wait(app.extensions["settings"].lease_seconds / 5):
        with app.app_context():
            try:
                _prolong(user_id, token)
                db.session.commit()
            except sa.exc.SQLAlchemyError:  # a busy or absent database: the lease lasts longer than a beat
                db.session.rollback()


def _prolong(user_id: UUID, token: UUID, **values: Any) -> bool:
    ours = sa.update(RelayLease).where(RelayLease.user_id == user_id, RelayLease.token == token)
    return bool(db.session.execute(ours.values(until=_until(), **values)).rowcount == 1)  # type: ignore[attr-defined]


def _until() -> datetime:
    return now() + timedelta(seconds=current_app.extensions["settings"].lease_seconds)


def _take_lease(user_id: UUID, token: UUID) -> int:
    """The fence of the lease; 0 where another has it."""
    db.session.execute(_insert(RelayLease).values(user_id=user_id).on_conflict_do_nothing())
    free = sa.or_(RelayLease.until.is_(None), RelayLease.until < now())
    take = sa.update(RelayLease).where(RelayLease.user_id == user_id, free)
    take = take.values(token=token, until=_until(), fence=RelayLease.fence + 1)
    fence = db.session.scalar(take.returning(RelayLease.fence).execution_options(synchronize_session=False))
    db.session.commit()
    return fence or 0


def _release(user_id: UUID, token: UUID) -> None:
    release = sa.update(RelayLease).where(RelayLease.user_id == user_id, RelayLease.token == token)
    db.session.execute(release.values(token=None, until=None))
    db.session.commit()


def _insert(model: type[StaleMark] | type[RelayLease]) -> sqlite.Insert | postgresql.Insert:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(model)  # type: ignore[no-any-return]
