"""Sends again what a dead process, a lost job or a graph that was away left behind. Runs every few seconds."""

from datetime import timedelta

import sqlalchemy as sa
from flask import current_app

from insight_journey import tasks
from insight_journey.events import Event
from insight_journey.extensions import db, now
from insight_journey.sessions import relay, service
from insight_journey.sessions.models import OPEN, Run, StaleMark

BATCH = 500
GRACE = timedelta(seconds=5)  # what is younger has its own job under way


def sweep() -> None:
    """Nudge open runs without a live lease and users with old marks; forget events past their days."""
    relay.wake_idle()
    for run in _left_runs():
        tasks.send(*service.nudge(run))
    for user_id in _users_with_marks():
        tasks.send(tasks.ANALYSIS, "reconcile", str(user_id))
    days = current_app.extensions["settings"].event_days
    db.session.execute(sa.delete(Event).where(Event.created_at < now() - timedelta(days=days)))
    db.session.commit()


def _left_runs() -> list[Run]:
    moment = now()
    idle = sa.or_(Run.lease_until.is_(None), Run.lease_until < moment)
    due = sa.or_(Run.not_before.is_(None), Run.not_before < moment)
    old = Run.created_at < moment - GRACE
    return list(db.session.scalars(sa.select(Run).where(Run.status.in_(OPEN), idle, due, old).order_by(Run.created_at).limit(BATCH)))


def _users_with_marks() -> list[object]:
    left = sa.select(StaleMark.user_id).where(StaleMark.marked_at < now() - GRACE, StaleMark.set_aside_at.is_(None))
    query = left.distinct().limit(BATCH)
    return list(db.session.scalars(query))
