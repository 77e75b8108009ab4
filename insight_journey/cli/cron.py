"""Periodic jobs by RQ's own clock, as JSON: it would send pickles, which our workers refuse."""

import time

from redis import Redis
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.exceptions import DuplicateJobError
from rq.job import Job

from insight_journey.settings import Settings
from insight_journey.tasks import ANALYSIS, PERIODIC, run_job


class JsonCronJob(CronJob):
    """One periodic job. Sent at most once a time slot, however many clocks run; forgotten when no worker takes it in time."""

    def enqueue(self, connection: Redis) -> Job | None:  # type: ignore[override] # the clock drops what is returned
        every = self.interval or 60
        keep = every * 2
        queue = Queue(self.queue_name, connection=connection, serializer="json")
        slot = int(time.time() // every)
        try:
            return queue.enqueue_call(
                run_job, args=self.args, job_id=f"cron-{self.name}-{slot}", unique=True, ttl=keep, result_ttl=keep, failure_ttl=keep
            )
        except DuplicateJobError:
            return None


def run_cron(settings: Settings) -> None:
    """Send the jobs of `tasks.PERIODIC` until SIGTERM."""
    connection = Redis.from_url(settings.redis_url.get_secret_value())
    scheduler = CronScheduler(connection=connection, logging_level="WARNING")
    for job, seconds in PERIODIC:
        scheduler.get_jobs().append(JsonCronJob(ANALYSIS, run_job, args=(job,), interval=seconds, name=job))
    scheduler.start()  # type: ignore[no-untyped-call]
