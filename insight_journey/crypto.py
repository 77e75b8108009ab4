"""Keys and seals: the master key, keys of users and sessions, sealed rows and sealed seekable files.

Master key -> one random key a user -> one random key a session; HKDF-SHA256 (RFC 5869) makes a key for each purpose and
each file below them. Rows are AES-256-GCM with a random nonce. Files are the STREAM construction (Hoang, Reyhanitabar,
Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: a
counter and a last-chunk flag in each nonce, so that chunks can't be moved, dropped or added.

Whatever is not what was written raises Tampered. Formats byte by byte: docs/security.md.
"""

import base64
import binascii
import hashlib
import hmac
import io
import json
import os
import struct
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from insight_journey.errors import Invalid, Tampered
from insight_journey.settings import Settings
from insight_journey.storage import new_file, private_folder, sync_folder

KEY_BYTES, NONCE_BYTES, TAG_BYTES, ID_BYTES = 32, 12, 16, 8
ROW_FORMAT, WRAP_FORMAT = b"\x01", b"\x01"
CHUNK = 1 << 20
KEY_FILE = Path("keys") / "master.key"  # under the home
MAGIC, FILE_FORMAT = b"IJSF", 1
LENGTH = struct.Struct(">I").pack
HEADER = struct.Struct(">4sBI16s7s")  # magic, format, chunk size, salt of the file's key, nonce prefix


def derive(secret: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """A key for one purpose: HKDF-SHA256. 32 bytes."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt, purpose.encode()).derive(secret)


def _bound(*parts: str | bytes | int | UUID) -> bytes:
    """Associated data: each part with its length before it, so that no two lists of parts look the same."""
    bound = b""
    for part in parts:
        raw = part if isinstance(part, bytes) else _encode(str(part))
        bound += LENGTH(len(raw)) + raw
    return bound


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # JSON may bring a lone surrogate


def _seal(key: bytes, plain: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, aad)


def _open(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise _tampered()
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except InvalidTag:
        raise _tampered() from None


def _tampered() -> Tampered:
    return Tampered("Something stored is not what was written, or belongs elsewhere.")


@dataclass(frozen=True)
class Master:
    """The installation's master key, and earlier ones that still unwrap."""

    secret: bytes = field(repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, settings: Settings) -> "Master":
        """From the settings, else from a 0600 file under the home that the first start makes. Raises Invalid."""
        given = settings.master_key.get_secret_value()
        secret = _decode(given, "IJ_MASTER_KEY") if given else _key_file(settings.home / KEY_FILE)
        old = (text.strip() for text in settings.old_master_keys.get_secret_value().split(","))
        return cls(secret, tuple(_decode(text, "IJ_OLD_MASTER_KEYS") for text in old if text))

    @property
    def id(self) -> str:
        """Short name of the key, 16 hex digits; says nothing about the key itself."""
        return _key_id(self.secret).hex()

    def wrap(self, secret: bytes, aad: bytes) -> bytes:
        """Seal a key: format byte, id of the master key, nonce, ciphertext."""
        label = WRAP_FORMAT + _key_id(self.secret)
        return label + _seal(derive(self.secret, "wrap"), secret, _bound(label, aad))

    def unwrap(self, blob: bytes, aad: bytes) -> bytes:
        """Raises Tampered; with code `wrong_master_key` where none of our master keys made the blob."""
        label, sealed = blob[: 1 + ID_BYTES], blob[1 + ID_BYTES :]
        for secret in (self.secret, *self.old):
            if label == WRAP_FORMAT + _key_id(secret):
                return _open(derive(secret, "wrap"), sealed, _bound(label, aad))
        raise _wrong_master() if label[:1] == WRAP_FORMAT else _tampered()

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose of the installation. 32 bytes."""
        return derive(self.secret, f"for.{purpose}")

    def lookup_hash(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 for look-ups without the clear text. 32 bytes."""
        return hmac.digest(derive(self.secret, f"lookup.{purpose}"), _encode(text), "sha256")


def _wrong_master() -> Tampered:
    return Tampered(
        "The master key is not the one that this installation's keys were wrapped with. Put the right one back, "
        "or name it in IJ_OLD_MASTER_KEYS.",
        code="wrong_master_key",
    )


def _key_id(secret: bytes) -> bytes:
    return derive(secret, "id")[:ID_BYTES]


def _decode(text: str | bytes, name: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise Invalid(f"{name} is not the base64 of {KEY_BYTES} bytes.", code="bad_settings")
    return secret


def _key_file(path: Path) -> bytes:
    """Read the key, or make it first."""
    if not path.exists():
        private_folder(path.parent)
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise Invalid(f"Others can read {path.name}, or write it. Take that away: chmod 600.", code="master_key_exposed")
    return _decode(path.read_bytes().strip(), path.name)


def _make_key_file(path: Path) -> None:
    """Written aside and linked into place: of several processes one wins, and nobody reads half a key."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with new_file(aside) as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


@dataclass(frozen=True)
class Key:
    """The key of a user or of one session. `owner` is the user's id and bound into every seal.

    Keys derived from it are kept as long as it is: a projection asks for hundreds of ids and seals.
    """

    owner: UUID
    secret: bytes = field(repr=False)
    _derived: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def seal(self, purpose: str, row: str | UUID, version: int, plain: bytes) -> bytes:
        """Format byte, nonce, ciphertext; 29 bytes longer than `plain`."""
        return ROW_FORMAT + _seal(self._row_key(purpose), plain, self._row_aad(purpose, row, version))

    def open(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> bytes:
        """Raises Tampered where the seal is broken, or another row's, owner's, purpose's or version's."""
        if sealed[:1] != ROW_FORMAT:
            raise _tampered()
        return _open(self._row_key(purpose), sealed[1:], self._row_aad(purpose, row, version))

    def _row_key(self, purpose: str) -> bytes:
        return self._derive(f"row.{purpose}")

    def _derive(self, purpose: str) -> bytes:
        if purpose not in self._derived:
            self._derived[purpose] = derive(self.secret, purpose)
        return self._derived[purpose]

    def _row_aad(self, purpose: str, row: str | UUID, version: int) -> bytes:
        return _bound(ROW_FORMAT, purpose, self.owner, row, version)

    def seal_text(self, purpose: str, row: str | UUID, version: int, text: str) -> bytes:
        return self.seal(purpose, row, version, _encode(text))

    def open_text(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> str:
        return self.open(purpose, row, version, sealed).decode("utf-8", "surrogatepass")

    def seal_json(self, purpose: str, row: str | UUID, version: int, value: Any) -> bytes:
        return self.seal_text(purpose, row, version, json.dumps(value, ensure_ascii=False))

    def open_json(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> Any:
        return json.loads(self.open_text(purpose, row, version, sealed))

    def graph_id(self, *parts: str) -> str:
        """An id that leads nowhere without this key: a version 8 UUID (RFC 9562) of an HMAC over the parts."""
        raw = bytearray(hmac.digest(self._derive("graph-id"), _bound(*parts), "sha256")[:16])
        raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def text_hash(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 of a text, 32 bytes: equal texts of one person are told without the text."""
        return hmac.digest(self._derive(f"text-hash.{purpose}"), _encode(text), "sha256")

    def writer(self, sink: BinaryIO, purpose: str, object_id: str) -> "SealedWriter":
        """Seals into `sink`, which stays the caller's to close."""
        return SealedWriter(self, sink, purpose, object_id)

    def reader(self, source: BinaryIO, purpose: str, object_id: str, digest: bytes | None) -> BinaryIO:
        """A sealed file in the clear; closing it closes `source`. `digest` None: an older version is not told.

        Raises Tampered: here for a wrong key, owner, purpose, object, header, size or version; at reading for the rest.
        """
        return cast(BinaryIO, SealedReader(self, source, purpose, object_id, digest))


@dataclass(frozen=True)
class Sealed:
    """What the row must remember of a sealed file: plain size in bytes, and the digest against roll-back."""

    size: int
    digest: bytes


class _Chunks:
    """The cipher of one file: seals and opens its numbered chunks."""

    def __init__(self, key: Key, purpose: str, object_id: str, header: bytes) -> None:
        _magic, _format, _size, salt, self._prefix = HEADER.unpack(header)
        self._cipher = AESGCM(derive(key.secret, "file", salt))
        self._aad = _bound(purpose, key.owner, object_id, header)

    def seal(self, number: int, last: bool, chunk: bytes) -> bytes:
        return self._cipher.encrypt(self._nonce(number, last), chunk, self._aad)

    def open(self, number: int, last: bool, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(number, last), sealed, self._aad)
        except InvalidTag:
            raise _tampered() from None

    def _nonce(self, number: int, last: bool) -> bytes:
        prefix: bytes = self._prefix
        return prefix + struct.pack(">IB", number, last)


def _digest(header: bytes, size: int, last_tag: bytes) -> bytes:
    """Names one version of a file, from its first and last bytes alone, so that each opening can check it.

    The random salt in the header tells a version from every other. Chunks need no part in it: a chunk opens only under
    the salt's key, at its place, and the last one only as the last; so two files with one digest have the same content.
    """
    return hashlib.sha256(_bound(header, size, last_tag)).digest()


class SealedWriter:
    """Seals what is written, chunk by chunk; `finish` ends the file. Memory: about a chunk beside what is written at once."""

    def __init__(self, key: Key, sink: BinaryIO, purpose: str, object_id: str) -> None:
        self._sink, self._size, self._number, self._buffer = sink, 0, 0, bytearray()
        self._finished = False
        self._header = HEADER.pack(MAGIC, FILE_FORMAT, CHUNK, os.urandom(16), os.urandom(7))
        self._chunks = _Chunks(key, purpose, object_id, self._header)
        sink.write(self._header)

    def write(self, data: bytes) -> int:
        if self._finished:
            raise ValueError("write to a finished file")
        self._buffer += data
        while len(self._buffer) > CHUNK:  # a full buffer waits: it may be the last chunk
            self._write_chunk(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]
        return len(data)

    def finish(self) -> Sealed:
        """Write the last chunk, empty where nothing was written. Without it a file does not open."""
        if self._finished:
            raise ValueError("finished already")
        self._finished = True
        tag = self._write_chunk(bytes(self._buffer), last=True)
        return Sealed(self._size, _digest(self._header, self._size, tag))

    def _write_chunk(self, chunk: bytes, *, last: bool) -> bytes:
        sealed = self._chunks.seal(self._number, last, chunk)
        self._sink.write(sealed)
        self._size += len(chunk)
        self._number += 1
        return sealed[-TAG_BYTES:]


class SealedReader(io.RawIOBase):
    """A sealed file in the clear: readable, seekable, authenticated chunk by chunk. Memory: about two chunks.

    `size` is the plain size in bytes, authenticated at opening. Not for several threads at once.
    """

    size: int

    def __init__(self, key: Key, source: BinaryIO, purpose: str, object_id: str, digest: bytes | None) -> None:
        super().__init__()
        self._source, self._position, self._held = source, 0, (-1, b"")
        try:
            header = self._read_header()
            self._chunks = _Chunks(key, purpose, object_id, header)
            self._check_end(header, digest)
        except BaseException:
            self.close()
            raise

    def _read_header(self) -> bytes:
        header = self._source.read(HEADER.size)
        if len(header) != HEADER.size or HEADER.unpack(header)[:3] != (MAGIC, FILE_FORMAT, CHUNK):
            raise _tampered()
        return header

    def _check_end(self, header: bytes, digest: bytes | None) -> None:
        """The last chunk must open as the last: that settles key, object, header and size, at the price of one chunk."""
        total = self._source.seek(0, io.SEEK_END)
        body = total - len(header)
        self._count = max(1, -(-body // (CHUNK + TAG_BYTES)))
        self.size = body - self._count * TAG_BYTES
        self._chunk(self._count - 1)
        if digest is None:
            return
        self._source.seek(total - TAG_BYTES)
        if not hmac.compare_digest(_digest(header, self.size, self._source.read(TAG_BYTES)), digest):
            raise Tampered("A stored file is not the version that was recorded.")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if position < 0:
            raise ValueError("seek before the beginning")
        self._position = position
        return position

    def readinto(self, target: Any) -> int:
        """Fills `target` over the borders of chunks; less only at the end."""
        view, filled = memoryview(target).cast("B"), 0
        while filled < len(view) and self._position < self.size:
            number, offset = divmod(self._position, CHUNK)
            part = memoryview(self._chunk(number))[offset : offset + len(view) - filled]
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._position += len(part)
        return filled

    def readall(self) -> bytes:
        return self.read(max(0, self.size - self._position)) or b""

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._held = (-1, b"")  # two chunks are never held in the clear
            self._source.seek(HEADER.size + number * (CHUNK + TAG_BYTES))
            sealed = self._source.read(CHUNK + TAG_BYTES)
            self._held = (number, self._chunks.open(number, number == self._count - 1, sealed))
        return self._held[1]

    def close(self) -> None:
        self._held = (-1, b"")
        self._source.close()
        super().close()
