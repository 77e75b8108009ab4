"""Keys and seals: the master key, keys of users and sessions, sealed rows and sealed seekable files.

Rows are AES-256-GCM with a random nonce. Files are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár:
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: a counter and a
last-chunk flag in each nonce, so that chunks can't be moved, dropped or added. HKDF-SHA256 gives a key per purpose and
per file. Formats byte by byte: docs/security.md.
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

KEY_BYTES, NONCE_BYTES, TAG_BYTES, ID_BYTES = 32, 12, 16, 8
CHUNK = 1 << 20
MAGIC, ROW_FORMAT = b"IJS1", b"\x01"
HEADER = struct.Struct(">4sI16s7s")  # magic, chunk size, salt of the file's key, nonce prefix


def derive(secret: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """A key for one purpose: HKDF-SHA256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt, purpose.encode()).derive(secret)


def _bound(*parts: str | bytes | int | UUID) -> bytes:
    """Associated data: each part with its length before it, so that no two lists of parts look the same."""
    raw = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in raw)


def _open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Tampered("Something sealed is not what was written.") from None


@dataclass(frozen=True)
class Master:
    """The installation's master key, and earlier ones that still unwrap."""

    secret: bytes = field(repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, settings: Settings) -> "Master":
        """From the settings, else from a 0600 file under the home that the first start makes."""
        given = settings.master_key.get_secret_value()
        secret = _decode(given, "IJ_MASTER_KEY") if given else _key_file(settings.home / "keys" / "master.key")
        old = (text.strip() for text in settings.old_master_keys.get_secret_value().split(","))
        return cls(secret, tuple(_decode(text, "IJ_OLD_MASTER_KEYS") for text in old if text))

    @property
    def id(self) -> str:
        return _key_id(self.secret).hex()

    def wrap(self, secret: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return _key_id(self.secret) + nonce + AESGCM(derive(self.secret, "wrap")).encrypt(nonce, secret, aad)

    def unwrap(self, blob: bytes, aad: bytes) -> bytes:
        """Raises Tampered; with code `wrong_master_key` where none of our master keys made the blob."""
        for secret in (self.secret, *self.old):
            if _key_id(secret) == blob[:ID_BYTES]:
                nonce = blob[ID_BYTES : ID_BYTES + NONCE_BYTES]
                return _open(derive(secret, "wrap"), nonce, blob[ID_BYTES + NONCE_BYTES :], aad)
        raise Tampered("The master key is not the one that this data was sealed with.", code="wrong_master_key")

    def derive(self, purpose: str) -> bytes:
        return derive(self.secret, purpose)

    def lookup_hash(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 for look-ups without the clear text. 32 bytes."""
        return hmac.digest(derive(self.secret, f"lookup.{purpose}"), text.encode(), "sha256")


def _key_id(secret: bytes) -> bytes:
    return derive(secret, "id")[:ID_BYTES]


def _decode(text: str, name: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise Invalid(f"{name} is not the base64 of {KEY_BYTES} bytes.", code="bad_settings")
    return secret


def _key_file(path: Path) -> bytes:
    """Read the key, or make it: written aside and linked into place, so that one of several processes wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with a mode
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return _decode(path.read_text().strip(), str(path.name))


@dataclass(frozen=True)
class Key:
    """The key of a user or of one session. `owner` is the user's id and bound into every seal."""

    owner: UUID
    secret: bytes = field(repr=False)

    def seal(self, purpose: str, row: str | UUID, version: int, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        aad = _bound(purpose, self.owner, row, version)
        return ROW_FORMAT + nonce + AESGCM(derive(self.secret, "row")).encrypt(nonce, plain, aad)

    def open(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> bytes:
        """Raises Tampered where the seal is broken, or another row's, owner's, purpose's or version's."""
        aad = _bound(purpose, self.owner, row, version)
        return _open(derive(self.secret, "row"), sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], aad)

    def seal_text(self, purpose: str, row: str | UUID, version: int, text: str) -> bytes:
        return self.seal(purpose, row, version, text.encode("utf-8", "surrogatepass"))

    def open_text(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> str:
        return self.open(purpose, row, version, sealed).decode("utf-8", "surrogatepass")

    def seal_json(self, purpose: str, row: str | UUID, version: int, value: Any) -> bytes:
        return self.seal_text(purpose, row, version, json.dumps(value, ensure_ascii=False))

    def open_json(self, purpose: str, row: str | UUID, version: int, sealed: bytes) -> Any:
        return json.loads(self.open_text(purpose, row, version, sealed))

    def graph_id(self, *parts: str) -> str:
        """An id that leads nowhere without this key: a version 8 UUID (RFC 9562) of an HMAC over the parts."""
        digest = hmac.digest(derive(self.secret, "graph-id"), _bound(*parts), "sha256")
        number = int.from_bytes(digest[:16], "big")
        number = number & ~(0xF << 76) | 0x8 << 76
        return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))

    def text_hash(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256 of a text, 32 bytes: equal texts of one person are told without the text."""
        return hmac.digest(derive(self.secret, f"text-hash.{purpose}"), text.encode("utf-8", "surrogatepass"), "sha256")

    def writer(self, sink: BinaryIO, purpose: str, object_id: str) -> "SealedWriter":
        return SealedWriter(self, sink, purpose, object_id)

    def reader(self, source: BinaryIO, purpose: str, object_id: str, digest: bytes | None) -> BinaryIO:
        return cast(BinaryIO, SealedReader(self, source, purpose, object_id, digest))


@dataclass(frozen=True)
class Sealed:
    """What the row must remember of a sealed file: plain size in bytes, and the digest against roll-back."""

    size: int
    digest: bytes


def _stream_key(key: Key, header: bytes) -> AESGCM:
    salt = HEADER.unpack(header)[2]
    return AESGCM(derive(key.secret, "file", salt))


def _nonce(header: bytes, number: int, last: bool) -> bytes:
    prefix: bytes = HEADER.unpack(header)[3]
    return prefix + struct.pack(">IB", number, last)


def _digest(header: bytes, size: int, last_tag: bytes) -> bytes:
    """Names one version of a file: the random salt in the header tells it from every other, size and tag its end.

    Chunks need no part in it: they are authenticated under the salt's key, in order, up to the flagged last one.
    """
    return hashlib.sha256(_bound(header, size, last_tag)).digest()


class SealedWriter:
    """Seals what is written, chunk by chunk; `finish` ends the file. Memory: one chunk."""

    def __init__(self, key: Key, sink: BinaryIO, purpose: str, object_id: str) -> None:
        self._sink, self._size, self._number, self._buffer = sink, 0, 0, bytearray()
        self._header = HEADER.pack(MAGIC, CHUNK, os.urandom(16), os.urandom(7))
        self._cipher = _stream_key(key, self._header)
        self._aad = _bound(purpose, key.owner, object_id, self._header)
        sink.write(self._header)

    def write(self, data: bytes) -> int:
        self._buffer += data
        while len(self._buffer) > CHUNK:  # a full buffer waits: it may be the last chunk
            self._seal(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]
        return len(data)

    def finish(self) -> Sealed:
        tag = self._seal(bytes(self._buffer), last=True)
        return Sealed(self._size, _digest(self._header, self._size, tag))

    def _seal(self, chunk: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._header, self._number, last), chunk, self._aad)
        self._sink.write(sealed)
        self._size += len(chunk)
        self._number += 1
        return sealed[-TAG_BYTES:]


class SealedReader(io.RawIOBase):
    """A sealed file in the clear: readable, seekable, authenticated chunk by chunk. Memory: one chunk."""

    def __init__(self, key: Key, source: BinaryIO, purpose: str, object_id: str, digest: bytes | None) -> None:
        super().__init__()
        self._source, self._position = source, 0
        self._header = source.read(HEADER.size)
        total = source.seek(0, io.SEEK_END)
        if len(self._header) != HEADER.size or HEADER.unpack(self._header)[:2] != (MAGIC, CHUNK):
            raise Tampered("A sealed file has no header of ours.")
        body = total - HEADER.size
        self._chunks = max(1, -(-body // (CHUNK + TAG_BYTES)))
        self.size = body - self._chunks * TAG_BYTES
        if self.size < 0:
            raise Tampered("A sealed file breaks off.")
        self._cipher = _stream_key(key, self._header)
        self._aad = _bound(purpose, key.owner, object_id, self._header)
        self._held: tuple[int, bytes] = (-1, b"")
        source.seek(total - TAG_BYTES)
        if digest is not None and not hmac.compare_digest(_digest(self._header, self.size, source.read(TAG_BYTES)), digest):
            raise Tampered("A sealed file is not the version that was recorded.")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, target: Any) -> int:
        if self._position >= self.size:
            self._chunk(self._chunks - 1)  # the end, too, is authenticated
            return 0
        number, offset = divmod(self._position, CHUNK)
        part = self._chunk(number)[offset : offset + len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._source.seek(HEADER.size + number * (CHUNK + TAG_BYTES))
            sealed = self._source.read(CHUNK + TAG_BYTES)
            nonce = _nonce(self._header, number, number == self._chunks - 1)
            try:
                self._held = (number, self._cipher.decrypt(nonce, sealed, self._aad))
            except InvalidTag:
                raise Tampered("A sealed file is not what was written.") from None
        return self._held[1]

    def close(self) -> None:
        self._source.close()
        super().close()
