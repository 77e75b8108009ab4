"""The key store: wrapped keys of users and sessions, in a small database of its own.

It stands apart from the main database so that backups of the data never hold its keys: a key destroyed here is gone.
SQLite overwrites what is deleted (`secure_delete`) and keeps no log of old pages (`journal_mode=TRUNCATE`).
"""

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import postgresql, sqlite

from insight_journey.crypto import KEY_BYTES, Key, Master
from insight_journey.errors import NotFound
from insight_journey.extensions import make_engine, now

metadata = sa.MetaData()
user_keys = sa.Table(
    "user_keys", metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)  # fmt: skip
session_keys = sa.Table(
    "session_keys", metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False, index=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)  # fmt: skip
checks = sa.Table(
    "checks", metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
)  # fmt: skip
CHECK = b"insight-journey"


class KeyStore:
    """Keys of users and sessions. Each call is a transaction of its own."""

    engine: sa.Engine
    master: Master

    def init_app(self, _app: Flask, url: str, master: Master) -> None:
        self.master = master
        self.engine = make_engine(url, secure_delete="ON", journal_mode="TRUNCATE")
        self._ready = False

    def check(self) -> None:
        """Raises Tampered with code `wrong_master_key` where the keys were wrapped by another master key."""
        with self._begin() as connection:
            wrapped = connection.scalar(sa.select(checks.c.wrapped).where(checks.c.name == "master"))
            assert wrapped is not None
            self.master.unwrap(wrapped, b"check")

    def create_user(self, user_id: UUID) -> Key:
        key = Key(user_id, os.urandom(KEY_BYTES))
        wrapped = self.master.wrap(key.secret, b"user" + user_id.bytes)
        with self._begin() as connection:
            connection.execute(user_keys.insert().values(user_id=user_id, wrapped=wrapped, created_at=now()))
        return key

    def user(self, user_id: UUID) -> Key:
        """Raises NotFound with code `key_destroyed`."""
        with self._begin() as connection:
            wrapped = connection.scalar(sa.select(user_keys.c.wrapped).where(user_keys.c.user_id == user_id))
        if wrapped is None:
            raise _destroyed()
        return Key(user_id, self.master.unwrap(wrapped, b"user" + user_id.bytes))

    def create_session(self, user_key: Key, session_id: UUID) -> Key:
        key = Key(user_key.owner, os.urandom(KEY_BYTES))
        wrapped = user_key.seal("session-key", session_id, 1, key.secret)
        values = {"session_id": session_id, "user_id": user_key.owner, "wrapped": wrapped, "created_at": now()}
        with self._begin() as connection:
            connection.execute(session_keys.insert().values(**values))
        return key

    def session(self, user_key: Key, session_id: UUID) -> Key:
        return self.sessions(user_key, [session_id])[session_id]

    def sessions(self, user_key: Key, ids: Iterable[UUID]) -> dict[UUID, Key]:
        """All keys in one query. Raises NotFound where one is destroyed."""
        wanted = list(ids)
        query = sa.select(session_keys.c.session_id, session_keys.c.wrapped)
        with self._begin() as connection:
            rows = connection.execute(query.where(session_keys.c.session_id.in_(wanted))).all()
        keys = {row.session_id: Key(user_key.owner, user_key.open("session-key", row.session_id, 1, row.wrapped)) for row in rows}
        if set(wanted) - keys.keys():
            raise _destroyed()
        return keys

    def destroy_session(self, session_id: UUID) -> None:
        with self._begin() as connection:
            connection.execute(session_keys.delete().where(session_keys.c.session_id == session_id))

    def destroy_user(self, user_id: UUID) -> None:
        with self._begin() as connection:
            connection.execute(session_keys.delete().where(session_keys.c.user_id == user_id))
            connection.execute(user_keys.delete().where(user_keys.c.user_id == user_id))

    def _begin(self) -> "sa.engine.base.Engine._trans_ctx":  # type: ignore[name-defined]
        if not self._ready:
            self._make()
        return self.engine.begin()

    def _make(self) -> None:
        _make_file(self.engine.url)
        insert = (sqlite if self.engine.dialect.name == "sqlite" else postgresql).insert(checks)
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x1A5167)))
            metadata.create_all(connection)
            wrapped = self.master.wrap(CHECK, b"check")
            connection.execute(insert.values(name="master", wrapped=wrapped).on_conflict_do_nothing())
        self._ready = True


def _make_file(url: sa.URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _destroyed() -> NotFound:
    return NotFound("The key of this data was destroyed.", code="key_destroyed")


keystore = KeyStore()
