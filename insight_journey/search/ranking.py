"""Which rows answer a question best: by meaning, by words, and both together. Pure.

By meaning: the cosine of vectors, one exact product with all of them. By words: BM25 (Robertson, Walker, Jones, Hancock-Beaulieu and
Gatford, 1994: "Okapi at TREC-3"). Both: reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009: "Reciprocal rank fusion
outperforms Condorcet and individual rank learning methods", SIGIR). Ranking all by words as well makes answers worse than meaning
alone does, so words have a say under one rule only, here called the exact-match rule: a row must hold every phrase that the question
quotes and every name in it; where it has neither, each telling word of a question that has no more than KEYWORDS of them, for those
are looked up, not asked. Without vectors any telling word counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from insight_journey.search import words
from insight_journey.search.shelf import Shelf
from insight_journey.search.words import Hashes

Array = npt.NDArray[Any]

FLOOR = 0.25  # cosine: 24 of 25 pairs of sentences that have nothing to do with each other are below
FUSION = 60  # the constant of reciprocal rank fusion, as published
SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25, as is usual
KEYWORDS = 2
MOST_WORDS = 64  # of a question


@dataclass(frozen=True)
class Query:
    """What is asked. `vectors`: [q, 384], the nearest counts; None where nothing is to be compared by meaning.

    `telling`: words, each once. `exact`: what a row must hold to come in by words, single words or several in a row.
    """

    vectors: Array | None
    telling: Hashes
    exact: tuple[Hashes, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """Rows, best first, each array [k]. `scores`: 1 where a row leads each list that there is. `likeness`: cosine, NaN without one."""

    rows: Array
    scores: Array
    likeness: Array
    by_meaning: Array
    by_words: Array


def query_of(text: str, vectors: Array | None) -> Query:
    """A question in words."""
    told = (words.telling(text) or words.words(text))[:MOST_WORDS]
    exact = [*words.phrases(text), *([name] for name in words.names(text))]
    if not exact and len(told) <= KEYWORDS:
        exact = [[word] for word in told]
    return Query(vectors, words.hashes(told), tuple(map(words.hashes, exact)))


def query_like(shelf: Shelf, row: int) -> Query:
    """What is like a row: by its vectors; by its words where it has none."""
    vectors = shelf.vectors_of(row)
    if len(vectors):
        return Query(vectors, words.hashes([]))
    return Query(None, words.without_stop(shelf.hashes_of(row))[:MOST_WORDS])


def rank(shelf: Shelf, query: Query, allowed: Array) -> Ranked:
    """All rows among the `allowed`, [n] of bool, that answer the query; of an element's rows the best one."""
    likeness = _likeness(shelf, query.vectors)
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero(allowed & (likeness >= FLOOR))
    meant = _first_of_groups(shelf, near[np.argsort(-likeness[near], kind="stable")])
    found, weights = _by_words(shelf, query)
    kept = allowed[found]
    found, weights = found[kept], weights[kept]
    said = _first_of_groups(shelf, found[np.lexsort((-np.nan_to_num(likeness[found]), -weights))])
    return _fused(shelf, likeness, meant, said)


def _likeness(shelf: Shelf, vectors: Array | None) -> Array:
    """[n] cosines: of a row's vectors and the query's the nearest two. NaN for rows without vectors."""
    likeness = np.full(len(shelf.kinds), np.nan, np.float32)
    rows = np.flatnonzero(shelf.vector_counts)
    if vectors is None or not len(vectors) or not len(rows):
        return likeness
    cosines = np.max([np.vecdot(shelf.vectors, vector) for vector in vectors], axis=0)  # one core: BLAS wakes all for what waits for memory
    starts = (np.cumsum(shelf.vector_counts) - shelf.vector_counts)[rows]
    likeness[rows] = np.maximum.reduceat(cosines, starts)
    return likeness


def _by_words(shelf: Shelf, query: Query) -> tuple[Array, Array]:
    """(rows, BM25 weights) that may come in by words."""
    if query.vectors is None:
        found = _in_any([_rows_with(shelf, word[None]) for word in query.telling])
    else:
        found = _in_all([_rows_with(shelf, run) for run in query.exact])
    return found, _bm25(shelf, query.telling, found)


def _rows_with(shelf: Shelf, run: Hashes) -> Array:
    """The rows that hold these words in a row, ascending, as often as they do."""
    places = np.flatnonzero(shelf.hashes == run[0])
    places = places[places + len(run) <= len(shelf.hashes)]
    for offset, word in enumerate(run[1:], 1):
        places = places[shelf.hashes[places + offset] == word]
    rows: Array = shelf.row_of_word[places]
    ends: Array = shelf.row_of_word[places + len(run) - 1]
    return rows[np.equal(rows, ends)]


def _in_any(lists: list[Array]) -> Array:
    """What stands in one list at least, each once."""
    return np.unique(np.concatenate([np.empty(0, np.uint32), *lists]))


def _in_all(lists: list[Array]) -> Array:
    """What stands in each list, each once; nothing where there is no list."""
    found = np.unique(lists[0]) if lists else np.empty(0, np.uint32)
    for rows in lists[1:]:
        found = found[np.isin(found, rows)]
    return found


def _bm25(shelf: Shelf, telling: Hashes, found: Array) -> Array:
    """Weights of the rows `found` by these words."""
    weights = np.zeros(len(found))
    if not len(found):
        return weights
    total, lengths = len(shelf.kinds), shelf.word_counts[found] / float(shelf.word_counts.mean())
    for word in telling:
        rows = _rows_with(shelf, word[None])
        times = np.bincount(rows, minlength=total)
        holders = np.count_nonzero(times)
        rarity = np.log1p((total - holders + 0.5) / (holders + 0.5))
        often = times[found]
        weights += rarity * often * (SATURATION + 1) / (often + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths))
    return weights


def _first_of_groups(shelf: Shelf, ordered: Array) -> Array:
    """The rows in their order, but of each group the first alone."""
    places = np.arange(len(ordered))
    firsts = np.zeros(len(shelf.kinds), np.int64)
    firsts[shelf.groups[ordered[::-1]]] = places[::-1]  # of several to one place the last stays, which is the first
    first: Array = ordered[firsts[shelf.groups[ordered]] == places]
    return first


def _fused(shelf: Shelf, likeness: Array, meant: Array, said: Array) -> Ranked:
    """Both lists as one. Of an element in both, the row that was found by words is shown: it has them."""
    points, shown = np.zeros(len(shelf.kinds)), np.zeros(len(shelf.kinds), np.int64)
    by_meaning, by_words = np.zeros(len(shelf.kinds), bool), np.zeros(len(shelf.kinds), bool)
    for rows, found in ((meant, by_meaning), (said, by_words)):
        groups = shelf.groups[rows]
        points[groups] += (FUSION + 1) / (FUSION + 1 + np.arange(len(rows)))
        shown[groups], found[groups] = rows, True
    groups = np.flatnonzero(points)
    rows, scores = shown[groups], points[groups] / max(1, (len(said) > 0) + (len(meant) > 0))
    order = np.lexsort((rows, -np.nan_to_num(likeness[rows]), -scores))
    groups, rows = groups[order], rows[order]
    return Ranked(rows, scores[order], likeness[rows], by_meaning[groups], by_words[groups])
