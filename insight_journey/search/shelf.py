"""All indexes of one person side by side, so that a question is one matrix product and one pass over hashed words."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from insight_journey.encoder import DIMENSIONS
from insight_journey.search.index import Index

Array = npt.NDArray[Any]
LABEL_BYTES = 150  # of the objects that hold a label, beside its words


@dataclass(frozen=True)
class Volume:
    """A session's index and which version of it that is."""

    index_id: UUID
    index: Index


class Shelf:
    """A person's rows, read only: the arrays of index.Index one session after the other, vectors as float32 and counts for ends.

    `sessions`: in the order of `session_of`, [n], the place of each row's session.
    """

    def __init__(self, volumes: Mapping[UUID, Volume]) -> None:
        parts = [volume.index for volume in volumes.values()]
        self.sessions = list(volumes)
        self.versions = {session: volume.index_id for session, volume in volumes.items()}
        self.kinds = _joined([part.kinds for part in parts], np.uint8)
        self.moments = _joined([part.moments for part in parts], np.uint8, 16)
        self.mentions = _joined([part.mentions for part in parts], np.uint8, 16)
        self.elements = _joined([part.elements for part in parts], np.uint8, 16)
        self.spans = _joined([part.spans for part in parts], np.uint32, 2)
        self.seconds = _joined([part.seconds for part in parts], np.float64, 2)
        self.vectors = _joined([part.vectors for part in parts], np.float32, DIMENSIONS)
        self.hashes = _joined([part.hashes for part in parts], np.uint32)
        self.vector_counts = _joined([_counts(part.vector_ends) for part in parts], np.int64)
        self.word_counts = _joined([_counts(part.word_ends) for part in parts], np.int64)
        self.labels = [label for part in parts for label in part.labels]
        self.row_ends = np.cumsum([0, *(len(part.kinds) for part in parts)])
        self.session_of = np.repeat(np.arange(len(parts)), np.diff(self.row_ends))
        self._encoders = [part.encoder for part in parts]

    @property
    def words_only(self) -> int:
        """How many sessions have no vectors that can be compared, so that only their words can be found."""
        return sum(not encoder for encoder in self._encoders)

    @cached_property
    def row_of_word(self) -> Array:
        return np.repeat(np.arange(len(self.kinds), dtype=np.uint32), self.word_counts)

    @cached_property
    def groups(self) -> Array:
        """[n] numbers from 0: the rows of one element have the same, a moment's row has one of its own."""
        ids = np.where(self.kinds[:, None] == 0, self.moments, self.elements)
        halves = np.ascontiguousarray(ids[:, :8]).view(np.uint64).ravel()  # ids are of a keyed hash: half of one tells them apart
        return np.unique(halves, return_inverse=True)[1]

    @cached_property
    def size(self) -> int:
        """Bytes, nearly."""
        arrays = [value for value in (*vars(self).values(), self.row_of_word, self.groups) if isinstance(value, np.ndarray)]
        labels = sum(LABEL_BYTES + sys.getsizeof(wording) for _, wording in self.labels)
        return sum(array.nbytes for array in arrays) + labels

    def row_of_moment(self, moment_id: UUID) -> int | None:
        """The moment's own row."""
        wanted = np.frombuffer(moment_id.bytes, np.uint8)
        rows = np.flatnonzero((self.moments == wanted).all(axis=1) & (self.kinds == 0))
        return int(rows[0]) if len(rows) else None

    def vectors_of(self, row: int) -> Array:
        return self.vectors[_range(self.vector_counts, row, row + 1)]

    def hashes_of(self, row: int) -> Array:
        return self.hashes[_range(self.word_counts, row, row + 1)]

    def volumes(self) -> dict[UUID, Volume]:
        """The sessions again, as views: the next shelf is made without reading anew what did not change."""
        ranges = pairwise(self.row_ends.tolist())
        return {
            session: Volume(self.versions[session], self._index(first, last, encoder))
            for session, (first, last), encoder in zip(self.sessions, ranges, self._encoders, strict=True)
        }

    def _index(self, first: int, last: int, encoder: str) -> Index:
        names = ("kinds", "moments", "mentions", "elements", "spans", "seconds")
        return Index(
            **{name: getattr(self, name)[first:last] for name in names},
            vector_ends=np.cumsum(self.vector_counts[first:last]),
            vectors=self.vectors[_range(self.vector_counts, first, last)],
            word_ends=np.cumsum(self.word_counts[first:last]),
            hashes=self.hashes[_range(self.word_counts, first, last)],
            labels=self.labels[first:last],
            encoder=encoder,
        )


def _joined(arrays: list[Array], dtype: Any, width: int | None = None) -> Array:
    """One after the other. A copy, so that nothing else is kept alive."""
    empty = np.empty(0 if width is None else (0, width), dtype)
    return np.concatenate([empty, *arrays], dtype=dtype, casting="same_kind")


def _counts(ends: Array) -> Array:
    return np.diff(ends.astype(np.int64), prepend=0)


def _range(counts: Array, first: int, last: int) -> slice:
    start = int(counts[:first].sum())
    return slice(start, start + int(counts[first:last].sum()))
