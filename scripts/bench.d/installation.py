"""A fresh installation for one measurement: `insight-journey up` with a home of its own, thrown away afterwards."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from insight_journey.embedded.endpoints import free_port
from insight_journey.settings import Settings
from tests.stack import Stack

START_SECONDS = 120


class Lacking(Exception):
    """What a measurement needs and does not have."""


def folder(path: Path) -> Path:
    if not path.is_dir():
        raise Lacking(f"there is no folder {path}")
    return path


@contextmanager
def installation(**settings: object) -> Iterator[Stack]:
    """The product, ready. `settings`: fields of Settings other than their defaults."""
    with tempfile.TemporaryDirectory(prefix="ij-bench-") as home:
        given = {"home": home, "port": free_port(), **settings}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
        environment = plain | {f"IJ_{name.upper()}": str(value) for name, value in given.items()}
        process = subprocess.Popen([sys.executable, "-m", "insight_journey.cli", "up", "--quiet"], env=environment)  # noqa: S603
        try:
            stack = Stack(Settings.model_validate(given), Path(home, "log"))
            _wait(process, stack.base)
            yield stack
        finally:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{base}/readyz", timeout=5).json()["data"]["status"] == "ok":
                return
        except (requests.RequestException, KeyError, ValueError):
            pass
        time.sleep(0.25)
    raise Lacking(f"the product did not get ready within {START_SECONDS} s")
