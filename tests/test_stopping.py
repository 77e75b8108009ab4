"""A job's process that is told to end: it knows, and it ends, even where its main thread is deep in native code."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BEGIN = """
import hashlib, signal, sys, time
from insight_journey import stopping
stopping.LIMIT_SECONDS = {limit}
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
stopping.watch(asked_before={before})
print("ready", flush=True)
"""
WAIT = """
while not stopping.is_asked():
    time.sleep(0.01)
sys.exit(7)
"""
NATIVE = "hashlib.pbkdf2_hmac('sha256', b'', b'', 1_000_000_000)"


@contextmanager
def job(then: str, limit: float = 60, before: bool = False) -> Iterator["subprocess.Popen[str]"]:
    script = BEGIN.format(limit=limit, before=before) + then
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_works() -> None:
    with job(WAIT) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 7


def test_a_job_begun_after_its_worker_was_told_knows_it() -> None:
    with job(WAIT, before=True) as process:
        assert process.wait(20) == 7


def test_a_job_that_is_stuck_ends() -> None:
    with job(NATIVE, limit=0.1) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1
