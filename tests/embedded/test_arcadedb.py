"""The embedded graph server: starts, keeps, is private, refuses, ends."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import AuthError, ClientError

from insight_journey.embedded import arcadedb
from insight_journey.embedded.endpoints import free_port, is_free
from insight_journey.errors import EngineError
from tests.stack import until

PASSWORD = "a password of the tests"


@pytest.fixture
def plan(tmp_path: Path) -> arcadedb.Plan:
    return arcadedb.Plan(tmp_path / "graph", free_port(), "journey_app", PASSWORD)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    """One server for all that only ask it something."""
    server = arcadedb.start(arcadedb.Plan(tmp_path_factory.mktemp("running") / "graph", free_port(), "journey_app", PASSWORD), seconds=60)
    yield server
    arcadedb.stop(server)


def ask(plan: arcadedb.Plan, query: str, password: str = PASSWORD, **parameters: object) -> list[neo4j.Record]:
    with neo4j.GraphDatabase.driver(plan.url, auth=(plan.user, password)) as driver:
        return driver.execute_query(query, parameters, database_=arcadedb.DATABASE).records


def test_it_works(plan: arcadedb.Plan):
    server = arcadedb.start(plan, seconds=60)
    ask(plan, "CREATE CONSTRAINT person_id IF NOT EXISTS FOR (p:Person) REQUIRE p.id IS UNIQUE")
    ask(plan, "CREATE (:Person {id: $id})", id="alice")
    arcadedb.stop(server)
    assert server.process.returncode is not None

    again = arcadedb.start(plan, seconds=60)
    assert [record["id"] for record in ask(plan, "MATCH (p:Person) RETURN p.id AS id")] == ["alice"]
    arcadedb.stop(again)


def test_files_are_private(running: arcadedb.Running):
    root = running.plan.root
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_password_is_not_in_the_process_list(running: arcadedb.Running):
    arguments = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(running.process.pid)], capture_output=True, text=True).stdout
    assert "ArcadeDBServer" in arguments
    assert PASSWORD not in arguments
    assert (running.plan.root / "root-password").read_text() not in arguments


def test_wrong_password_is_refused(running: arcadedb.Running):
    with pytest.raises(AuthError):
        ask(running.plan, "RETURN 1", password="wrong")


@pytest.mark.parametrize(
    "query",
    [
        "CREATE USER eve SET PASSWORD 'long enough for it'",
        "ALTER USER root SET PASSWORD 'long enough for it'",
        "SHOW USERS",
        "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
    ],
)
def test_app_user_is_no_administrator(running: arcadedb.Running, query: str):
    with pytest.raises(ClientError):
        ask(running.plan, query)


def test_log_holds_no_values(running: arcadedb.Running):
    plan = running.plan
    ask(plan, "CREATE CONSTRAINT word_id IF NOT EXISTS FOR (w:Word) REQUIRE w.id IS UNIQUE")
    ask(plan, "CREATE (:Word {id: 1, text: $text})", text="quokkasaurus")
    with pytest.raises(ClientError):
        ask(plan, "CREATE (:Word {id: 1, text: $text})", text="quokkasaurus")
    with pytest.raises(ClientError):
        ask(plan, "RETURN date($text)", text="quokkasaurus")
    logs = [path.read_bytes() for path in (plan.root / "log").iterdir()]
    assert logs
    assert not [log for log in logs if b"quokkasaurus" in log]


def test_another_password_is_set(plan: arcadedb.Plan):
    arcadedb.stop(arcadedb.start(plan, seconds=60))
    changed = arcadedb.Plan(plan.root, plan.port, plan.user, "quite another password")
    server = arcadedb.start(changed, seconds=60)
    assert ask(changed, "RETURN 1 AS one", password="quite another password")
    arcadedb.stop(server)


def test_second_server_on_the_same_folder_is_refused(running: arcadedb.Running):
    other = arcadedb.Plan(running.plan.root, free_port(), "journey_app", PASSWORD)
    with pytest.raises(EngineError, match="same folder"):
        arcadedb.start(other, seconds=60)
    assert ask(running.plan, "RETURN 1 AS one")


def test_taken_port_is_refused(running: arcadedb.Running, tmp_path: Path):
    other = arcadedb.Plan(tmp_path / "other", running.plan.port, "journey_app", PASSWORD)
    with pytest.raises(EngineError, match="taken") as refusal:
        arcadedb.start(other, seconds=0.3)
    assert refusal.value.code == "port_taken"
    assert ask(running.plan, "RETURN 1 AS one")


def test_no_time_to_start_leaves_no_process(plan: arcadedb.Plan):
    with pytest.raises(EngineError, match="did not get ready"):
        arcadedb.start(plan, seconds=0.2)
    assert is_free(plan.port)


def test_killed_server_keeps_what_was_answered(plan: arcadedb.Plan):
    server = arcadedb.start(plan, seconds=60)
    ask(plan, "CREATE (:Person {id: $id})", id="alice")
    server.process.kill()
    server.process.wait()
    again = arcadedb.start(plan, seconds=60)
    assert len(ask(plan, "MATCH (p:Person) RETURN p")) == 1
    arcadedb.stop(again)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent is gone")
def test_killed_parent_leaves_no_orphan(plan: arcadedb.Plan):
    script = (
        "import sys; from pathlib import Path; from insight_journey.embedded import arcadedb\n"
        "running = arcadedb.start(arcadedb.Plan(Path(sys.argv[1]), int(sys.argv[2]), 'journey_app', sys.argv[3]), seconds=60)\n"
        "print(running.process.pid, flush=True); running.process.wait()\n"
    )
    command = [sys.executable, "-c", script, str(plan.root), str(plan.port), PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until(lambda: not alive(child), 30)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
