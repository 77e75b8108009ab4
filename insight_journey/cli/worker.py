"""RQ's worker with our manners: told to end, it tells its job so; without its Redis it waits, and not for long."""

import signal
from types import FrameType

from rq import Queue, Worker
from rq.job import Job

from insight_journey import stopping


class PoliteWorker(Worker):
    """A worker whose SIGTERM reaches the job (see `stopping`), wherever between two jobs it arrives."""

    max_connection_wait_time = 2.0  # seconds between two looks for a Redis that is away; RQ's own are up to 60

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # the child inherits this; it never returns from here
        super().fork_work_horse(job, queue)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def setup_work_horse_signals(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stopping.watch(asked_before=self._stop_requested)

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        if self._stop_requested:  # told between two lines, when there was no job's process to tell yet
            self.handle_warm_shutdown_request()
        super().monitor_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Told twice: the job is ending already, and a killed one could not hand back its work."""
