"""How far up the search puts an answer to a question: every answer is a row of one person's index, as a moment of hers would be.

The index, its vectors and the ranking are the product's own. A row may answer several questions of the same `question_id`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import reading
import tables
from figures import Array, Figure, share

from insight_journey.encoder import Encoder
from insight_journey.search import index, ranking
from insight_journey.search.shelf import Shelf, Volume

DEEPEST = 10


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    rows = tables.read(path, "question_id", "question_title", "answer")
    asked = {row["question_id"]: row["question_title"] for row in rows}
    answers = np.array([row["question_id"] for row in rows])
    used = reading.encoded()
    shelf = _shelf([row["answer"] for row in rows], used)
    yield from _figures([_place(shelf, answers == number, title, used) for number, title in asked.items()])
    if baselines:
        yield from _figures([_place(shelf, answers == number, title, None) for number, title in asked.items()], "bm25_")


def _shelf(texts: Sequence[str], used: Encoder) -> Shelf:
    rows = [index.Row(index.MOMENT, UUID(int=n << 64 | n), text, (0, len(text))) for n, text in enumerate(texts, 1)]
    built = index.build(rows, used, _tell)
    return Shelf({UUID(int=1): Volume(UUID(int=2), built)})


def _tell(share: float) -> None:
    if sys.stderr.isatty():
        print(f"\revaluate: retrieval: {share:.0%}", end="" if share < 1 else "\n", file=sys.stderr)


def _place(shelf: Shelf, right: Array, question: str, used: Encoder | None) -> int:
    """Where the first right answer stands, from 1; 0 where it is not among the DEEPEST."""
    query = ranking.query_of(question, used.vectors([question]) if used else None)
    found = ranking.rank(shelf, query, np.ones(len(right), bool)).rows[:DEEPEST]
    places = np.flatnonzero(right[found])
    return int(places[0]) + 1 if len(places) else 0


def _figures(places: Sequence[int], prefix: str = "") -> Iterator[Figure]:
    found = np.array(places, float)
    yield share(f"{prefix}mrr_at_{DEEPEST}", np.divide(1, found, out=np.zeros_like(found), where=found > 0))
    yield share(f"{prefix}hit_at_1", (found == 1).astype(float))
    yield share(f"{prefix}hit_at_{DEEPEST}", (found > 0).astype(float))
