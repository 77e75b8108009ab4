"""The polite end of a worker at work: its job hears of SIGTERM and finishes, or hands its work back, within moments.

The job's process keeps SIGTERM blocked and a thread waits for it: a handler would run only once the main thread is out
of an engine's native code, which can take longer than a supervisor is patient.
"""

import os
import signal
import threading
import time

PATIENCE_SECONDS = 5.0  # for the job to finish, or to come to a point where it can stop
LIMIT_SECONDS = 12.0  # after that the process ends, whatever it does

_asked: list[float] = []


def is_asked() -> bool:
    """Whether this process has been told to end."""
    return bool(_asked)


def is_overdue() -> bool:
    """Whether it has been told so long ago that work is to be handed back from beside the one who works."""
    return bool(_asked) and time.monotonic() - _asked[0] > PATIENCE_SECONDS


def watch(*, asked_before: bool) -> None:
    """Listen for SIGTERM, which the calling thread has blocked. `asked_before`: the parent was told before it forked us."""
    threading.Thread(target=_listen, args=(asked_before,), name="stopping", daemon=True).start()


def leave() -> None:
    """End this process now, from any thread."""
    os._exit(1)


def _listen(asked_before: bool) -> None:
    if not asked_before:
        signal.sigwait([signal.SIGTERM])
    _asked.append(time.monotonic())
    time.sleep(LIMIT_SECONDS)
    leave()
