"""The embedded Redis: starts, keeps, is private, refuses, ends."""

import stat
import subprocess
from pathlib import Path

import pytest
import redis as client

from insight_journey.embedded import redis
from insight_journey.embedded.endpoints import free_port
from insight_journey.errors import EngineError

PASSWORD = "pass-word-of-tests"


@pytest.fixture
def plan(tmp_path: Path) -> redis.Plan:
    return redis.Plan(tmp_path / "a folder" / "redis", f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")


@pytest.fixture
def running(plan: redis.Plan):
    process = redis.start(plan)
    yield process
    redis.stop(process)


def test_it_works(plan: redis.Plan):
    process = redis.start(plan)
    with client.Redis.from_url(plan.url) as connection:
        connection.set("kept", "yes")
    redis.stop(process)
    assert process.returncode == 0

    again = redis.start(plan)
    with client.Redis.from_url(plan.url) as connection:
        assert connection.get("kept") == b"yes"
    redis.stop(again)


def test_files_are_private(plan: redis.Plan, running: subprocess.Popen[bytes]):
    with client.Redis.from_url(plan.url) as connection:
        connection.set("kept", "yes")
    open_to_others = [path for path in [plan.root, *plan.root.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
    assert list(plan.root.rglob("appendonly*"))


@pytest.mark.parametrize("login", ["", ":wrong@"])
def test_password_is_needed(plan: redis.Plan, running: subprocess.Popen[bytes], login: str):
    stranger = plan.url.replace(f":{PASSWORD}@", login)
    assert not redis.answers(stranger)
    with client.Redis.from_url(stranger) as connection, pytest.raises(client.AuthenticationError):
        connection.get("anything")


def test_password_is_not_in_the_process_list(running: subprocess.Popen[bytes]):
    arguments = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(running.pid)], capture_output=True, text=True).stdout
    assert "redis-server" in arguments
    assert PASSWORD not in arguments


def test_it_listens_on_loopback_alone(plan: redis.Plan, running: subprocess.Popen[bytes]):
    with client.Redis.from_url(plan.url) as connection:
        assert connection.config_get("bind")["bind"] == "127.0.0.1"


def test_taken_port_is_refused(plan: redis.Plan, running: subprocess.Popen[bytes], tmp_path: Path):
    with pytest.raises(EngineError, match="taken"):
        redis.start(redis.Plan(tmp_path / "other", plan.url))
    assert redis.answers(plan.url)


def test_no_server_is_said(plan: redis.Plan, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(EngineError, match="IJ_REDIS_URL"):
        redis.start(plan)
