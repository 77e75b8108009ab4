"""Sealed files: any range reads as it was written; whatever is not what was written is refused."""

import io
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import av
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from insight_journey.crypto import CHUNK, HEADER, Key, Sealed
from insight_journey.errors import Tampered

ALICE, CHARLIE = UUID(int=0xA11CE), UUID(int=0xC)
SEALED_CHUNK = CHUNK + 16
SECRET = bytes(range(32))


@pytest.fixture
def key() -> Key:
    return Key(ALICE, SECRET)


def seal_file(key: Key, plain: bytes, purpose: str = "media", object_id: str = "m1") -> tuple[bytes, Sealed]:
    sink = io.BytesIO()
    writer = key.writer(sink, purpose, object_id)
    writer.write(plain)
    sealed = writer.finish()
    return sink.getvalue(), sealed


def open_file(key: Key, sealed: bytes | BinaryIO, digest: bytes | None = None, purpose: str = "media", object_id: str = "m1") -> BinaryIO:
    return key.reader(io.BytesIO(sealed) if isinstance(sealed, bytes) else sealed, purpose, object_id, digest)


@pytest.fixture(scope="module")
def plain() -> bytes:
    """Three chunks, the last one short."""
    return random.Random(7).randbytes(2 * CHUNK + 12345)


@pytest.fixture(scope="module")
def written(plain: bytes) -> tuple[bytes, Sealed]:
    return seal_file(Key(ALICE, SECRET), plain)


def chunks(sealed: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, first chunk, second chunk, rest."""
    first, second = HEADER.size + SEALED_CHUNK, HEADER.size + 2 * SEALED_CHUNK
    return sealed[: HEADER.size], sealed[HEADER.size : first], sealed[first:second], sealed[second:]


def refused(key: Key, sealed: bytes, digest: bytes | None = None) -> None:
    """Reading it through is refused, with and without a digest to compare with."""
    for known in {digest, None}:
        with pytest.raises(Tampered):
            open_file(key, sealed, known).read()


def flipped(data: bytes, position: int) -> bytes:
    edited = bytearray(data)
    edited[position] ^= 1
    return bytes(edited)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5])
def test_a_file_opens_as_what_was_written(key: Key, size: int) -> None:
    plain = random.Random(size).randbytes(size)
    sealed, sums = seal_file(key, plain)
    with open_file(key, sealed, sums.digest) as reader:
        assert reader.read() == plain
        assert reader.read(1) == b""
        assert reader.seek(0, io.SEEK_END) == size == sums.size


def test_how_it_was_written_makes_no_difference(key: Key, plain: bytes) -> None:
    sink, rng, position = io.BytesIO(), random.Random(3), 0
    writer = key.writer(sink, "media", "m1")
    while position < len(plain):
        step = rng.choice([1, 100, 65536, CHUNK, CHUNK + 7])
        writer.write(plain[position : position + step])
        position += step
    sums = writer.finish()
    assert sums.size == len(plain)
    assert open_file(key, sink.getvalue(), sums.digest).read() == plain


def test_any_range_equals_the_slice(key: Key, plain: bytes, written: tuple[bytes, Sealed]) -> None:
    reader, rng = open_file(key, written[0], written[1].digest), random.Random(11)
    for _ in range(200):
        start, length = rng.randrange(len(plain) + 10), rng.choice([0, 1, 17, 4096, CHUNK, 2 * CHUNK])
        assert reader.seek(start) == start
        assert reader.read(length) == plain[start : start + length]
        assert reader.tell() == max(start, min(start + length, len(plain)))


def test_ranges_around_the_borders_of_chunks_equal_the_slice(key: Key, plain: bytes, written: tuple[bytes, Sealed]) -> None:
    reader = open_file(key, written[0])
    for border in (CHUNK, 2 * CHUNK, len(plain)):
        for start in range(border - 2, border + 2):
            for length in range(4):
                reader.seek(start)
                assert reader.read(length) == plain[start : start + length]


def test_it_seeks_like_a_file(key: Key, plain: bytes, written: tuple[bytes, Sealed]) -> None:
    reader, real = open_file(key, written[0]), io.BytesIO(plain)
    for offset, whence in ((5, 0), (10, 1), (-3, 1), (-20, 2), (0, 2), (9, 2)):
        assert reader.seek(offset, whence) == real.seek(offset, whence)
        assert reader.read(30) == real.read(30)
    with pytest.raises(ValueError, match="before"):
        reader.seek(-1)
    assert (reader.readable(), reader.seekable(), reader.writable()) == (True, True, False)


def test_a_decoder_reads_it_as_any_file(key: Key) -> None:
    sound = io.BytesIO()
    with av.open(sound, "w", format="wav") as container:
        container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=8000)
        frame.sample_rate = 8000
        container.mux(container.streams[0].encode(frame))
    sealed, sums = seal_file(key, sound.getvalue())
    with av.open(open_file(key, sealed, sums.digest)) as container:
        assert sum(decoded.samples for decoded in container.decode(audio=0)) == 8000


def test_the_format_is_the_documented_one(key: Key, plain: bytes, written: tuple[bytes, Sealed]) -> None:
    """Read by docs/security.md alone: files of people out there must open for good."""
    sealed, sums = written
    header = sealed[:32]
    assert (header[:5], int.from_bytes(header[5:9], "big")) == (b"IJSF\x01", 1048576)
    cipher = AESGCM(HKDF(SHA256(), 32, header[9:25], b"file").derive(SECRET))
    aad = b"".join(len(part).to_bytes(4, "big") + part for part in (b"media", str(ALICE).encode(), b"m1", header))
    found = b""
    for number, last in enumerate((0, 0, 1)):
        start = 32 + 1048592 * number
        nonce = header[25:] + number.to_bytes(4, "big") + bytes([last])
        found += cipher.decrypt(nonce, sealed[start : start + 1048592], aad)
    assert found == plain
    parts = (header, str(len(plain)).encode(), sealed[-16:])
    assert sums.digest == sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def test_nothing_of_the_plain_text_stands_in_the_file(key: Key) -> None:
    sealed, _ = seal_file(key, b"plum tree in the rain" * 100)
    assert b"plum" not in sealed


def test_a_file_is_written_and_read_in_little_memory(tmp_path: Path) -> None:
    program = """
import resource, sys
from uuid import UUID
from insight_journey.crypto import CHUNK, Key
key = Key(UUID(int=1), bytes(32))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "wb") as sink:
    writer = key.writer(sink, "media", "m")
    for _ in range(64): writer.write(bytes(CHUNK))
    digest = writer.finish().digest
with key.reader(open(sys.argv[1], "rb"), "media", "m", digest) as reader:
    assert sum(len(data) for data in iter(lambda: reader.read(65536), b"")) == 64 * CHUNK
scale = 1 if sys.platform == "darwin" else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * scale / CHUNK)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    assert float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < 12  # of 64 chunks


REGIONS = {
    "magic": 0,
    "format": 4,
    "chunk size": 7,
    "salt": 10,
    "nonce prefix": 28,
    "first chunk": HEADER.size + 1000,
    "tag of the first chunk": HEADER.size + CHUNK + 3,
    "middle chunk": HEADER.size + SEALED_CHUNK + 5,
    "last chunk": HEADER.size + 2 * SEALED_CHUNK + 5,
    "last tag": -1,
}


@pytest.mark.parametrize("region", REGIONS)
def test_a_flipped_bit_is_refused(key: Key, written: tuple[bytes, Sealed], region: str) -> None:
    refused(key, flipped(written[0], REGIONS[region]), written[1].digest)


CUTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing left": lambda sealed: b"",
    "in the header": lambda sealed: sealed[:10],
    "after the header": lambda sealed: sealed[: HEADER.size],
    "in the first tag": lambda sealed: sealed[: HEADER.size + 5],
    "at a chunk": lambda sealed: sealed[: HEADER.size + SEALED_CHUNK],
    "at a later chunk": lambda sealed: sealed[: HEADER.size + 2 * SEALED_CHUNK],
    "in a chunk": lambda sealed: sealed[: HEADER.size + SEALED_CHUNK + 500],
    "just after a chunk": lambda sealed: sealed[: HEADER.size + SEALED_CHUNK + 3],
    "the last byte": lambda sealed: sealed[:-1],
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_truncated_file_is_refused_at_opening(key: Key, written: tuple[bytes, Sealed], cut: str) -> None:
    for digest in (written[1].digest, None):
        with pytest.raises(Tampered):
            open_file(key, CUTS[cut](written[0]), digest)


@pytest.mark.parametrize("extra", [b"\0", bytes(16), bytes(SEALED_CHUNK)])
def test_an_extended_file_is_refused_at_opening(key: Key, written: tuple[bytes, Sealed], extra: bytes) -> None:
    with pytest.raises(Tampered):
        open_file(key, written[0] + extra)


def test_a_repeated_last_chunk_is_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    refused(key, written[0] + written[0][HEADER.size + 2 * SEALED_CHUNK :])


def test_swapped_chunks_are_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    head, first, second, rest = chunks(written[0])
    refused(key, head + second + first + rest, written[1].digest)


def test_a_dropped_chunk_is_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    head, first, _second, rest = chunks(written[0])
    refused(key, head + first + rest, written[1].digest)


def test_a_chunk_of_another_version_is_refused(key: Key, plain: bytes, written: tuple[bytes, Sealed]) -> None:
    head, _first, second, rest = chunks(written[0])
    refused(key, head + chunks(seal_file(key, plain)[0])[1] + second + rest, written[1].digest)


def test_an_edited_header_is_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    other = seal_file(key, b"x")[0][: HEADER.size]
    refused(key, other + written[0][HEADER.size :])
    smaller = struct.pack(">4sBI", b"IJSF", 1, CHUNK // 2) + written[0][9:]
    refused(key, smaller)


def test_a_file_of_another_object_is_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    with pytest.raises(Tampered):
        open_file(key, written[0], written[1].digest, object_id="m2")


def test_a_file_of_another_purpose_is_refused(key: Key, written: tuple[bytes, Sealed]) -> None:
    with pytest.raises(Tampered):
        open_file(key, written[0], written[1].digest, purpose="transcript")


def test_a_file_of_another_session_is_refused(written: tuple[bytes, Sealed]) -> None:
    with pytest.raises(Tampered):
        open_file(Key(ALICE, os.urandom(32)), written[0], written[1].digest)


def test_a_file_of_another_owner_is_refused(written: tuple[bytes, Sealed]) -> None:
    with pytest.raises(Tampered):
        open_file(Key(CHARLIE, SECRET), written[0], written[1].digest)


def test_a_rolled_back_file_is_refused_by_its_digest(key: Key) -> None:
    older, _ = seal_file(key, b"what was true once")
    _, newer = seal_file(key, b"what is true today")
    with pytest.raises(Tampered):
        open_file(key, older, newer.digest)
    assert open_file(key, older).read() == b"what was true once"  # without a digest an older version is not told


def test_a_refused_file_is_closed(key: Key) -> None:
    source = io.BytesIO(b"not one of ours, but long enough for a header")
    with pytest.raises(Tampered):
        open_file(key, source)
    assert source.closed


def test_an_unfinished_file_does_not_open(key: Key) -> None:
    sink = io.BytesIO()
    key.writer(sink, "media", "m1").write(bytes(2 * CHUNK + 1))
    with pytest.raises(Tampered):
        open_file(key, sink.getvalue())


def test_nothing_is_written_after_the_end(key: Key) -> None:
    writer = key.writer(io.BytesIO(), "media", "m1")
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"x")
    with pytest.raises(ValueError, match="finished"):
        writer.finish()
