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
NEO4J = [REPOSITORY / "scripts" / "neo4j"]


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

    @property
    def settings(self) -> dict[str, str]:
        """The settings that name it."""
        return {
            "graph_url": self.url, "graph_user": self.user, "graph_password": self.password, "graph_database": self.database,
        }  # fmt: skip


class ArcadeDB:
    """The embedded graph on a folder of its own. Killed, it starts again on the same data and the same address."""

    def __init__(self, folder: Path) -> None:
        self._plan = arcadedb.Plan(folder, free_port(), "journey_app", secrets.token_urlsafe(16))
        self.named = GraphEngine(self._plan.url, self._plan.user, self._plan.password, arcadedb.DATABASE, "arcadedb")

    def start(self) -> None:
        """Returns when it takes queries."""
        try:
            self._process = arcadedb.start(self._plan, seconds=60).process
        except EngineError as error:
            raise Missing(error.message) from error

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Neo4j:
    """The real one, of `scripts/neo4j`, likewise."""

    def __init__(self, folder: Path) -> None:
        self._port, password = free_port(), secrets.token_urlsafe(16)
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / "password", password)
        self._folder = folder
        self.named = GraphEngine(f"bolt://127.0.0.1:{self._port}", "neo4j", password, "neo4j", "neo4j")
        self._build()

    def start(self) -> None:
        """Returns when it takes queries."""
        output = self._folder / "output"
        command = [*NEO4J, "start", self._folder / "data", str(self._port), self._folder / "password"]
        with output.open("w") as sink:
            self._process = subprocess.Popen(command, stdout=sink, stderr=sink, preexec_fn=_with_us())
        try:
            _until(lambda: "READY" in output.read_text(), self._process, 120)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """A polite stop would take 12 seconds."""
        self._process.kill()
        self._process.wait()

    @staticmethod
    def _build() -> None:
        built = subprocess.run([*NEO4J, "build"], capture_output=True, text=True)
        if built.returncode:
            raise Missing(built.stderr.strip() or built.stdout.strip())


GRAPHS: dict[str, type[ArcadeDB | Neo4j]] = {"embedded": ArcadeDB, "grown": Neo4j}


@contextmanager
def running_graph(stack: str, folder: Path) -> Iterator[ArcadeDB | Neo4j]:
    """The graph of a stack, to be killed and started at will."""
    graph = GRAPHS[stack](folder)
    graph.start()
    try:
        yield graph
    finally:
        graph.kill()


@contextmanager
def arcadedb_graph(folder: Path) -> Iterator[GraphEngine]:
    with running_graph("embedded", folder) as graph:
        yield graph.named


@contextmanager
def neo4j_graph(folder: Path) -> Iterator[GraphEngine]:
    with running_graph("grown", folder) as graph:
        yield graph.named


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
