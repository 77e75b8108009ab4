"""Journeys, sessions and runs: what a person does with them. Services flush; the edge commits."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey import events, tasks
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.crypto import Key
from insight_journey.errors import Conflict, NotFound, TooMany
from insight_journey.extensions import db, new_id, now
from insight_journey.sessions import documents, relay
from insight_journey.sessions.models import CANCELLED, OPEN, Journey, Media, Run, Session

T = TypeVar("T")

RETRY_SECONDS = 60  # after which a place may be free again
JOURNEY, SESSION, MEDIA = "journey", "session", "media"  # purposes of sealed rows


# Journeys


def create_journey(user: User, name: str) -> Journey:
    journey = Journey(id=new_id(), user_id=user.id, version=1)
    _name(user, journey, name)
    db.session.add(journey)
    db.session.flush()
    return journey


def find_journey(user: User, journey_id: UUID) -> Journey:
    """Raises NotFound, also for somebody else's."""
    journey = db.session.scalar(sa.select(Journey).where(Journey.id == journey_id, Journey.user_id == user.id))
    if journey is None:
        raise NotFound("There is no such journey.")
    return journey


def rename_journey(user: User, journey: Journey, name: str) -> None:
    journey.version += 1
    _name(user, journey, name)
    db.session.flush()


def delete_journey(journey: Journey) -> None:
    """Sessions of the journey stay, without one."""
    db.session.delete(journey)
    db.session.flush()


def list_journeys(user: User, offset: int, limit: int) -> tuple[list[Journey], int]:
    mine = sa.select(Journey).where(Journey.user_id == user.id)
    return _page(mine.order_by(Journey.created_at, Journey.id), offset, limit)


def journey_names(user: User, journeys: Iterable[Journey]) -> dict[UUID, str]:
    key = keystore.user(user.id)
    return {j.id: key.open_text(JOURNEY, j.id, j.version, j.sealed) for j in journeys}


def _name(user: User, journey: Journey, name: str) -> None:
    journey.sealed = keystore.user(user.id).seal_text(JOURNEY, journey.id, journey.version, name)


# Sessions


def create_session(user: User, title: str, **fields: Any) -> Session:
    """A session without content yet. `fields`: journey_id, occurred_at, language, speakers."""
    if fields.get("journey_id"):
        find_journey(user, fields["journey_id"])
    session = Session(id=new_id(), user_id=user.id, version=1, **{"occurred_at": now(), **fields})
    key = keystore.create_session(keystore.user(user.id), session.id)
    session.sealed = key.seal_text(SESSION, session.id, 1, title)
    db.session.add(session)
    db.session.flush()
    current_app.extensions["storage"].make_folder(documents.folder(session.id))
    relay.mark_stale(user.id, session.id)
    events.publish(user.id, "session.created", [{"session_id": str(session.id)}])
    return session


def find_session(user: User, session_id: UUID) -> Session:
    """Raises NotFound, also for somebody else's."""
    session = db.session.scalar(sa.select(Session).where(Session.id == session_id, Session.user_id == user.id))
    if session is None:
        raise NotFound("There is no such session.")
    return session


def session_key(session: Session) -> Key:
    return keystore.session(keystore.user(session.user_id), session.id)


def change_session(user: User, session: Session, **fields: Any) -> None:
    """Change title, journey_id or occurred_at. Each change raises the version; the graph has it, and the time."""
    if fields.get("journey_id"):
        find_journey(user, fields["journey_id"])
    key = session_key(session)
    title = fields.pop("title", None) or key.open_text(SESSION, session.id, session.version, session.sealed)
    session.version += 1
    session.sealed = key.seal_text(SESSION, session.id, session.version, title)
    relay.mark_stale(user.id, session.id)
    for name, value in fields.items():
        setattr(session, name, value)
    db.session.flush()


def delete_session(session: Session) -> None:
    """Gone from every read at the commit; key, files and subgraph follow at once, or when their stores are back."""
    user_id, session_id = session.user_id, session.id
    db.session.execute(sa.delete(Run).where(Run.session_id == session_id))  # runs, then sessions: the order in which workers lock
    db.session.delete(session)
    db.session.flush()
    relay.mark_stale(user_id, session_id)
    events.publish(user_id, "session.deleted", [{"session_id": str(session_id)}])
    relay.shred_soon(session_id)


# Runs


def start_run(session: Session, *, request_id: str | None, from_stage: str | None = None) -> Run:
    """A new run of a session that has content. It keeps the transcript unless told to transcribe again.

    Raises Conflict while another run is open, and for a session without content.
    """
    if not db.session.scalar(sa.select(Media.id).where(Media.session_id == session.id)):
        raise Conflict("This session has no recording or text yet.", code="no_content")
    if db.session.scalar(sa.select(Run.id).where(Run.session_id == session.id, Run.status.in_(OPEN))):
        raise Conflict("A run of this session is still open.", code="run_open")
    check_open_runs(session.user_id)
    number = (db.session.scalar(sa.select(sa.func.max(Run.number)).where(Run.session_id == session.id)) or 0) + 1
    keeps = session.transcript_id if from_stage != "transcribe" else None
    run = Run(
        session_id=session.id, user_id=session.user_id, number=number, request_id=request_id, transcript_id=keeps,
        warnings=[], report={},
    )  # fmt: skip
    session.status = "queued"
    db.session.add(run)
    db.session.flush()
    send_run(run)
    return run


def check_open_runs(user_id: UUID) -> None:
    """Raises TooMany while so many runs of the user's account are open that another would wait for too long."""
    mine = sa.select(User.account_id).where(User.id == user_id).scalar_subquery()
    members = sa.select(User.id).where(User.account_id == mine)
    open_runs = sa.select(sa.func.count()).select_from(Run).where(Run.status.in_(OPEN), Run.user_id.in_(members))
    if (db.session.scalar(open_runs) or 0) >= current_app.extensions["settings"].open_runs:
        raise TooMany("Too many recordings are waiting already; send this one later.", code="too_many_runs", retry_after=RETRY_SECONDS)


def send_run(run: Run, delay: float = 0) -> None:
    """Nudge the workers of the queue that the run's next stage belongs to, after the commit."""
    tasks.enqueue(*nudge(run), delay=delay)


def nudge(run: Run) -> tuple[str, str, str, str]:
    """(queue, job, arguments ...) for one more look at that queue. One nudge a waiting run is enough for all to be taken."""
    queue = queue_of(run)
    return queue, "process_next", queue, str(run.id)


def queue_of(run: Run) -> str:
    """Recordings are transcribed by media workers; all else is for the analysis workers."""
    kind = db.session.scalar(sa.select(Media.kind).where(Media.session_id == run.session_id))
    return tasks.MEDIA if run.transcript_id is None and kind != "text" else tasks.ANALYSIS


def find_run(user: User, run_id: UUID) -> Run:
    """Raises NotFound, also for somebody else's."""
    run = db.session.scalar(sa.select(Run).where(Run.id == run_id, Run.user_id == user.id))
    if run is None:
        raise NotFound("There is no such run.")
    return run


def list_runs(session: Session, offset: int, limit: int) -> tuple[list[Run], int]:
    return _page(sa.select(Run).where(Run.session_id == session.id).order_by(Run.number.desc()), offset, limit)


def cancel_run(run: Run) -> None:
    """Ends an open run at once: its lease is taken away, so its worker stops at the next look. Raises Conflict."""
    cancel = sa.update(Run).where(Run.id == run.id, Run.status.in_(OPEN))
    ended = {"status": CANCELLED, "lease_token": None, "lease_until": None, "waiting_for": None, "finished_at": now()}
    if db.session.execute(cancel.values(**ended)).rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("This run has ended already.", code="run_ended")
    db.session.execute(sa.update(Session).where(Session.id == run.session_id).values(status=CANCELLED))
    ids = {"session_id": str(run.session_id), "run_id": str(run.id)}
    events.publish(run.user_id, "run.cancelled", [ids])
    db.session.refresh(run)


def _page(query: sa.Select[T], offset: int, limit: int) -> tuple[list[T], int]:
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
    return list(db.session.scalars(query.offset(offset).limit(limit))), total
