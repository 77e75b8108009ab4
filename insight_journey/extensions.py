"""The extensions, unbound. Imports nothing of ours, so that every package may import it."""

import os
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
import uuid_utils.compat
from flask import Flask, current_app, g
from flask_socketio import SocketIO
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

log = structlog.get_logger()


def now() -> datetime:
    """The product's clock: aware, UTC."""
    return datetime.now(UTC)


new_id = uuid_utils.compat.uuid7  # time-ordered, so that indexes stay dense


class UTCDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC datetimes on every database: SQLite drops offsets."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """Base of all tables of the main database."""

    metadata = sa.MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UTCDateTime()}


_engines: "weakref.WeakSet[sa.Engine]" = weakref.WeakSet()
_inherited: list[sa.Pool] = []


def _leave_connections_to_parent() -> None:
    for engine in _engines:
        _inherited.append(engine.pool)  # collected, its connections would be closed, and SQLite's locks with them
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_leave_connections_to_parent)


def make_engine(url: str, **pragmas: str) -> sa.Engine:
    """An engine with our SQLite manners (WAL, foreign keys, full sync). Connects to nothing yet.

    A forked child connects anew: two processes on one connection would read each other's answers.
    """
    engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    _engines.add(engine)
    if engine.dialect.name == "sqlite":
        # the time-out comes first: the change to WAL needs a lock, too
        wanted = {"busy_timeout": "20000", "journal_mode": "WAL", "foreign_keys": "ON", "synchronous": "FULL", **pragmas}

        @sa.event.listens_for(engine, "connect")
        def set_pragmas(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for name, value in wanted.items():
                cursor.execute(f"PRAGMA {name}={value}")
            cursor.close()

    return engine


class Database:
    """Plain SQLAlchemy for Flask and for workers: one engine a process, one session an app context."""

    def init_app(self, app: Flask, url: str) -> None:
        engine = make_engine(url, secure_delete="ON")
        app.extensions["db"] = (engine, sessionmaker(engine, expire_on_commit=False))
        app.teardown_appcontext(self.close)

    @property
    def engine(self) -> sa.Engine:
        engine: sa.Engine = current_app.extensions["db"][0]
        return engine

    @property
    def session(self) -> Session:
        if "db_session" not in g:
            g.db_session = current_app.extensions["db"][1]()
        session: Session = g.db_session
        return session

    @staticmethod
    def close(_error: BaseException | None = None) -> None:
        session = g.pop("db_session", None)
        if session is not None:
            session.close()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once, after the current transaction commits; a rollback drops it."""
        session = self.session
        session.info.setdefault("after_commit", []).append(action)


@sa.event.listens_for(Session, "after_commit")
def _run_after_commit(session: Session) -> None:
    for action in session.info.pop("after_commit", []):
        try:
            action()
        except Exception as error:  # what is committed is done: a nudge that fails must not make it look undone
            log.error("after_commit_failed", exc_info=error)


@sa.event.listens_for(Session, "after_soft_rollback")
def _drop_after_commit(session: Session, _previous: Any) -> None:
    session.info.pop("after_commit", None)


db = Database()
socketio = SocketIO()
