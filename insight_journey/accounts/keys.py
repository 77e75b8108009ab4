"""The key store: wrapped keys of users and sessions, in a small database of its own.

It stands apart from the main database so that backups of the data never hold its keys: a key destroyed here is gone.
In SQLite, deleted bytes are overwritten (`secure_delete`), nothing stays in a log of old pages (`journal_mode=TRUNCATE`,
not WAL: the journal is empty when a transaction has ended), and what is committed is on the disk (`synchronous=FULL`):
neither a new key nor the end of one is lost with the power. What a disk itself may keep: docs/security.md.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from insight_journey.crypto import KEY_BYTES, Key, Master
from insight_journey.errors import NotFound
from insight_journey.extensions import UTCDateTime, make_engine, now
from insight_journey.storage import private_folder

metadata = sa.MetaData()
user_keys = sa.Table(
    "user_keys", metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)  # fmt: skip
session_keys = sa.Table(
    "session_keys", metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Index("ix_session_keys_user_id", "user_id"),
)  # fmt: skip
meta = sa.Table(
    "meta", metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)  # fmt: skip
# made once; `user_id`, `ids`: of sessions
_ASKED_FOR = sa.and_(session_keys.c.user_id == sa.bindparam("user_id"), session_keys.c.session_id.in_(sa.bindparam("ids", expanding=True)))
SESSIONS = sa.select(session_keys.c.session_id, session_keys.c.wrapped).where(_ASKED_FOR)
USER_AND_SESSIONS = (
    sa.select(user_keys.c.wrapped.label("users"), session_keys.c.session_id, session_keys.c.wrapped)
    .select_from(user_keys.outerjoin(session_keys, _ASKED_FOR))
    .where(user_keys.c.user_id == sa.bindparam("user_id"))
)
MASTER, CHECK = "master", b"insight-journey"  # what the master key must unwrap
NOTED = "noted"
SESSION_KEY = "session-key"  # purpose of session keys under the user's
ADVISORY_LOCK = 0x1A5167  # any number that is ours


@dataclass(frozen=True)
class Noted:
    """The main database that the keys were last seen with: its id, how far it had counted, and since when the two go together."""

    installation: UUID
    counter: int
    since: datetime


class KeyStore:
    """Keys of users and sessions. Each call is a transaction of its own; the first one makes the tables.

    Every call raises Tampered with code `wrong_master_key` where the keys were wrapped by another master key.
    """

    engine: sa.Engine
    master: Master

    def init_app(self, _app: Flask | None, url: str, master: Master) -> None:
        """Connects to nothing yet."""
        self.master = master
        self.engine = make_engine(url, secure_delete="ON", journal_mode="TRUNCATE", synchronous="FULL")
        self._ready = False

    def check(self) -> None:
        """Whether the key store answers, and our master key is the one it needs. Raises Tampered (`wrong_master_key`)."""
        with self._begin() as connection:
            self._check_master(connection)

    def create_user(self, user_id: UUID) -> Key:
        key = Key(user_id, os.urandom(KEY_BYTES))
        wrapped = self.master.wrap(key.secret, _user_aad(user_id))
        self._insert(user_keys, user_id=user_id, wrapped=wrapped)
        return key

    def user(self, user_id: UUID) -> Key:
        """Raises NotFound with code `key_destroyed`."""
        with self._begin() as connection:
            wrapped = connection.scalar(sa.select(user_keys.c.wrapped).where(user_keys.c.user_id == user_id))
        if wrapped is None:
            raise _destroyed()
        return Key(user_id, self.master.unwrap(wrapped, _user_aad(user_id)))

    def create_session(self, user_key: Key, session_id: UUID) -> Key:
        key = Key(user_key.owner, os.urandom(KEY_BYTES))
        wrapped = user_key.seal(SESSION_KEY, session_id, 1, key.secret)
        self._insert(session_keys, session_id=session_id, user_id=user_key.owner, wrapped=wrapped)
        return key

    def session(self, user_key: Key, session_id: UUID) -> Key:
        """Raises NotFound with code `key_destroyed`, also for a session of somebody else."""
        found = self.sessions(user_key, [session_id])
        if not found:
            raise _destroyed()
        return found[session_id]

    def sessions(self, user_key: Key, ids: Iterable[UUID]) -> dict[UUID, Key]:
        """The keys that there still are, in one query."""
        with self._begin() as connection:
            rows = connection.execute(SESSIONS, {"user_id": user_key.owner, "ids": list(ids)}).all()
        return _opened(user_key, rows)

    def sessions_of(self, user_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Key]:
        """As `sessions`, for who has not asked for the user's key: still one query. Raises NotFound with code `key_destroyed`."""
        with self._begin() as connection:
            rows = connection.execute(USER_AND_SESSIONS, {"user_id": user_id, "ids": list(ids)}).all()
        if not rows:
            raise _destroyed()
        user_key = Key(user_id, self.master.unwrap(rows[0].users, _user_aad(user_id)))
        return _opened(user_key, [row for row in rows if row.session_id])

    def destroy_session(self, session_id: UUID) -> None:
        """Shred a session: nothing sealed with its key opens again. Safe to repeat."""
        with self._begin() as connection:
            connection.execute(session_keys.delete().where(session_keys.c.session_id == session_id))

    def destroy_user(self, user_id: UUID) -> None:
        """Shred a person: her key and those of her sessions. Safe to repeat."""
        with self._begin() as connection:
            connection.execute(session_keys.delete().where(session_keys.c.user_id == user_id))
            connection.execute(user_keys.delete().where(user_keys.c.user_id == user_id))

    def users_made(self, since: datetime, before: datetime) -> set[UUID]:
        """Whose keys were made in that time."""
        return self._made(user_keys.c.user_id, user_keys.c.created_at.between(since, before))

    def sessions_made(self, since: datetime, before: datetime) -> set[UUID]:
        """Sessions whose keys were made in that time."""
        return self._made(session_keys.c.session_id, session_keys.c.created_at.between(since, before))

    def noted(self) -> Noted | None:
        """What `note` wrote last."""
        with self._begin() as connection:
            value = connection.scalar(sa.select(meta.c.value).where(meta.c.name == NOTED))
        if value is None:
            return None
        installation, counter, since = json.loads(value)
        return Noted(UUID(installation), counter, datetime.fromisoformat(since))

    def note(self, noted: Noted) -> None:
        value = json.dumps([str(noted.installation), noted.counter, noted.since.isoformat()]).encode()
        with self._begin() as connection:
            insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(meta).values(name=NOTED, value=value)
            connection.execute(insert.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": value}))

    def _made(self, column: sa.Column[UUID], condition: sa.ColumnElement[bool]) -> set[UUID]:
        with self._begin() as connection:
            return set(connection.scalars(sa.select(column).where(condition)))

    def _insert(self, table: sa.Table, **values: Any) -> None:
        with self._begin() as connection:
            connection.execute(table.insert().values(created_at=now(), **values))

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        if not self._ready:
            self._make()
        with self.engine.begin() as connection:
            yield connection

    def _make(self) -> None:
        """Make what is missing, while others may do the same, and refuse a wrong master key before it wraps anything."""
        _make_file(self.engine.url)
        with self.engine.begin() as connection:
            _make_tables(connection)
            insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(meta)
            check = insert.values(name=MASTER, value=self.master.wrap(CHECK, CHECK))
            connection.execute(check.on_conflict_do_nothing())
            self._check_master(connection)
        self._ready = True

    def _check_master(self, connection: sa.Connection) -> None:
        value = connection.execute(sa.select(meta.c.value).where(meta.c.name == MASTER)).scalar_one()
        self.master.unwrap(value, CHECK)


def _make_tables(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":  # where IF NOT EXISTS still fails when two do it at once
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


def _make_file(url: sa.URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        private_folder(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite would make it for all to read; its journal follows suit


def _opened(user_key: Key, rows: Iterable[Any]) -> dict[UUID, Key]:
    return {row.session_id: Key(user_key.owner, user_key.open(SESSION_KEY, row.session_id, 1, row.wrapped)) for row in rows}


def _user_aad(user_id: UUID) -> bytes:
    return b"user" + user_id.bytes


def _destroyed() -> NotFound:
    return NotFound("The key of this data was destroyed, so nobody can read it any more.", code="key_destroyed")


keystore = KeyStore()
