"""Fresh installations for one measurement, each with a home of its own that is thrown away afterwards."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import requests

from insight_journey.database import upgrade
from insight_journey.embedded.endpoints import free_port
from insight_journey.settings import RATE_KINDS, Settings
from tests import engines
from tests.stack import Stack

START_SECONDS = 120
COUNTED = ";".join(f"{kind}=999999999/day" for kind in RATE_KINDS)  # rates that are counted as always, and never reached


class Lacking(Exception):
    """What a measurement needs and does not have."""


def folder(path: Path | None) -> Path:
    if path is None:
        raise Lacking("it needs --data DIR")
    if not path.is_dir():
        raise Lacking(f"there is no folder {path}")
    return path


@contextmanager
def installation(**settings: object) -> Iterator[Stack]:
    """The product as `insight-journey up` starts it, ready. `settings`: fields of Settings other than their defaults."""
    with tempfile.TemporaryDirectory(prefix="ij-bench-") as home:
        given = {"home": home, "port": free_port(), "rate_limits": COUNTED, **settings}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
        environment = plain | {f"IJ_{name.upper()}": str(value) for name, value in given.items()}
        process = subprocess.Popen([sys.executable, "-m", "insight_journey.cli", "up", "--quiet"], env=environment)  # noqa: S603
        try:
            stack = Stack(Settings.model_validate(given), Path(home, "log"))
            _wait(lambda: process.poll() is None, stack.base, "ok")
            yield stack
        finally:
            process.terminate()
            process.wait()


@contextmanager
def engines_of_stack(**settings: object) -> Iterator[Stack]:
    """The engines of `IJ_TEST_STACK` and a database with its tables, none of our parts started. `settings` as above."""
    with ExitStack() as held:
        home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ij-bench-")))
        try:
            graph = held.enter_context(engines.graph(home / "graph"))
            redis_url = held.enter_context(engines.redis_server(home / "redis"))
            database_url = _postgresql(held.enter_context(engines.postgresql())) if engines.STACK == "grown" else ""
        except engines.Missing as missing:
            raise Lacking(str(missing)) from missing
        given = {
            "home": home, "port": free_port(), "redis_url": redis_url, "database_url": database_url, "graph_url": graph.url,
            "graph_user": graph.user, "graph_password": graph.password, "graph_database": graph.database,
            "rate_limits": COUNTED, **settings,
        }  # fmt: skip
        made = Settings.model_validate(given).resolved()
        upgrade(made)
        stack = Stack(made, home / "log")
        held.callback(stack.stop)
        yield stack


def _postgresql(socket: str) -> str:
    with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    return f"postgresql+psycopg://postgres@/bench?host={socket}"


def start(stack: Stack, *parts: tuple[str, ...], status: str = "ok") -> None:
    """Start parts of a stack and wait until /readyz says `status`: without workers it stays `degraded`."""
    for part in parts:
        stack.start(*part)
    _wait(lambda: all(process.poll() is None for process in stack.parts.values()), stack.base, status)


def _wait(lives: Callable[[], bool], base: str, status: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and lives():
        try:
            if requests.get(f"{base}/readyz", timeout=5).json()["data"]["status"] == status:
                return
        except (requests.RequestException, KeyError, ValueError):
            pass
        time.sleep(0.25)
    raise Lacking(f"the product did not get ready within {START_SECONDS} s")
