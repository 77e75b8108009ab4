"""Jobs that do not end: told to end, the run is handed back from beside the one who works; out of time, it fails and says so."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from insight_journey import tasks
from insight_journey.accounts.models import User
from insight_journey.sessions import pipeline
from insight_journey.sessions.models import FAILED, FINISHED, QUEUED
from insight_journey.settings import Settings
from tests.engines import REPOSITORY
from tests.sessions.conftest import again, write
from tests.stack import environment, until

ENDS_SECONDS = 20
WORKER = """
import hashlib, time
from insight_journey.analysis.base import ANALYZERS
from insight_journey.cli.run import work

class Endless:
    def __init__(self, settings): pass
    def analyze(self, job): {what}

ANALYZERS["local"] = "__main__:Endless"
work(("analysis",))
"""
NATIVE = 'hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)'  # where no exception and no signal handler reaches it
SLOW = "time.sleep(3600)"


@contextmanager
def worker_at(what: str, settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", WORKER.format(what=what)], env=environment(settings), cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_works(alice: User, settings: Settings) -> None:
    session, run = write(alice)
    with worker_at(NATIVE, settings) as worker:
        until(lambda: again(run).stage == "analyze", 60)
        transcript = again(run).transcript_id
        worker.terminate()
        worker.wait(ENDS_SECONDS)
    row = again(run)
    assert (row.status, row.attempts, row.lease_token, row.transcript_id) == (QUEUED, 0, None, transcript)
    assert again(session).status == QUEUED
    pipeline.process_run(str(run.id))
    assert again(run).status == FINISHED


def test_a_job_that_is_out_of_time_fails(alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TIMEOUT_SECONDS", 10)
    session, run = write(alice)
    with worker_at(SLOW, settings):
        until(lambda: again(run).status == FAILED, 60)
    assert (again(run).error_code, again(session).status) == ("out_of_time", FAILED)
