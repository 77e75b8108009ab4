"""A worker told to end whose job hears nothing: the run is handed back from beside it, and the worker is gone in time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from insight_journey.accounts.models import User
from insight_journey.sessions import pipeline
from insight_journey.sessions.models import FINISHED, QUEUED
from insight_journey.settings import Settings
from tests.engines import REPOSITORY
from tests.sessions.conftest import again, write
from tests.stack import environment, until

ENDS_SECONDS = 20
# an analyzer that is deep in native code, where no exception and no signal handler reaches it
WORKER = """
import hashlib
from insight_journey.analysis.base import ANALYZERS
from insight_journey.cli.run import work

class Stuck:
    def __init__(self, settings): pass
    def analyze(self, job): hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)

ANALYZERS["local"] = "__main__:Stuck"
work(("analysis",))
"""


@contextmanager
def stuck_worker(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment(settings), cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_works(alice: User, settings: Settings) -> None:
    session, run = write(alice)
    with stuck_worker(settings) as worker:
        until(lambda: again(run).stage == "analyze", 60)
        transcript = again(run).transcript_id
        worker.terminate()
        worker.wait(ENDS_SECONDS)
    row = again(run)
    assert (row.status, row.attempts, row.lease_token, row.transcript_id) == (QUEUED, 0, None, transcript)
    assert again(session).status == QUEUED
    pipeline.process_run(str(run.id))
    assert again(run).status == FINISHED
