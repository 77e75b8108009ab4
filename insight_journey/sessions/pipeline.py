"""The pipeline: from media to graph. STAGES and `process_run` are the whole story; `claims.py` guards it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from flask import current_app

from insight_journey import events, stopping, tasks
from insight_journey.errors import EngineError, GraphUnavailable, InsightJourneyError
from insight_journey.extensions import db, now
from insight_journey.sessions import claims, identity, relay, service, stages, turns
from insight_journey.sessions.claims import Claim, ClaimLost, HandedBack
from insight_journey.sessions.models import FAILED, FINISHED, GRAPH, OPEN, QUEUED, Run, Session

log = structlog.get_logger()


@dataclass(frozen=True)
class Stage:
    """One step of a run: `run` does it and flushes what it made, `is_done` tells whether an earlier pass did."""

    name: str
    run: Callable[[Claim], None]
    is_done: Callable[[Run], bool]


STAGES = (
    Stage("transcribe", stages.transcribe, lambda run: run.transcript_id is not None),
    Stage("analyze", stages.analyze, lambda run: run.analysis_id is not None),
    Stage("index", stages.index, lambda run: run.index_id is not None),
    Stage("project", stages.project, lambda run: run.projected_at is not None),
)
STORE_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
LONGEST_PAUSE = 60.0  # seconds between tries while a part is away
GRAPH_PAUSE = 600.0  # for a run that waits for the graph again: the relay wakes it, or the sweeper


def process_next(queue: str, _nudged_for: str) -> None:
    """Process the run of a queue whose turn it is. The run that the nudge was sent for only tells nudges apart."""
    _process(turns.take(queue))


def process_run(run_id: str) -> None:
    """Take one run from where it is to its end. Safe to repeat: finished stages are skipped, a claimed run is left.

    1. claim the run (nobody else's lease, not cancelled)
    2. each stage that is not done: enter, run, commit under the claim's fencing token
    3. hand over to the other queue after transcription
    4. finish, or record why not; a worker that is told to end hands the run back
    """
    _process(claims.take(UUID(run_id)))


def catch_up(user_id: str) -> None:
    """Make a person's graph say what is true now, and end her runs that waited for it: after an outage a job each would take long."""
    relay.reconcile_job(user_id)
    waiting = sa.select(Run.id).where(
        Run.user_id == UUID(user_id), Run.status.in_(OPEN), Run.waiting_for == GRAPH, Run.not_before.is_(None)
    )
    for run_id in db.session.scalars(waiting.order_by(Run.created_at)).all():
        if not stopping.is_asked():
            _process(claims.take(run_id))


def _process(claim: Claim | None) -> None:
    if claim is None:
        return
    with claim, structlog.contextvars.bound_contextvars(request_id=claim.run.request_id, run_id=str(claim.run_id)):
        try:
            _work_or_say_why_not(claim)
        except ClaimLost:
            db.session.rollback()
            _give_up(claim)
        except HandedBack:
            db.session.rollback()
            claim.hand_back()
            log.info("run_handed_back")
        finally:
            db.session.rollback()  # whatever went wrong, nothing of it is charged along
            claim.charge()


def _work_or_say_why_not(claim: Claim) -> None:
    try:
        if _work(claim):
            _finish(claim)
    except (ClaimLost, HandedBack):
        raise
    except Exception as error:
        db.session.rollback()
        _fail(claim, error)


def _give_up(claim: Claim) -> None:
    """The run is not ours any more. What this attempt wrote for a session that is gone goes, too."""
    log.info("run_given_up")
    if db.session.get(Session, claim.session_id) is None:
        relay.shred(claim.session_id)


def _work(claim: Claim) -> bool:
    """Do the stages that are left. False when the rest belongs to another queue."""
    queue = service.queue_of(claim.run)
    for stage in STAGES:
        if stage.is_done(claim.run):
            continue
        if service.queue_of(claim.run) != queue:
            _hand_over(claim)
            return False
        claim.check()
        _enter(claim, stage)
        stage.run(claim)
        claim.hold(attempts=0, waiting_for=None)
        db.session.commit()
        log.info("stage_done", stage=stage.name)
    return True


def _enter(claim: Claim, stage: Stage) -> None:
    if claim.run.attempts >= current_app.extensions["settings"].attempts:
        raise EngineError("This stage ended its process too often.", code="worker_died")
    claim.enter(stage.name)
    db.session.commit()


def _hand_over(claim: Claim) -> None:
    claim.hold(lease_token=None, lease_until=None)
    service.send_run(claim.run)
    db.session.commit()


def _finish(claim: Claim) -> None:
    run = claim.run
    claim.hold(status=FINISHED, progress=1.0, finished_at=now(), lease_token=None, lease_until=None)
    db.session.get_one(Session, run.session_id).status = FINISHED
    ids = {"session_id": str(run.session_id), "run_id": str(run.id)}
    events.lock(run.user_id)  # so that two runs of a person announce no element twice
    events.publish(run.user_id, "element.created", _new_elements(run, ids))
    events.publish(run.user_id, "run.finished", [ids])
    db.session.commit()
    log.info("run_finished")


def _new_elements(run: Run, ids: dict[str, str]) -> list[dict[str, str]]:
    key = stages.user_key(run)
    new = identity.take_new(run.user_id, run.session_id)
    return [{**ids, "kind": kind, "element_id": key.graph_id("element", kind, element_key)} for kind, element_key in new]


def _fail(claim: Claim, error: Exception) -> None:
    """Try again later for a passing reason while attempts last; a graph that is away is waited for however long."""
    claim.hold()
    if isinstance(error, STORE_AWAY):
        error = EngineError("The database could not be reached.", code="database_unavailable", transient=True)
    if isinstance(error, tasks.OutOfTime):
        error = EngineError("This took longer than a job may.", code="out_of_time")
    if not isinstance(error, InsightJourneyError):
        log.error("stage_crashed", stage=claim.run.stage, exc_info=error)
        return _end_failed(claim, "internal_error", "Something went wrong on our side.")
    log.warning("stage_failed", stage=claim.run.stage, code=error.code)
    if isinstance(error, GraphUnavailable) and error.transient:
        return _try_again(claim, error, waiting_for=GRAPH, attempts=0)
    passing = isinstance(error, EngineError) and error.transient
    if passing and claim.run.attempts < current_app.extensions["settings"].attempts:
        return _try_again(claim, error)
    return _end_failed(claim, error.code, error.message)


def _try_again(claim: Claim, error: Exception, **values: object) -> None:
    pause = _pause(claim, error)
    later = now() + pause
    status = {} if "waiting_for" in values else {"status": QUEUED}
    claim.hold(not_before=later, lease_token=None, lease_until=None, **status, **values)
    service.send_run(claim.run, delay=pause.total_seconds())
    db.session.commit()


def _pause(claim: Claim, error: Exception) -> timedelta:
    if claim.run.waiting_for == GRAPH:
        return timedelta(seconds=GRAPH_PAUSE)
    first = current_app.extensions["settings"].retry_seconds
    wanted = getattr(error, "retry_after", None) or first * 2 ** max(claim.run.attempts - 1, 0)
    return timedelta(seconds=min(max(wanted, first), LONGEST_PAUSE))


def _end_failed(claim: Claim, code: str, message: str) -> None:
    run = claim.run
    claim.hold(
        status=FAILED, error_code=code, error_message=message[:500], waiting_for=None, finished_at=now(),
        lease_token=None, lease_until=None,
    )  # fmt: skip
    db.session.get_one(Session, run.session_id).status = FAILED
    ids = {"session_id": str(run.session_id), "run_id": str(run.id)}
    events.publish(run.user_id, "run.failed", [{**ids, "code": code}])
    db.session.commit()
