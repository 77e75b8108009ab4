"""A process that dies with its parent, so that a killed supervisor leaves no orphans."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int, signum: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `signum` to this process when its parent, pid `parent`, is gone. Survives exec, not fork.

    Linux only; elsewhere nothing happens. The kernel watches the parent's *thread* that forked us: start children from
    a main thread.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os.kill(os.getpid(), signum)
