"""Migrations: by one process at a time, however many begin at once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from insight_journey.extensions import Model, make_engine
from insight_journey.models import __all__ as declared
from insight_journey.settings import Settings
from tests.conftest import fresh_database
from tests.stack import environment


@pytest.fixture
def settings(migrated: str, tmp_path: Path) -> Iterator[Settings]:
    """Of an installation whose database has nothing in it."""
    with fresh_database(migrated, tmp_path, empty=True) as url:
        yield Settings(home=tmp_path, database_url=url).resolved()


def begin(settings: Settings) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "insight_journey.cli", "migrate"]
    return subprocess.Popen(command, env=environment(settings), stderr=subprocess.PIPE)


def tables(settings: Settings) -> set[str]:
    engine = make_engine(settings.database_url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_several_at_once(settings: Settings) -> None:
    processes = [begin(settings) for _ in range(3)]
    assert [(process.wait(), process.communicate()[1]) for process in processes] == [(0, b"")] * 3
    assert declared
    assert set(Model.metadata.tables) <= tables(settings)
