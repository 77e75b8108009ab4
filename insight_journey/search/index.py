"""What is kept of one session to search it: a row a moment and a row a mention, with vectors and hashed words.

As bytes: the length of a header (4, little endian), the header as JSON, then the arrays that it names, one after the other. No
pickle, nothing that is run. Whoever stores it seals it: vectors can be turned back into text (docs/security.md).
"""

import json
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from insight_journey import encoder
from insight_journey.encoder import BATCH, DIMENSIONS, Encoder
from insight_journey.errors import Tampered
from insight_journey.search import words

FORMAT = 1
MOMENT = "moment"
KINDS = (MOMENT, "emotion", "topic", "belief", "challenge", "insight", "action_item")
MOST_WINDOWS = 32  # of one text: what is longer still is found by its words alone
LENGTH = struct.Struct("<I")
NOBODY = UUID(int=0)  # in place of a mention and an element in a moment's own row

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Row:
    """What can be found: a moment (its words), or a mention (its wording, or the name of its category with its quote).

    `span`: characters of the moment's text; `start`, `end`: seconds. `code`, `wording`: as analysis.base.Mention has them.
    """

    kind: str
    moment: UUID
    text: str
    span: tuple[int, int]
    start: float | None = None
    end: float | None = None
    mention: UUID = NOBODY
    element: UUID = NOBODY
    code: str | None = None
    wording: str | None = None


@dataclass(frozen=True)
class Index:
    """Rows as arrays, all of length n but the two that are counted by `vector_ends` and `word_ends`.

    kinds: places in KINDS. moments, mentions, elements: [n, 16] bytes of ids. spans: [n, 2]. seconds: [n, 2], NaN where not known.
    vectors: [v, 384] of length 1, those of row i end before vector_ends[i]; none where there was no encoder. hashes: of words, in the
    order of the text, those of row i end before word_ends[i]. labels: (code, wording) of each row.
    """

    kinds: Array
    moments: Array
    mentions: Array
    elements: Array
    spans: Array
    seconds: Array
    vector_ends: Array
    vectors: Array
    word_ends: Array
    hashes: Array
    labels: list[tuple[str | None, str | None]]
    encoder: str


DTYPES = {
    "kinds": "|u1", "moments": "|u1", "mentions": "|u1", "elements": "|u1", "spans": "<u4", "seconds": "<f8",
    "vector_ends": "<u4", "vectors": "<f2", "word_ends": "<u4", "hashes": "<u4",
}  # fmt: skip
assert set(DTYPES) == {field.name for field in fields(Index)} - {"labels", "encoder"}  # noqa: S101 - of this file alone


def encoder_version() -> str:
    """The encoder that vectors are of: those of two versions can't be compared."""
    return f"{encoder.NAME}@{encoder.SHA256[:16]}"


def build(rows: Sequence[Row], with_encoder: Encoder | None, progress: Callable[[float], None]) -> Index:
    """The index of a session's rows. Without an encoder it has no vectors. `progress` is called with 0..1."""
    pieces = [windows(with_encoder, row.text) if with_encoder else [] for row in rows]
    vectors = _vectors(with_encoder, pieces, progress) if with_encoder else np.empty((0, DIMENSIONS), np.float16)
    found = [words.hashes(words.words(row.text)) for row in rows]
    return Index(
        kinds=np.array([KINDS.index(row.kind) for row in rows], np.uint8),
        moments=_ids(row.moment for row in rows),
        mentions=_ids(row.mention for row in rows),
        elements=_ids(row.element for row in rows),
        spans=np.array([row.span for row in rows], np.uint32).reshape(-1, 2),
        seconds=np.array([(_number(row.start), _number(row.end)) for row in rows], np.float64).reshape(-1, 2),
        vector_ends=np.cumsum([len(of_row) for of_row in pieces], dtype=np.uint32),
        vectors=vectors,
        word_ends=np.cumsum([len(of_row) for of_row in found], dtype=np.uint32),
        hashes=np.concatenate([np.empty(0, np.uint32), *found]),
        labels=[(row.code, row.wording) for row in rows],
        encoder=encoder_version() if with_encoder else "",
    )


def comparable(index: Index) -> Index:
    """The index, without its vectors where they are of another encoder than the one that questions go through."""
    if index.encoder in ("", encoder_version()):
        return index
    return replace(index, vectors=index.vectors[:0], vector_ends=index.vector_ends * 0, encoder="")


def windows(used: Encoder, text: str) -> list[str]:
    """A text as pieces that the encoder takes whole. A text without any words has one all the same."""
    first = used.tokenizer.encode(text)
    parts = [text[encoding.offsets[1][0] : encoding.offsets[-2][1]] for encoding in (first, *first.overflowing) if len(encoding) > 2]
    return parts[:MOST_WINDOWS] if len(parts) > 1 else [text]


def _vectors(used: Encoder, pieces: list[list[str]], progress: Callable[[float], None]) -> Array:
    """[v, 384]; texts that come again are encoded once."""
    texts = [text for of_row in pieces for text in of_row]
    distinct = sorted(set(texts), key=len)
    places = {text: place for place, text in enumerate(distinct)}
    vectors = np.empty((len(distinct), DIMENSIONS), np.float16)
    for start in range(0, len(distinct), BATCH):
        progress(start / len(distinct))
        vectors[start : start + BATCH] = used.vectors(distinct[start : start + BATCH])
    return vectors[[places[text] for text in texts]]


def _ids(ids: Iterator[UUID]) -> Array:
    return np.frombuffer(b"".join(one.bytes for one in ids), np.uint8).reshape(-1, 16)


def _number(seconds: float | None) -> float:
    return math.nan if seconds is None else seconds


def packed(index: Index) -> bytes:
    """The index as bytes."""
    arrays = {name: np.ascontiguousarray(getattr(index, name), dtype) for name, dtype in DTYPES.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    header = json.dumps({"format": FORMAT, "encoder": index.encoder, "kinds": KINDS, "labels": index.labels, "shapes": shapes}).encode()
    return b"".join((LENGTH.pack(len(header)), header, *(array.tobytes() for array in arrays.values())))


def unpacked(data: bytes) -> Index:
    """Raises Tampered for what another release wrote."""
    start = LENGTH.size + LENGTH.unpack_from(data)[0]
    header = json.loads(data[LENGTH.size : start])
    if (header["format"], tuple(header["kinds"])) != (FORMAT, KINDS):
        raise Tampered("This index is of another release; `insight-journey search reindex` makes it anew.")
    arrays = {}
    for name, dtype in DTYPES.items():
        shape = header["shapes"][name]
        arrays[name] = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
        start += arrays[name].nbytes
    return Index(**arrays, labels=[(code, wording) for code, wording in header["labels"]], encoder=header["encoder"])
