"""RQ's worker with our manners: told to end, it tells its job so; without its Redis it waits, and not for long.

Each job runs in a forked child: what this process has imported before, no child imports again.
"""

import importlib
import signal
from collections.abc import Iterable
from types import FrameType

from rq import Queue, Worker
from rq.job import Job

from insight_journey import stopping, tasks
from insight_journey.analysis.base import ANALYZERS
from insight_journey.settings import Settings
from insight_journey.transcription.base import TRANSCRIBERS

LIBRARIES = {tasks.MEDIA: ("onnxruntime",), tasks.ANALYSIS: ("onnxruntime", "tokenizers")}  # that engines import when they load a model


def import_work(settings: Settings, queues: Iterable[str]) -> None:
    """Import what jobs of these queues need. Modules only: a speech model that was loaded before a fork hangs in the child."""
    engines = {tasks.MEDIA: (TRANSCRIBERS["whisper"], TRANSCRIBERS[settings.transcriber]), tasks.ANALYSIS: (ANALYZERS["local"],)}
    places = [*tasks.JOBS.values(), *(engine for queue in queues for engine in engines[queue])]
    for name in (*(place.partition(":")[0] for place in places), *(library for queue in queues for library in LIBRARIES[queue])):
        importlib.import_module(name)


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
