"""Queues and jobs. Jobs carry ids only, as JSON, and leave after the commit that made them necessary.

The row is the queue: a job is a nudge to look at a row. A lost one is sent again by `sweep`, a doubled one finds the
row claimed. Redis away at enqueue therefore loses nothing.
"""

import importlib
from datetime import timedelta
from typing import Any

import redis
import structlog
from flask import current_app
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.timeouts import JobTimeoutException

from insight_journey.extensions import db

MEDIA, ANALYSIS = "media", "analysis"
QUEUES = (MEDIA, ANALYSIS)
TIMEOUT_SECONDS = 6 * 3600  # of a job
OutOfTime = JobTimeoutException  # what it then hears; what does not hear is killed a minute later
KEEP_FAILED_SECONDS = 24 * 3600

JOBS = {
    "process_next": "insight_journey.sessions.pipeline:process_next",
    "keep_epoch": "insight_journey.sessions.epoch:keep",
    "process_run": "insight_journey.sessions.pipeline:process_run",
    "reconcile": "insight_journey.sessions.pipeline:catch_up",
    "sweep": "insight_journey.sessions.sweeper:sweep",
    "tidy": "insight_journey.sessions.janitor:tidy",
}
PERIODIC = (("sweep", 10), ("keep_epoch", 30), ("tidy", 3600))  # (job, seconds between)

log = structlog.get_logger()


def enqueue(queue: str, job: str, *ids: str, delay: float = 0) -> None:
    """Send a job after the current transaction commits; `delay` in seconds."""
    db.after_commit(lambda: send(queue, job, *ids, delay=delay))


def send(queue: str, job: str, *ids: str, delay: float = 0) -> None:
    """Send a job now, unless the very same one is already waiting."""
    connection = current_app.extensions["redis"]
    try:
        if is_waiting(connection, job, *ids):
            return
        sent = _put(Queue(queue, connection=connection, serializer="json"), delay, job, *ids)
        connection.set(_waiting_key(job, *ids), sent.id, ex=KEEP_FAILED_SECONDS)
    except redis.RedisError as error:
        log.warning("job_not_sent", job=job, error=type(error).__name__)


def _put(queue: Queue, delay: float, job: str, *ids: str) -> Job:
    options: dict[str, Any] = {"job_timeout": TIMEOUT_SECONDS, "result_ttl": 0, "failure_ttl": KEEP_FAILED_SECONDS}
    if delay:
        return queue.enqueue_in(timedelta(seconds=delay), run_job, job, *ids, **options)
    return queue.enqueue(run_job, job, *ids, **options)


def is_waiting(connection: Any, job: str, *ids: str) -> bool:
    """Whether such a job waits in a queue and nobody took it: neither one on the clock nor one that died with its worker."""
    waiting = connection.get(_waiting_key(job, *ids))
    if waiting is None:
        return False
    try:
        found = Job.fetch(waiting.decode(), connection=connection, serializer="json")
    except NoSuchJobError:
        return False
    return Queue(found.origin, connection=connection).get_job_position(found.id) is not None


def _waiting_key(job: str, *ids: str) -> str:
    return ":".join(("ij:waiting", job, *ids))


class JobFailed(Exception):
    """A job ended by an exception of this type. RQ keeps it in Redis, where what the other said does not belong."""


def run_job(job: str, *ids: str) -> None:
    """What a worker calls: one job of the table, inside the worker's app."""
    module, _, name = JOBS[job].partition(":")
    function = getattr(importlib.import_module(module), name)
    app = current_worker_app()
    with app.app_context(), structlog.contextvars.bound_contextvars(job=job):
        app.extensions["redis"].delete(_waiting_key(job, *ids))
        try:
            function(*ids)
        except Exception as error:
            log.error("job_failed", exc_info=error)
            raise JobFailed(type(error).__name__) from None


_app: list[Any] = []


def current_worker_app() -> Any:
    """The app of this worker process: made once, before it forks its jobs."""
    if not _app:
        factory = importlib.import_module("insight_journey.app").create_app
        _app.append(factory())
    return _app[0]
