"""Real engines for the tests, each as a context manager. They live as long as the test run and leave nothing behind.

`IJ_TEST_STACK` says which: `embedded` (SQLite and the embedded graph; the default) or `grown` (PostgreSQL and Neo4j).
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from insight_journey.embedded import arcadedb, redis
from insight_journey.embedded.endpoints import free_port
from insight_journey.embedded.files import write_private
from insight_journey.embedded.parent import die_with
from insight_journey.errors import EngineError

STACK = os.environ.get("IJ_TEST_STACK", "embedded")
CI = os.environ.get("CI") == "true"
REPOSITORY = Path(__file__).parent.parent


class Missing(Exception):
    """This machine lacks what an engine needs; the text says what."""


@dataclass(frozen=True)
class GraphEngine:
    """A graph that takes queries."""

    url: str
    user: str
    password: str
    database: str
    kind: str


@contextmanager
def arcadedb_graph(folder: Path) -> Iterator[GraphEngine]:
    plan = arcadedb.Plan(folder, free_port(), "journey_app", secrets.token_urlsafe(16))
    try:
        running = arcadedb.start(plan, seconds=60)
    except EngineError as error:
        raise Missing(error.message) from error
    try:
        yield GraphEngine(plan.url, plan.user, plan.password, arcadedb.DATABASE, "arcadedb")
    finally:
        arcadedb.stop(running)


@contextmanager
def neo4j_graph(folder: Path) -> Iterator[GraphEngine]:
    port, password = free_port(), secrets.token_urlsafe(16)
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / "password", password)
    script = [REPOSITORY / "scripts" / "neo4j"]
    built = subprocess.run([*script, "build"], capture_output=True, text=True)
    if built.returncode:
        raise Missing(built.stderr.strip() or built.stdout.strip())
    with (folder / "output").open("w+") as output:
        command = [*script, "start", folder / "data", str(port), folder / "password"]
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=_with_us())
        try:
            _until(lambda: "READY" in (folder / "output").read_text(), process, 120)
            yield GraphEngine(f"bolt://127.0.0.1:{port}", "neo4j", password, "neo4j", "neo4j")
        finally:
            process.kill()  # a polite stop takes 12 seconds, and the data is thrown away
            process.wait()


def graph(folder: Path) -> AbstractContextManager[GraphEngine]:
    """The graph of the stack under test."""
    return neo4j_graph(folder) if STACK == "grown" else arcadedb_graph(folder)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    plan = redis.Plan(folder, f"redis://:{secrets.token_urlsafe(16)}@127.0.0.1:{free_port()}/0")
    try:
        process = redis.start(plan)
    except EngineError as error:
        raise Missing(error.message) from error
    try:
        yield plan.url
    finally:
        redis.stop(process)


@contextmanager
def postgresql() -> Iterator[str]:
    """A throw-away cluster; yields the folder of its socket, to connect as `postgres` without a password."""
    binaries = _postgresql_binaries()
    folder = tempfile.mkdtemp(prefix="ij-pg-")  # short, for the socket's path, and not below a folder that only root may enter
    person = _unprivileged(folder)
    initdb = [binaries / "initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **person)
    fast = [word for name in ("fsync", "synchronous_commit", "full_page_writes") for word in ("-c", f"{name}=off")]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", f"{folder}/data", "-k", folder, "-c", "listen_addresses=", *fast],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        preexec_fn=_with_us(),
        **person,
    )
    try:
        _until(lambda: _accepts(folder), process, 30)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    raise Missing("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")


def _unprivileged(folder: str) -> dict[str, Any]:
    """How to run a process that refuses to be root."""
    if os.getuid():
        return {}
    try:
        person = pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("PostgreSQL refuses to run as root, and there is no user `postgres`") from None
    os.chown(folder, person.pw_uid, person.pw_gid)
    return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}


def _with_us() -> Callable[[], None]:
    return partial(die_with, os.getpid(), signal.SIGKILL)


def _accepts(folder: str) -> bool:
    try:
        psycopg.connect(host=folder, user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Missing(f"{process.args!r} did not start")
        time.sleep(0.05)
