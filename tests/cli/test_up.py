"""`up` from outside: everything starts, what dies comes back, everything ends."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from insight_journey.embedded.endpoints import free_port
from tests.stack import until

REPOSITORY = Path(__file__).parents[2]
PARTS = {"redis", "graph", "api", "worker-media", "worker-analysis", "search", "cron"}


class Up:
    """A running `up` with a home of its own."""

    def __init__(self, home: Path, port: int, **variables: str) -> None:
        self.home, self.port, self.output = home, port, home.with_name(f"{home.name}-{port}.log")
        plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
        environment = plain | {"IJ_HOME": str(home), "IJ_PORT": str(port), **variables}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "insight_journey.cli", "up"], env=environment, stdout=output, stderr=output, cwd=REPOSITORY
            )

    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> Any:
        with suppress(requests.RequestException, ValueError, KeyError):
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).json()["data"]["status"] == "ok"
        return False

    def wait_ready(self) -> None:
        until(lambda: self.ready() or self.process.poll() is not None, 90)
        assert self.process.poll() is None, self.text()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, *args: str) -> psutil.Process:
        """The process that `up` itself started for a part."""
        return until(lambda: self._part(args), 30)

    def _part(self, args: tuple[str, ...]) -> psutil.Process | None:
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if child.cmdline()[-len(args) :] == list(args):
                    return child
        return None


@contextmanager
def running(home: Path, **variables: str) -> Iterator[Up]:
    up = Up(home, free_port(), **variables)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            try:
                up.process.wait(40)
            except subprocess.TimeoutExpired:
                up.process.kill()
                up.process.wait()


def ended(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_it_works(tmp_path: Path):
    with running(tmp_path / "home") as up:
        up.wait_ready()
        names = {line.split("|")[0].strip() for line in up.text().splitlines() if "|" in line}
        assert names <= PARTS | {"up"}
        assert f"ready: http://127.0.0.1:{up.port}" in until(lambda: "ready: http" in up.text() and up.text())
        _files_are_private(up)
        _second_is_refused(up)
        _dead_parts_come_back(up)
        _all_ends(up, signal.SIGTERM)
    assert "Traceback" not in up.text()


def _files_are_private(up: Up) -> None:
    found = [path for path in [up.home, *up.home.rglob("*")] if not path.is_symlink()]
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def _second_is_refused(up: Up) -> None:
    with running(up.home) as second:
        assert second.process.wait(30) == 1
        assert "already running" in second.text()
    assert up.process.poll() is None
    assert up.ready()


def _dead_parts_come_back(up: Up) -> None:
    engines = json.loads((up.home / "engines.json").read_text())
    for args in (("run", "worker", "media"), ("run", "graph")):
        victim = up.part("--parent", str(up.process.pid), *args[1:])
        victim.kill()
        until(lambda: up.part("--parent", str(up.process.pid), *args[1:]).pid != victim.pid)  # noqa: B023 - called at once
    until(up.ready, 60)
    assert json.loads((up.home / "engines.json").read_text()) == engines


def _all_ends(up: Up, signum: int) -> None:
    children = up.children()
    assert len(children) >= len(PARTS)
    up.process.send_signal(signum)
    assert up.process.wait(40) == 0, up.text()
    until(lambda: ended(children), 10)


def test_interrupt_ends_it_while_it_starts(tmp_path: Path):
    with running(tmp_path / "home") as up:
        until(lambda: up.children())
        until(lambda: "redis" in up.text())
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(40) == 0, up.text()


def test_killed_supervisor_leaves_no_orphans(tmp_path: Path):
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells a child that its parent is gone")
    with running(tmp_path / "home") as up:
        up.wait_ready()
        children = up.children()
        up.process.kill()
        up.process.wait()
        until(lambda: ended(children), 30)


def test_taken_port_is_said(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = Up(tmp_path / "home", taken.getsockname()[1])
        assert up.process.wait(30) == 1
    assert "is taken: set IJ_PORT" in up.text()
    assert "Traceback" not in up.text()


def test_api_that_never_starts_ends_it(tmp_path: Path):
    with running(tmp_path / "home", GUNICORN_CMD_ARGS="--no-such-option") as up:
        assert up.process.wait(90) == 1
    assert "The API did not start" in up.text()
