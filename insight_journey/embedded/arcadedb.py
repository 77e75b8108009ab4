"""The embedded graph: ArcadeDB's server, run by the Java runtime of the wheel `arcadedb-embedded`, spoken to over Bolt.

One folder, one server: a second one on the same folder refuses to start. The application's user may read and write
and change the schema of its one database and nothing else; root's password stays in a 0600 file of the folder.
"""

import base64
import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import neo4j
import structlog
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from insight_journey.embedded.endpoints import LOOPBACK, free_port, is_free
from insight_journey.embedded.files import kept_secret, private_folder, write_private
from insight_journey.embedded.parent import die_with
from insight_journey.errors import EngineError

START_SECONDS = 20.0
STOP_SECONDS = 10.0
DATABASE = "journey"
_GROUP = "app"
_RECORDS = ["createRecord", "readRecord", "updateRecord", "deleteRecord"]
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """What a server needs: its folder, its Bolt port, and the name and password of the application's user."""

    root: Path
    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        return f"bolt://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Running:
    """A server that was started: the child process and the port of its HTTP interface (root's)."""

    plan: Plan
    process: subprocess.Popen[bytes]
    http_port: int


def start(plan: Plan, seconds: float = START_SECONDS) -> Running:
    """Start a server and return once the application's user can query it.

    The child dies with the calling thread (see `parent.die_with`). Raises EngineError with the reason after at most
    `seconds`, and leaves no process behind.
    """
    deadline = time.monotonic() + seconds
    _wait_for_port(plan, deadline)
    running = _launch(plan, free_port())
    try:
        _wait(running, deadline)
    except BaseException:
        running.process.kill()
        running.process.wait()
        raise
    return running


def stop(running: Running) -> None:
    """End the server: politely (open transactions are rolled back), after a while by force."""
    running.process.send_signal(signal.SIGTERM)
    try:
        running.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()


def serve(plan: Plan, ready: Path) -> NoReturn:
    """Start a server and stay with it; `ready` is a file that exists while it takes queries.

    Leaves by SystemExit on SIGTERM and SIGINT, by EngineError when the server ends by itself.
    """
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: sys.exit(0))
    ready.unlink(missing_ok=True)
    running = start(plan)
    try:
        ready.touch(mode=0o600)
        log.info("graph_ready", port=plan.port)
        running.process.wait()
        raise EngineError("The embedded graph ended by itself", code="graph_ended")
    finally:
        ready.unlink(missing_ok=True)
        stop(running)


def package() -> Path:
    """Folder of the wheel with Java and the server; it is not imported, that would start a JVM in this process."""
    spec = importlib.util.find_spec("arcadedb_embedded")
    if spec is None or spec.origin is None:
        raise EngineError(
            "The embedded graph is not installed: install insight-journey[embedded], or set IJ_GRAPH_URL to a Neo4j 5",
            code="engine_missing",
        )
    return Path(spec.origin).parent


def _wait_for_port(plan: Plan, deadline: float) -> None:
    """A server whose parent was killed needs a moment to end."""
    while not is_free(plan.port):
        if time.monotonic() > deadline:
            raise EngineError(f"The embedded graph can't start: port {plan.port} is taken", code="port_taken")
        time.sleep(0.1)


def _launch(plan: Plan, http_port: int) -> Running:
    wheel = package()
    private_folder(plan.root)
    secret_file = plan.root / "root-password"
    kept_secret(secret_file)
    private_folder(plan.root / "config")
    write_private(plan.root / "config" / "server-groups.json", json.dumps(_groups(), indent=2))
    process = subprocess.Popen(  # noqa: S603 - every word of it is ours
        _command(wheel, plan, http_port, secret_file),
        cwd=plan.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # it keeps its own log in the folder; a query's text does not belong in ours
        stderr=subprocess.DEVNULL,
        umask=0o077,
        preexec_fn=partial(die_with, os.getpid()) if sys.platform.startswith("linux") else None,
    )
    return Running(plan, process, http_port)


def _command(wheel: Path, plan: Plan, http_port: int, secret_file: Path) -> list[str]:
    settings = {
        "server.mode": "development",  # `production` hides the reason of every refused query; what it would set is set below
        "txWalFlush": 2,
        "command.timeout": 30000,
        "dateTimeImplementation": "java.time.ZonedDateTime",
        "bolt.maxMessageSize": 134217728,
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
        "server.rootPath": plan.root,
        "server.logsDirectory": plan.root / "log",
        "server.rootPasswordPath": secret_file,
        "server.httpIncomingHost": LOOPBACK,
        "server.httpIncomingPort": http_port,
        "bolt.host": LOOPBACK,
        "bolt.port": plan.port,
        "bolt.defaultDatabase": DATABASE,
        "server.defaultDatabases": f"{DATABASE}[]",
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
    }
    return [
        *(str(wheel / "jre" / "bin" / "java"), "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"),
        *("--add-modules", "jdk.incubator.vector", "--add-exports", "java.management/sun.management=ALL-UNNAMED"),
        *("--add-opens", "java.base/java.util.concurrent.atomic=ALL-UNNAMED"),
        *("--add-opens", "java.base/java.nio.channels.spi=ALL-UNNAMED"),
        *("-Djava.awt.headless=true", "-Dfile.encoding=UTF8"),
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        *("-cp", str(wheel / "jars" / "*"), "com.arcadedb.server.ArcadeDBServer"),
    ]


def _groups() -> dict[str, object]:
    """Who may do what. A user in the built-in `admin`, even of one database, could make users and take over root."""
    admin = _group(["updateSecurity", "updateSchema", "updateDatabaseSettings"], _RECORDS)
    return {
        "databases": {
            "*": {"groups": {"admin": admin, "*": _group([], [])}},
            DATABASE: {"groups": {_GROUP: _group(["updateSchema"], _RECORDS)}},
        },
        "version": 2,
    }


def _group(access: list[str], records: list[str]) -> dict[str, object]:
    return {"resultSetLimit": -1, "readTimeout": -1, "access": access, "types": {"*": {"access": records}}}


def _wait(running: Running, deadline: float) -> None:
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise EngineError(
                f"The embedded graph ended while it started; its log is in {running.plan.root / 'log'}. "
                "Is another one running on the same folder?",
                code="graph_start_failed",
            )
        if _http_ready(running) and _bolt_ready(running) and running.process.poll() is None:
            return
        time.sleep(0.05)
    raise EngineError(f"The embedded graph did not get ready; its log is in {running.plan.root / 'log'}", code="graph_start_failed")


def _http_ready(running: Running) -> bool:
    try:
        return _http(running, "GET", "/api/v1/ready")[0] == 204
    except OSError:
        return False


def _bolt_ready(running: Running) -> bool:
    plan = running.plan
    try:
        with (
            neo4j.GraphDatabase.driver(plan.url, auth=(plan.user, plan.password), connection_timeout=2.0) as driver,
            driver.session(database=DATABASE) as session,
        ):
            session.run("RETURN 1").consume()
    except AuthError:
        _make_user(running)
        return False
    except (DriverError, Neo4jError, OSError):
        return False
    return True


def _make_user(running: Running) -> None:
    """Make the application's user, or give it the password of the plan: by root, over HTTP, since Cypher takes no parameter here."""
    plan = running.plan
    _command_server(running, f"drop user {plan.user}")
    user = {"name": plan.user, "password": plan.password, "databases": {DATABASE: [_GROUP]}}
    status = _command_server(running, f"create user {json.dumps(user)}")
    if status != 200:
        raise EngineError(f"The embedded graph refused its user (HTTP {status})", code="graph_start_failed")


def _command_server(running: Running, command: str) -> int:
    return _http(running, "POST", "/api/v1/server", {"command": command})[0]


def _http(running: Running, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    login = f"root:{(running.plan.root / 'root-password').read_text().strip()}"
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if body else {}
    connection = http.client.HTTPConnection(LOOPBACK, running.http_port, timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
