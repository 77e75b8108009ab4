"""Periodic jobs by RQ's own clock, as JSON: it would send pickles, which our workers refuse."""

import time
from contextlib import suppress

import structlog
from redis import Redis, RedisError
from redis.client import Pipeline
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.exceptions import DuplicateJobError, StopRequested
from rq.job import Job

from insight_journey.settings import Settings
from insight_journey.tasks import PERIODIC, QUEUES, run_job

log = structlog.get_logger()
PAUSE_SECONDS = 2  # between two looks for a Redis that is away


class JsonCronJob(CronJob):
    """One periodic job. Sent at most once a time slot, however many clocks run; forgotten when no worker takes it in time.

    It goes to the front: what heals a long queue must not wait at its end.
    """

    def enqueue(self, connection: Redis) -> Job | None:  # type: ignore[override] # the clock drops what is returned
        every = self.interval or 60
        keep = every * 2
        queue = Queue(self.queue_name, connection=connection, serializer="json")
        job_id = f"cron-{self.name}-{int(time.time() // every)}"
        try:
            return queue.enqueue_call(
                run_job, args=self.args, job_id=job_id, unique=True, at_front=True, ttl=keep, result_ttl=keep, failure_ttl=keep
            )
        except DuplicateJobError:
            return None


class Clock(CronScheduler):
    """A clock that waits for a Redis that is away."""

    def start(self) -> None:
        while True:
            try:
                super().start()  # type: ignore[no-untyped-call]
                return
            except RedisError as error:
                log.warning("clock_waits_for_redis", error=type(error).__name__)
            try:
                time.sleep(PAUSE_SECONDS)
            except StopRequested:  # what RQ's signal handler raises
                return

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        with suppress(RedisError):
            super().register_death(pipeline)


def run_cron(settings: Settings) -> None:
    """Send the jobs of `tasks.PERIODIC` until SIGTERM. Each queue gets its own: one busy worker does not stop the sweeping."""
    connection = Redis.from_url(settings.redis_url.get_secret_value())
    clock = Clock(connection=connection, logging_level="WARNING")
    for job, seconds in PERIODIC:
        for queue in QUEUES:
            clock.get_jobs().append(JsonCronJob(queue, run_job, args=(job,), interval=seconds, name=f"{job}-{queue}"))
    clock.start()
