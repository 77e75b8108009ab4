"""Migrations of the main database: alembic, by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from insight_journey.errors import Conflict
from insight_journey.extensions import make_engine
from insight_journey.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x1A5166  # any number that is ours


def upgrade(settings: Settings) -> None:
    """Bring the database to the newest version. Raises Conflict where it is newer than this code."""
    _make_folder(settings.database_url)
    engine = make_engine(settings.database_url, secure_delete="ON")
    try:
        with _alone(settings, engine), engine.connect() as connection:
            config = _config(connection)
            _refuse_newer(config, connection)
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def refuse_newer(settings: Settings) -> None:
    """Raises Conflict where the database is newer than this code. Writes nothing."""
    url = sa.make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            _refuse_newer(_config(connection), connection)
    finally:
        engine.dispose()


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_newer(config: Config, connection: sa.Connection) -> None:
    try:
        if not sa.inspect(connection).has_table("alembic_version"):
            return
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        ScriptDirectory.from_config(config).get_revision(version)
    except CommandError:
        raise Conflict(
            f"The database is at version {version}, which this release does not know: it was used by a newer one.",
            code="database_newer",
        ) from None
    finally:
        connection.rollback()  # alembic commits only a transaction that it began itself


def _make_folder(url: str) -> None:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        folder = Path(parsed.database).parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(parsed.database, os.O_CREAT | os.O_RDWR, 0o600))


@contextmanager
def _alone(settings: Settings, engine: sa.Engine) -> Iterator[None]:
    """Hold the lock of migrations: a file beside SQLite, an advisory lock in PostgreSQL."""
    if engine.dialect.name == "sqlite":
        with Path(str(engine.url.database) + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK)))
        yield
