"""Keys and sealed rows: what is sealed opens, and only as what it was. Files: test_crypto_files.py."""

import os
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from insight_journey.crypto import Key, Master
from insight_journey.errors import Invalid, Tampered
from insight_journey.settings import Settings

ALICE, CHARLIE = UUID(int=0xA11CE), UUID(int=0xC)
SECRET = bytes(range(32))


@pytest.fixture
def key() -> Key:
    return Key(ALICE, SECRET)


def settings(home: Path, **fields: str) -> Settings:
    return Settings(home=home, **fields).resolved()  # type: ignore[arg-type]


def flipped(data: bytes, position: int) -> bytes:
    edited = bytearray(data)
    edited[position] ^= 1
    return bytes(edited)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- rows ------------------------------------------------------------------------------------------------------------


def test_a_row_opens_as_what_was_sealed(key: Key) -> None:
    assert key.open("title", "r1", 1, key.seal("title", "r1", 1, b"hello")) == b"hello"
    assert key.open_text("title", ALICE, 1, key.seal_text("title", ALICE, 1, "Grüße \ud800")) == "Grüße \ud800"
    assert key.open_json("title", "r1", 1, key.seal_json("title", "r1", 1, {"a": [1, None, "ö"]})) == {"a": [1, None, "ö"]}
    assert key.open("title", "r1", 1, key.seal("title", "r1", 1, b"")) == b""


def test_two_seals_of_one_text_differ_and_show_nothing(key: Key) -> None:
    first, second = (key.seal("title", "r1", 1, b"plum tree") for _ in range(2))
    assert first != second
    assert b"plum" not in first
    assert len(first) == len(b"plum tree") + 29


def test_the_format_of_rows_is_the_documented_one(key: Key) -> None:
    """Read by docs/security.md alone: rows of people out there must open for good."""
    sealed = key.seal("title", "r1", 12, b"hello")
    cipher = AESGCM(HKDF(SHA256(), 32, None, b"row.title").derive(SECRET))
    aad = listed(b"\x01", b"title", str(ALICE).encode(), b"r1", b"12")
    assert sealed[:1] == b"\x01"
    assert cipher.decrypt(sealed[1:13], sealed[13:], aad) == b"hello"


def test_the_format_of_wrapped_keys_is_the_documented_one() -> None:
    blob = Master(SECRET).wrap(b"secret", b"user 1")
    cipher = AESGCM(HKDF(SHA256(), 32, None, b"wrap").derive(SECRET))
    assert blob[:9] == b"\x01" + HKDF(SHA256(), 32, None, b"id").derive(SECRET)[:8]
    assert cipher.decrypt(blob[9:21], blob[21:], listed(blob[:9], b"user 1")) == b"secret"


def listed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_an_edited_row_is_refused_wherever_it_was_edited(key: Key) -> None:
    sealed = key.seal("title", "r1", 1, b"hello")
    for position in range(len(sealed)):
        with pytest.raises(Tampered):
            key.open("title", "r1", 1, flipped(sealed, position))


def test_a_truncated_row_is_refused_at_every_length(key: Key) -> None:
    sealed = key.seal("title", "r1", 1, b"hello")
    for length in range(len(sealed)):
        with pytest.raises(Tampered):
            key.open("title", "r1", 1, sealed[:length])


def test_an_extended_row_is_refused(key: Key) -> None:
    with pytest.raises(Tampered):
        key.open("title", "r1", 1, key.seal("title", "r1", 1, b"hello") + b"\0")


def test_a_row_swapped_with_another_is_refused(key: Key) -> None:
    with pytest.raises(Tampered):
        key.open("title", "r2", 1, key.seal("title", "r1", 1, b"hello"))


def test_a_row_swapped_between_users_is_refused(key: Key) -> None:
    sealed = key.seal("title", "r1", 1, b"hello")
    with pytest.raises(Tampered):
        Key(CHARLIE, os.urandom(32)).open("title", "r1", 1, sealed)
    with pytest.raises(Tampered):
        Key(CHARLIE, SECRET).open("title", "r1", 1, sealed)  # even where the key is the same


def test_a_row_swapped_between_purposes_is_refused(key: Key) -> None:
    with pytest.raises(Tampered):
        key.open("name", "r1", 1, key.seal("title", "r1", 1, b"hello"))


def test_a_rolled_back_row_is_refused(key: Key) -> None:
    with pytest.raises(Tampered):
        key.open("title", "r1", 2, key.seal("title", "r1", 1, b"hello"))


def test_parts_that_read_alike_are_told_apart(key: Key) -> None:
    with pytest.raises(Tampered):
        key.open("title", "r", 11, key.seal("title", "r1", 1, b"hello"))
    assert key.graph_id("a", "bc") != key.graph_id("ab", "c")


# -- keys ------------------------------------------------------------------------------------------------------------


def test_secrets_are_not_shown(key: Key) -> None:
    master = Master(SECRET, (SECRET,))
    assert repr(SECRET) not in repr(key) + repr(master)
    assert SECRET.hex() not in f"{key!r}{key}{master!r}{master}"


def test_graph_ids_are_uuids_that_need_the_key(key: Key) -> None:
    made = UUID(key.graph_id("session", "1"))
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    assert key.graph_id("session", "1") == str(made)
    assert Key(ALICE, os.urandom(32)).graph_id("session", "1") != str(made)


def test_text_hashes_need_key_and_purpose(key: Key) -> None:
    made = key.text_hash("belief", "I am not enough \ud800")
    assert len(made) == 32
    assert made == key.text_hash("belief", "I am not enough \ud800")
    assert made != key.text_hash("topic", "I am not enough \ud800")
    assert made != Key(ALICE, os.urandom(32)).text_hash("belief", "I am not enough \ud800")


def test_lookups_and_derived_keys_are_apart_by_purpose() -> None:
    master = Master(SECRET)
    made = {master.derive("jwt"), master.derive("other"), master.lookup_hash("email", "a"), master.lookup_hash("phone", "a")}
    assert len(made) == 4
    assert master.lookup_hash("email", "a") == Master(SECRET).lookup_hash("email", "a")
    assert master.lookup_hash("email", "a") != Master(os.urandom(32)).lookup_hash("email", "a")


def test_a_wrapped_key_unwraps_and_carries_the_masters_id() -> None:
    master = Master(SECRET)
    blob = master.wrap(b"secret", b"user 1")
    assert master.unwrap(blob, b"user 1") == b"secret"
    assert bytes.fromhex(master.id) in blob
    assert master.id not in SECRET.hex()


def test_an_old_master_key_still_unwraps() -> None:
    blob = Master(SECRET).wrap(b"secret", b"user 1")
    assert Master(os.urandom(32), (os.urandom(32), SECRET)).unwrap(blob, b"user 1") == b"secret"


def test_an_unknown_master_key_is_said_so() -> None:
    blob = Master(SECRET).wrap(b"secret", b"user 1")
    with pytest.raises(Tampered, match="master key") as refused:
        Master(os.urandom(32)).unwrap(blob, b"user 1")
    assert refused.value.code == "wrong_master_key"


def test_a_wrapped_key_of_somebody_else_is_refused() -> None:
    with pytest.raises(Tampered) as refused:
        Master(SECRET).unwrap(Master(SECRET).wrap(b"secret", b"user 1"), b"user 2")
    assert refused.value.code == "tampered"


def test_an_edited_or_truncated_wrapped_key_is_refused() -> None:
    blob = Master(SECRET).wrap(b"secret", b"user 1")
    broken = [flipped(blob, position) for position in range(len(blob))] + [blob[:length] for length in range(len(blob))]
    for one in broken:
        with pytest.raises(Tampered):
            Master(SECRET).unwrap(one, b"user 1")


def test_the_master_key_comes_from_the_settings(tmp_path: Path) -> None:
    given = b64encode(SECRET).decode()
    assert Master.load(settings(tmp_path, master_key=given)) == Master(SECRET)
    assert not list(tmp_path.iterdir())
    olds = f"{b64encode(bytes(32)).decode()}, {given}"
    assert Master.load(settings(tmp_path, master_key=given, old_master_keys=olds)).old == (bytes(32), SECRET)


@pytest.mark.parametrize("bad", ["short", b64encode(bytes(31)).decode(), b64encode(bytes(33)).decode(), "é" * 44])
def test_a_master_key_that_is_none_is_refused_without_showing_it(tmp_path: Path, bad: str) -> None:
    for fields in ({"master_key": bad}, {"master_key": b64encode(SECRET).decode(), "old_master_keys": bad}):
        with pytest.raises(Invalid) as refused:
            Master.load(settings(tmp_path, **fields))
        assert bad not in refused.value.message


def test_the_first_start_makes_a_private_key_file(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    master = Master.load(settings(home))
    assert Master.load(settings(home)) == master
    assert [path.name for path in (home / "keys").iterdir()] == ["master.key"]
    assert mode(home / "keys" / "master.key") == 0o600
    assert mode(home / "keys") == mode(home) == mode(home.parent) == 0o700


def test_several_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from insight_journey.crypto import Master
from insight_journey.settings import Settings
settings = Settings(home=Path(sys.argv[1])).resolved()
print("ready", flush=True)
sys.stdin.readline()
print(Master.load(settings).id)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "home")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert len({process.communicate()[0] for process in started}) == 1
    assert [path.name for path in (tmp_path / "home" / "keys").iterdir()] == ["master.key"]


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Master.load(settings(tmp_path))
    (tmp_path / "keys" / "master.key").chmod(0o644)
    with pytest.raises(Invalid) as refused:
        Master.load(settings(tmp_path))
    assert refused.value.code == "master_key_exposed"


def test_a_damaged_key_file_is_refused_and_kept(tmp_path: Path) -> None:
    Master.load(settings(tmp_path))
    path = tmp_path / "keys" / "master.key"
    path.write_bytes(b"\xff\xfe broken")
    with pytest.raises(Invalid):
        Master.load(settings(tmp_path))
    assert path.read_bytes() == b"\xff\xfe broken"
