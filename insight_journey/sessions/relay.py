"""The graph outbox: one leased relay a user makes her subgraph equal to what is true now.

A mark says only "this session's subgraph is stale". The relay reads the truth (also: gone) when it gets to it, so
doubled, late and reordered marks do no harm.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite

from insight_journey import tasks
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.crypto import Key
from insight_journey.errors import GraphUnavailable
from insight_journey.extensions import db, new_id, now
from insight_journey.graph.projection import SessionTruth, project_session, remove_session
from insight_journey.sessions import documents, identity
from insight_journey.sessions.models import RelayLease, Session, StaleMark

log = structlog.get_logger()
LEASE = timedelta(seconds=60)
BATCH = 100


def mark_stale(user_id: UUID, session_id: UUID) -> None:
    """Note, in the transaction of the fact, that a session's subgraph is not what is true now."""
    values = {"user_id": user_id, "session_id": session_id, "version": 1, "marked_at": now()}
    insert = _insert(StaleMark).values(**values)
    keys = [StaleMark.user_id, StaleMark.session_id]
    raised = {"version": StaleMark.version + 1, "marked_at": now()}
    db.session.execute(insert.on_conflict_do_update(index_elements=keys, set_=raised))
    tasks.enqueue(tasks.ANALYSIS, "reconcile", str(user_id))


def is_stale(session_id: UUID) -> bool:
    return db.session.scalar(sa.select(StaleMark.session_id).where(StaleMark.session_id == session_id)) is not None


def reconcile_job(user_id: str) -> None:
    """What a worker runs for a user with marks. A graph that is away leaves the marks for the sweeper."""
    try:
        reconcile(UUID(user_id))
    except GraphUnavailable as error:
        log.warning("graph_waits", code=error.code)


def reconcile(user_id: UUID, wanted: UUID | None = None) -> bool:
    """Work off all of a user's marks. False where another relay is at it. Commits a mark at a time.

    A session that can't be projected keeps its mark and holds up no other; of the `wanted` one it is raised why not.
    Raises GraphUnavailable; marks not worked off stay.
    """
    token = new_id()
    if not _take_lease(user_id, token):
        return False
    bad: dict[UUID, Exception] = {}
    try:
        while marks := _marks(user_id, bad):
            for session_id, version in marks:
                if error := _problem_of(user_id, session_id):
                    bad[session_id] = error
                elif not _settle(user_id, session_id, version, token):
                    return False
    finally:
        db.session.rollback()
        _release(user_id, token)
    if wanted in bad:
        raise bad[wanted]
    return True


def _marks(user_id: UUID, bad: Iterable[UUID] = ()) -> list[tuple[UUID, int]]:
    """(session, version) of the oldest marks, but for `bad` sessions."""
    query = sa.select(StaleMark.session_id, StaleMark.version).where(StaleMark.user_id == user_id, StaleMark.session_id.not_in(list(bad)))
    marks = [(session_id, version) for session_id, version in db.session.execute(query.order_by(StaleMark.marked_at).limit(BATCH))]
    db.session.commit()  # what follows reads the truth in a transaction of its own
    return marks


def _problem_of(user_id: UUID, session_id: UUID) -> Exception | None:
    """Reconcile a session; gives back what is wrong with it alone. What is wrong with a store is raised."""
    try:
        _reconcile_session(user_id, session_id)
    except (GraphUnavailable, sa.exc.SQLAlchemyError):
        raise
    except Exception as error:
        db.session.rollback()
        log.error("session_not_projected", session_id=session_id, exc_info=error)
        return error
    return None


def _reconcile_session(user_id: UUID, session_id: UUID) -> None:
    graph = current_app.extensions["graph"]
    key = keystore.user(user_id)
    session = db.session.get(Session, session_id)
    if session is None:
        shred(session_id)
        remove_session(graph, key, user_id, session_id)
    else:
        truth = _truth(key, session)
        db.session.commit()  # holds no transaction open while the graph writes
        project_session(graph, key, truth)


def _truth(key: Key, session: Session) -> SessionTruth:
    user = db.session.get_one(User, session.user_id)
    analysis = None
    if session.analysis_id:
        analysis = documents.read_analysis(keystore.session(key, session.id), session.analysis_id)
    return SessionTruth(
        user_id=user.id,
        session_id=session.id,
        occurred_at=session.occurred_at,
        day=session.occurred_at.astimezone(user.zone).date().isoformat(),
        version=session.version,
        analysis=analysis,
        element_keys=identity.element_keys(key, session.id, analysis) if analysis else {},
    )


def _settle(user_id: UUID, session_id: UUID, version: int, token: UUID) -> bool:
    """Delete the mark if nothing new came meanwhile; prolong the lease with it.

    False where the lease was lost. Then what we wrote may be older than what another relay wrote before: the session is
    marked again, so that the truth has the last word.
    """
    prolong = sa.update(RelayLease).where(RelayLease.user_id == user_id, RelayLease.token == token)
    kept: bool = db.session.execute(prolong.values(until=now() + LEASE)).rowcount == 1  # type: ignore[attr-defined]
    if not kept:
        mark_stale(user_id, session_id)
    seen = sa.delete(StaleMark).where(
        StaleMark.user_id == user_id, StaleMark.session_id == session_id, StaleMark.version == version
    )  # fmt: skip
    if kept:
        db.session.execute(seen)
    db.session.commit()
    return kept


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


def _take_lease(user_id: UUID, token: UUID) -> bool:
    db.session.execute(_insert(RelayLease).values(user_id=user_id).on_conflict_do_nothing())
    free = sa.or_(RelayLease.until.is_(None), RelayLease.until < now())
    take = sa.update(RelayLease).where(RelayLease.user_id == user_id, free).values(token=token, until=now() + LEASE)
    taken: int = db.session.execute(take).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return taken == 1


def _release(user_id: UUID, token: UUID) -> None:
    release = sa.update(RelayLease).where(RelayLease.user_id == user_id, RelayLease.token == token)
    db.session.execute(release.values(token=None, until=None))
    db.session.commit()


def _insert(model: type[StaleMark] | type[RelayLease]) -> sqlite.Insert | postgresql.Insert:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(model)  # type: ignore[no-any-return]
