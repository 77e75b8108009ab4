"""An installation under `insight-journey up` whose parts can be killed, and what must hold in its stores afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import requests
import sqlalchemy as sa

from insight_journey.embedded.endpoints import free_port
from insight_journey.events import Event
from insight_journey.extensions import make_engine
from insight_journey.sessions.models import Artifact, Run
from insight_journey.settings import Settings
from tests.stack import Stack, until

REPOSITORY = Path(__file__).parent.parent
READY_SECONDS = 120
PARTS = ("api", "redis", "graph", "cron", "search", "worker media", "worker analysis", "job media", "job analysis")


class Installation:
    """`up` with a home of its own. `values`: settings other than their defaults."""

    def __init__(self, home: Path, **values: Any) -> None:
        self.settings = Settings(home=home, port=free_port(), **values).resolved()
        self.log = home.with_name(f"{home.name}.log")
        self.stack = Stack(self.settings, self.log)
        self.engine = make_engine(self.settings.database_url)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
        given = {"home": home, "port": self.settings.port, **values}
        self._environment = plain | {f"IJ_{name.upper()}": str(value) for name, value in given.items()}
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "insight_journey.cli", "up"], env=self._environment, stdout=log, stderr=log, cwd=REPOSITORY
            )

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command of the product on this installation."""
        line = [sys.executable, "-m", "insight_journey.cli", *command]
        return subprocess.run(line, env=self._environment, capture_output=True, text=True, cwd=REPOSITORY)

    def stop(self) -> float:
        """End everything politely; returns how many seconds that took."""
        began = time.monotonic()
        self.engine.dispose()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """`kill -9` of `up` itself; returns when none of its parts is left."""
        parts = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        until(lambda: all(not is_alive(part) for part in parts), 30)

    def wait_ready(self) -> None:
        until(self.is_ready, READY_SECONDS)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"up ended: {self.log.read_text()[-3000:]}")
        try:
            return bool(requests.get(f"{self.stack.base}/readyz", timeout=5).json()["data"]["status"] == "ok")
        except (requests.RequestException, KeyError, TypeError, ValueError):
            return False

    # -- parts -------------------------------------------------------------------------------------------------------

    def find(self, part: str) -> psutil.Process | None:
        """One of PARTS: the process, where there is one. `job ...` is the process that a worker made for the job at hand."""
        if part.startswith("job "):
            worker = self.find(part.replace("job", "worker"))
            return next(filter(_is_job, _children(worker)), None) if worker else None
        up = psutil.Process(self.process.pid)
        found = next((child for child in _children(up) if _is(child, part)), None)
        if found and part == "graph":  # the server itself, not the process that watches it
            return next(iter(_children(found)), None)
        return found

    def wait_for(self, part: str, seconds: float = 60) -> psutil.Process:
        found: psutil.Process = until(lambda: self.find(part), seconds)
        return found

    # -- the database ------------------------------------------------------------------------------------------------

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query))

    def run_row(self, run_id: str) -> Any:
        return self.rows(sa.select(Run.__table__).where(Run.id == UUID(run_id)))[0]


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def kill(process: psutil.Process | None) -> bool:
    """`kill -9`; False where there was nobody."""
    try:
        os.kill(process.pid if process else -1 << 22, signal.SIGKILL)
    except (ProcessLookupError, OSError):
        return False
    return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return list(process.children())
    return []


def _is(process: psutil.Process, part: str) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
        line = process.cmdline()
        if part == "redis":
            return "redis-server" in line[0]
        if part == "api":
            return "gunicorn" in line
        return line[-len(part.split()) :] == part.split()
    return False


def _is_job(process: psutil.Process) -> bool:
    """RQ's job processes lead a group of their own; the clock that it forks beside them does not."""
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        return is_alive(process) and os.getpgid(process.pid) == process.pid
    return False


# -- what must hold --------------------------------------------------------------------------------------------------


def doubled(installation: Installation, user_id: str) -> list[str]:
    """What a person was told twice, or not at all."""
    facts = installation.rows(sa.select(Event.__table__).where(Event.user_id == UUID(user_id)).order_by(Event.sequence))
    numbers = [fact.sequence for fact in facts]
    problems = [] if numbers == list(range(1, len(numbers) + 1)) else [f"sequence of {user_id} has gaps"]
    ends = Counter((fact.kind, fact.payload["run_id"]) for fact in facts if fact.kind in ("run.finished", "run.failed"))
    problems += [f"{kind} twice for {run_id}" for (kind, run_id), count in ends.items() if count > 1]
    return problems + [f"element {element_id} announced twice" for element_id in _announced_twice(facts)]


def _announced_twice(facts: list[Any]) -> list[str]:
    """An element is new again only when a session was deleted, and with it the last that held it."""
    told: dict[str, int] = {}
    twice, deleted = [], 0
    for fact in facts:
        if fact.kind == "session.deleted":
            deleted = fact.sequence
        elif fact.kind == "element.created":
            element_id = fact.payload["element_id"]
            if told.get(element_id, 0) > deleted:
                twice.append(element_id)
            told[element_id] = fact.sequence
    return twice


def repeated(installation: Installation) -> list[str]:
    """Runs that made an artifact of a kind more than once."""
    counts = sa.select(Artifact.run_id, Artifact.kind, sa.func.count()).group_by(Artifact.run_id, Artifact.kind)
    return [f"run {run_id} made {count} of {kind}" for run_id, kind, count in installation.rows(counts) if count > 1]


def as_read(person: Any, session_id: str) -> dict[str, Any]:
    """What a person reads of a session, without what differs between people: ids."""
    elements = person.all(f"/sessions/{session_id}/elements")
    return {
        **words_read(person, session_id),
        "status": person.get(f"/sessions/{session_id}")["status"],
        "elements": sorted((e["kind"], e["quote"], e["quote_start"], e["confidence"]) for e in elements),
        "mentions_twice": [e for e, count in Counter(e["id"] for e in elements).items() if count > 1],
        "graph": _shape(person.get(f"/sessions/{session_id}/graph")),
    }


def words_read(person: Any, session_id: str) -> dict[str, Any]:
    """What of that needs no graph."""
    return {
        "transcript": [u["text"] for u in person.get(f"/sessions/{session_id}/transcript")["utterances"]],
        "moments": [(m["position"], m["text"]) for m in person.all(f"/sessions/{session_id}/moments")],
    }


def _shape(graph: dict[str, Any]) -> dict[str, Any]:
    return {
        "nodes": sorted(Counter(node["label"] for node in graph["nodes"]).items()),
        "relationships": sorted(Counter(str(r.get("type") or r.get("label")) for r in graph["relationships"]).items()),
    }


def wait_until(condition: Callable[[], Any], seconds: float) -> bool:
    """Like `until`, but tells instead of failing, and bears a service that is away."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(requests.RequestException, AssertionError):
            if condition():
                return True
        time.sleep(0.3)
    return False
