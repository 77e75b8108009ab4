"""Claims on runs: a lease taken by a conditional UPDATE, kept by a heartbeat, and a fencing token on every write.

Whoever lost the lease (its process slept, the person cancelled or deleted) finds its token gone at the next write and
stops: `hold` updates the row `WHERE lease_token = :token` in the same transaction as the work it protects.
"""

import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey import events, stopping
from insight_journey.analysis.base import Usage
from insight_journey.extensions import db, new_id, now
from insight_journey.sessions import budget, service
from insight_journey.sessions.models import OPEN, QUEUED, RUNNING, Run, Session

BEAT_SECONDS = 1.0  # cancelling is noticed within this time
PROGRESS_SECONDS = 0.25  # at most so often is progress told


class ClaimLost(Exception):
    """The run is no longer ours: cancelled, deleted, or taken by another worker."""


class HandedBack(Exception):
    """This process is told to end: the run is for another worker, or for us once we are back."""


def take(run_id: UUID) -> "Claim | None":
    """Claim an open run whose lease is free and whose time has come; None where there is nothing to do."""
    token, moment = new_id(), now()
    free = sa.or_(Run.lease_until.is_(None), Run.lease_until < moment)
    due = sa.or_(Run.not_before.is_(None), Run.not_before <= moment + timedelta(seconds=1))
    claim = sa.update(Run).where(Run.id == run_id, Run.status.in_(OPEN), free, due)
    values = {
        "status": RUNNING, "lease_token": token, "lease_until": _until(), "not_before": None,
        "started_at": sa.func.coalesce(Run.started_at, moment),
    }  # fmt: skip
    if db.session.execute(claim.values(**values)).rowcount != 1:  # type: ignore[attr-defined]
        db.session.rollback()
        return None
    run = db.session.get_one(Run, run_id, populate_existing=True)
    db.session.execute(sa.update(Session).where(Session.id == run.session_id).values(status=RUNNING))
    db.session.commit()
    return Claim(run, token)


def _until() -> Any:
    return now() + timedelta(seconds=current_app.extensions["settings"].lease_seconds)


class Claim:
    """A claimed run. As a context manager it keeps the lease alive from a thread of its own."""

    def __init__(self, run: Run, token: UUID) -> None:
        self.run, self.token = run, token
        self.run_id, self.session_id, self.user_id = run.id, run.session_id, run.user_id  # known also when the row is gone
        self.lost = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told = 0.0
        self._began = time.monotonic()
        self._stage, self._progress = "", 0.0
        self._spent, self._purse = Usage(), threading.Lock()

    def __enter__(self) -> "Claim":
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._beat, args=(app,), name="heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def hold(self, **values: Any) -> None:
        """Write to the run under the fencing token, in the current transaction. Raises ClaimLost."""
        db.session.flush()
        if not self._write({"lease_until": _until(), **values}):
            raise ClaimLost
        db.session.refresh(self.run)

    def pause(self) -> None:
        """End the current transaction, which has only read, so that none stays open while an engine works."""
        db.session.commit()

    def enter(self, stage: str) -> None:
        """Begin a stage: it stands on the row, with one more attempt, and on the wire."""
        self._stage, self._began, self._progress = stage, time.monotonic(), 0.0
        self.hold(stage=stage, progress=0.0, attempts=self.run.attempts + 1)
        db.after_commit(lambda: self._tell(stage, 0.0))

    def progress(self, share: float) -> None:
        """Tell how far the stage is, 0..1. Raises ClaimLost and HandedBack, so that engines stop between segments."""
        self.check()
        self._progress = min(max(share, self._progress), 1.0)
        if time.monotonic() - self._told >= PROGRESS_SECONDS or share >= 1:
            self._tell(self._stage, self._progress)

    def check(self) -> None:
        """Raises ClaimLost where the run is not ours any more, HandedBack where this process is told to end."""
        if self.lost:
            raise ClaimLost
        if stopping.is_asked():
            raise HandedBack

    def spend(self, usage: Usage) -> None:
        """Note what an answer of an outside model took, from any thread; the heartbeat charges it, whatever becomes of the run."""
        with self._purse:
            self._spent += usage

    def charge(self) -> None:
        """Charge what was noted. A transaction of its own, from any thread."""
        with self._purse:
            if self._spent != Usage():
                budget.spend(self.user_id, self._spent)
                db.session.commit()
                self._spent = Usage()

    def hand_back(self) -> None:
        """Queue the run again, with no attempt used up for the stage it is in. A transaction of its own, from any thread."""
        attempts = sa.case((Run.attempts > 0, Run.attempts - 1), else_=0)
        free = {"lease_token": None, "lease_until": None}
        if self._write({"status": QUEUED, "attempts": attempts, "progress": 0.0, **free}):
            db.session.execute(sa.update(Session).where(Session.id == self.session_id).values(status=QUEUED))
            service.send_run(db.session.get_one(Run, self.run_id, populate_existing=True))
        db.session.commit()

    def _tell(self, stage: str, share: float) -> None:
        self._told = time.monotonic()
        spent = self._told - self._began
        eta = spent / share - spent if share > 0.01 else None
        events.progress(self.user_id, events.progress_message(self.session_id, self.run_id, stage, share, eta))

    def _write(self, values: dict[str, Any]) -> bool:
        update = sa.update(Run).where(Run.id == self.run_id, Run.lease_token == self.token)
        return bool(db.session.execute(update.values(**values)).rowcount == 1)  # type: ignore[attr-defined]

    def _beat(self, app: Flask) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with app.app_context():
                try:
                    if stopping.is_overdue():
                        self.charge()
                        self.hand_back()
                        stopping.leave()
                    self.lost = self.lost or not self._write({"lease_until": _until(), "progress": self._progress})
                    db.session.commit()
                    self.charge()
                except sa.exc.SQLAlchemyError:  # a busy or absent database: the lease lasts longer than a beat
                    db.session.rollback()
