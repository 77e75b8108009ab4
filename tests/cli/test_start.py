"""What a part refuses to start on: another master key, a newer database. In a sentence, with nothing written."""

import base64
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from insight_journey.accounts.keys import KeyStore
from insight_journey.cli.stores import check_stores
from insight_journey.crypto import Master
from insight_journey.database import upgrade
from insight_journey.embedded.endpoints import free_port
from insight_journey.settings import Settings

COMMANDS = (("up",), ("run", "api"), ("run", "worker", "media"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of an installation that has run."""
    settings = Settings(home=tmp_path / "home").resolved()
    upgrade(settings)
    keys = KeyStore()
    keys.init_app(None, settings.keystore_url, Master.load(settings))
    keys.check()
    keys.engine.dispose()
    return settings.home


def start(home: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")}
    environment = plain | {"IJ_HOME": str(home), "IJ_PORT": str(free_port()), **variables}
    line = [sys.executable, "-m", "insight_journey.cli", *command]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)


def files(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file() and path.name != "up.lock"}


def refuses(home: Path, command: tuple[str, ...], sentence: str, **variables: str) -> None:
    before = files(home)
    ended = start(home, *command, **variables)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ") and sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert files(home) == before


def test_it_works(home: Path) -> None:
    before = files(home)
    check_stores(Settings(home=home).resolved())
    assert files(home) == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_master_key_is_refused(home: Path, command: tuple[str, ...]) -> None:
    refuses(home, command, "master key is not the one", IJ_MASTER_KEY=base64.b64encode(os.urandom(32)).decode())


def test_a_lost_master_key_is_not_made_anew(home: Path) -> None:
    (home / "keys" / "master.key").unlink()
    refuses(home, ("up",), "master key is not the one")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_newer_database_is_refused(home: Path, command: tuple[str, ...]) -> None:
    with sqlite3.connect(home / "data" / "insight.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    refuses(home, command, "used by a newer one")
