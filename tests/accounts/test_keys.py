"""The key store: keys come back, and a destroyed one never does."""

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from insight_journey.accounts import keys
from insight_journey.accounts.keys import KeyStore
from insight_journey.crypto import Key, Master
from insight_journey.errors import NotFound, Tampered
from tests import engines

MASTER = Master(bytes(range(32)))


@pytest.fixture
def url(tmp_path: Path, database_url: str) -> str:
    """SQLite, or a schema of its own in the PostgreSQL database of the stack under test."""
    return database_url if engines.STACK == "grown" else f"sqlite:///{tmp_path / 'keys' / 'keys.sqlite'}"


@pytest.fixture
def store(url: str) -> Iterator[KeyStore]:
    store = opened(url)
    yield store
    store.engine.dispose()


def opened(url: str, master: Master = MASTER) -> KeyStore:
    store = KeyStore()
    store.init_app(None, url, master)
    return store


def wrapped(store: KeyStore) -> list[bytes]:
    """Every wrapped key as it is stored."""
    with store.engine.connect() as connection:
        return [row for table in (keys.user_keys, keys.session_keys) for row in connection.scalars(sa.select(table.c.wrapped))]


def is_destroyed(call: object, *arguments: object) -> bool:
    with pytest.raises(NotFound) as missing:
        call(*arguments)  # type: ignore[operator]
    return missing.value.code == "key_destroyed"


def test_it_works(store: KeyStore) -> None:
    alice, first, second = uuid4(), uuid4(), uuid4()
    user_key = store.create_user(alice)
    session_key = store.create_session(user_key, first)
    other_key = store.create_session(user_key, second)
    assert store.user(alice) == user_key
    assert store.session(user_key, first) == session_key
    assert store.sessions(user_key, [first, second, first]) == {first: session_key, second: other_key}
    assert store.sessions(user_key, []) == store.sessions_of(alice, []) == {}
    assert store.sessions_of(alice, [first, second, first]) == {first: session_key, second: other_key}
    assert len({user_key.secret, session_key.secret, other_key.secret}) == 3
    assert {key.owner for key in (user_key, session_key, other_key)} == {alice}


def test_keys_outlive_the_process(store: KeyStore, url: str) -> None:
    key = store.create_user(uuid4())
    store.engine.dispose()
    again = opened(url)
    assert again.user(key.owner) == key
    again.engine.dispose()


def test_it_connects_to_nothing_until_it_is_used(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path / 'keys' / 'keys.sqlite'}")
    assert not list(tmp_path.iterdir())


def test_keys_are_stored_wrapped(store: KeyStore) -> None:
    user_key = store.create_user(uuid4())
    session_key = store.create_session(user_key, uuid4())
    stored = b"".join(wrapped(store))
    assert user_key.secret not in stored
    assert session_key.secret not in stored


def test_all_keys_of_a_list_cost_one_query(store: KeyStore) -> None:
    user_key, ids = store.create_user(uuid4()), [uuid4() for _ in range(20)]
    for session_id in ids:
        store.create_session(user_key, session_id)
    statements: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert len(store.sessions(user_key, ids)) == 20
    assert len(store.sessions_of(user_key.owner, ids)) == 20
    assert len(statements) == 2


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_key_that_never_was_is_destroyed(store: KeyStore) -> None:
    user_key = store.create_user(uuid4())
    assert is_destroyed(store.user, uuid4())
    assert is_destroyed(store.session, user_key, uuid4())


def test_a_destroyed_session_is_gone_and_others_stay(store: KeyStore) -> None:
    user_key, gone, kept = store.create_user(uuid4()), uuid4(), uuid4()
    store.create_session(user_key, gone)
    kept_key = store.create_session(user_key, kept)
    store.destroy_session(gone)
    store.destroy_session(gone)
    assert is_destroyed(store.session, user_key, gone)
    assert store.sessions(user_key, [kept, gone]) == {kept: kept_key}
    assert store.sessions_of(user_key.owner, [kept, gone]) == {kept: kept_key}
    assert store.session(user_key, kept) == kept_key


def test_a_destroyed_user_is_gone_with_her_sessions_and_others_stay(store: KeyStore) -> None:
    alice, charlie = store.create_user(uuid4()), store.create_user(uuid4())
    hers, his = uuid4(), uuid4()
    store.create_session(alice, hers)
    his_key = store.create_session(charlie, his)
    store.destroy_user(alice.owner)
    store.destroy_user(alice.owner)
    assert is_destroyed(store.user, alice.owner)
    assert is_destroyed(store.session, alice, hers)
    assert (store.user(charlie.owner), store.session(charlie, his)) == (charlie, his_key)


def test_the_key_of_somebody_elses_session_is_not_given(store: KeyStore) -> None:
    alice, charlie, session_id = store.create_user(uuid4()), store.create_user(uuid4()), uuid4()
    store.create_session(alice, session_id)
    assert is_destroyed(store.session, charlie, session_id)
    with pytest.raises(Tampered):  # whoever claims to be her lacks her key
        store.session(Key(alice.owner, charlie.secret), session_id)


def test_wrapped_keys_swapped_between_users_are_refused(store: KeyStore) -> None:
    alice, charlie = store.create_user(uuid4()), store.create_user(uuid4())
    with store.engine.begin() as connection:
        hers = connection.scalar(sa.select(keys.user_keys.c.wrapped).where(keys.user_keys.c.user_id == alice.owner))
        connection.execute(keys.user_keys.update().where(keys.user_keys.c.user_id == charlie.owner).values(wrapped=hers))
    with pytest.raises(Tampered):
        store.user(charlie.owner)


def test_wrapped_keys_swapped_between_sessions_are_refused(store: KeyStore) -> None:
    alice, first, second = store.create_user(uuid4()), uuid4(), uuid4()
    store.create_session(alice, first)
    store.create_session(alice, second)
    table = keys.session_keys
    with store.engine.begin() as connection:
        other = connection.scalar(sa.select(table.c.wrapped).where(table.c.session_id == first))
        connection.execute(table.update().where(table.c.session_id == second).values(wrapped=other))
    with pytest.raises(Tampered):
        store.session(alice, second)


def test_an_edited_wrapped_key_is_refused(store: KeyStore) -> None:
    alice = store.create_user(uuid4())
    with store.engine.begin() as connection:
        connection.execute(keys.user_keys.update().values(wrapped=wrapped(store)[0][:-1] + b"\0\0"))
    with pytest.raises(Tampered):
        store.user(alice.owner)


def test_a_wrong_master_key_is_refused_before_it_wraps_anything(store: KeyStore, url: str) -> None:
    alice = store.create_user(uuid4())
    wrong = opened(url, Master(bytes(32)))
    for call in (wrong.check, lambda: wrong.user(alice.owner), lambda: wrong.create_user(uuid4())):
        with pytest.raises(Tampered, match="master key") as refused:
            call()
        assert refused.value.code == "wrong_master_key"
    wrong.engine.dispose()
    store.check()
    assert len(wrapped(store)) == 1


def test_a_new_master_key_beside_the_old_one_is_accepted(store: KeyStore, url: str) -> None:
    alice = store.create_user(uuid4())
    rotated = opened(url, Master(bytes(32), (MASTER.secret,)))
    rotated.check()
    assert rotated.user(alice.owner) == alice
    charlie = rotated.create_user(uuid4())
    assert rotated.user(charlie.owner) == charlie
    rotated.engine.dispose()


# -- processes -------------------------------------------------------------------------------------------------------

CHILD = """
import sys
from uuid import uuid4
from insight_journey.accounts.keys import KeyStore
from insight_journey.crypto import Master
store = KeyStore()
store.init_app(None, sys.argv[1], Master(bytes(range(32))))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    key = store.create_user(uuid4())
    assert store.user(key.owner) == key
store.engine.dispose()
"""


def test_several_processes_make_the_store_at_once(store: KeyStore, url: str) -> None:
    command = [sys.executable, "-c", CHILD, url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0] * 4
    store.check()
    assert len(wrapped(store)) == 20


def test_a_forked_child_connects_anew(store: KeyStore) -> None:
    alice = store.create_user(uuid4())
    pool = store.engine.pool
    with store.engine.connect() as held:
        held.execute(sa.select(keys.user_keys))
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(store, alice, id(pool)))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert len(held.execute(sa.select(keys.user_keys)).all()) == 2
    assert store.engine.pool is pool
    assert store.user(alice.owner) == alice


def _in_child(store: KeyStore, alice: Key, parents_pool: int) -> None:
    assert id(store.engine.pool) != parents_pool
    assert store.user(alice.owner) == alice
    store.create_user(UUID(int=1))
    store.engine.dispose()


# -- SQLite ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys" / "keys.sqlite"


@pytest.fixture
def file_store(path: Path) -> Iterator[KeyStore]:
    store = opened(f"sqlite:///{path}")
    yield store
    store.engine.dispose()


def test_the_file_is_private_whatever_the_umask(file_store: KeyStore, path: Path) -> None:
    before = os.umask(0)
    try:
        file_store.create_user(uuid4())
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert modes == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


def test_no_byte_of_a_destroyed_key_stays_in_any_file(file_store: KeyStore, path: Path) -> None:
    alice, session_id = file_store.create_user(uuid4()), uuid4()
    others = [file_store.create_user(uuid4()) for _ in range(50)]  # several pages
    file_store.create_session(alice, session_id)
    blobs = wrapped(file_store)
    hers, sessions = blobs[0], blobs[-1]
    assert hers in all_bytes(path.parent)
    assert sessions in all_bytes(path.parent)
    file_store.destroy_session(session_id)
    assert sessions[13:] not in all_bytes(path.parent)
    file_store.destroy_user(alice.owner)
    left = all_bytes(path.parent)
    assert not any(hers[start : start + 16] in left for start in range(9, len(hers) - 15))
    assert alice.owner.hex.encode() not in left
    assert [file_store.user(other.owner) for other in others] == others


def all_bytes(folder: Path) -> bytes:
    return b"".join(found.read_bytes() for found in folder.iterdir())


def test_the_manners_of_the_connection_hold(file_store: KeyStore) -> None:
    file_store.check()
    with file_store.engine.connect() as connection:
        manners = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("secure_delete", "journal_mode", "synchronous")}
    assert manners == {"secure_delete": 1, "journal_mode": "truncate", "synchronous": 2}


def test_a_power_cut_in_a_transaction_keeps_all_keys(file_store: KeyStore, path: Path) -> None:
    """What a process that dies leaves behind, the next one rolls back."""
    alice = file_store.create_user(uuid4())
    program = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size=1")
connection.execute("PRAGMA journal_mode=TRUNCATE")
connection.execute("BEGIN")
connection.execute("UPDATE user_keys SET wrapped = zeroblob(200000)")
os._exit(1)
"""
    file_store.engine.dispose()
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode == 1
    assert path.with_name("keys.sqlite-journal").stat().st_size > 0
    assert file_store.user(alice.owner) == alice


def test_a_file_that_is_no_database_is_refused_and_kept(file_store: KeyStore, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database, but longer than a header" * 10)
    with pytest.raises((sa.exc.DatabaseError, sqlite3.DatabaseError)):
        file_store.check()
    assert path.read_bytes().startswith(b"not a database")
