"""Whose turn it is: a job says only "work on this queue", and the worker takes the run of whoever had least.

So one person's two hundred uploads delay another's first by no more than the run that each worker is at.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from insight_journey import tasks
from insight_journey.extensions import db, now
from insight_journey.sessions import claims
from insight_journey.sessions.claims import Claim
from insight_journey.sessions.models import OPEN, Media, Run, Turn


def take(queue: str) -> Claim | None:
    """Claim the next run of a queue; None where nothing is due.

    It is that of the person with the fewest runs at work there, then of her whose last turn is longest ago, then her oldest;
    what waits for the graph comes after what can be worked on.
    """
    while (found := db.session.execute(_next(queue)).first()) is not None:
        run_id, user_id = found
        _note(queue, user_id)
        claim = claims.take(run_id)  # commits the turn with the claim, or drops both: another worker was faster
        if claim is not None:
            return claim
    db.session.rollback()
    return None


def _next(queue: str) -> Any:
    moment = now()
    free = sa.or_(Run.lease_until.is_(None), Run.lease_until < moment)
    due = sa.or_(Run.not_before.is_(None), Run.not_before <= moment + timedelta(seconds=1))
    busy = _of_queue(sa.select(Run.user_id, sa.func.count().label("runs")), queue).where(Run.lease_until >= moment)
    at_work = busy.group_by(Run.user_id).subquery()
    turns = sa.select(Turn.user_id, Turn.taken_at).where(Turn.queue == queue).subquery()
    waiting = _of_queue(sa.select(Run.id, Run.user_id), queue).where(free, due)
    waiting = waiting.outerjoin(at_work, at_work.c.user_id == Run.user_id).outerjoin(turns, turns.c.user_id == Run.user_id)
    persons = (sa.func.coalesce(at_work.c.runs, 0), sa.nulls_first(turns.c.taken_at))
    return waiting.order_by(*persons, Run.waiting_for.is_not(None), Run.created_at, Run.id).limit(1)


def _of_queue(query: Any, queue: str) -> Any:
    """Open runs of a queue, as `service.queue_of` tells it."""
    is_media = sa.and_(Run.transcript_id.is_(None), Media.kind != "text")
    mine = is_media if queue == tasks.MEDIA else sa.not_(is_media)
    return query.select_from(Run).join(Media, Media.session_id == Run.session_id).where(Run.status.in_(OPEN), mine)


def _note(queue: str, user_id: UUID) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    turn = insert(Turn).values(user_id=user_id, queue=queue, taken_at=now())
    db.session.execute(turn.on_conflict_do_update(index_elements=[Turn.user_id, Turn.queue], set_={"taken_at": turn.excluded.taken_at}))
