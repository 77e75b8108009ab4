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
    cosines = (shelf.vectors @ vectors.T).max(axis=1)
    starts = (np.cumsum(shelf.vector_counts) - shelf.vector_counts)[rows]
    likeness[rows] = np.maximum.reduceat(cosines, starts)
    return likeness


def _by_words(shelf: Shelf, query: Query) -> tuple[Array, Array]:
    """(rows, BM25 weights) that may come in by words."""
    holding = {int(word): _rows_with(shelf, query.telling[place : place + 1]) for place, word in enumerate(query.telling)}
    if query.vectors is None:
        found = np.unique(np.concatenate([np.empty(0, np.uint32), *holding.values()]))
    else:
        found = _in_all([_rows_with(shelf, run) for run in query.exact])
    return found, _bm25(shelf, holding, found)


def _rows_with(shelf: Shelf, run: Hashes) -> Array:
    """The rows that hold these words in a row, ascending, as often as they do."""
    places = np.flatnonzero(shelf.hashes == run[0])
    places = places[places + len(run) <= len(shelf.hashes)]
    for offset, word in enumerate(run[1:], 1):
        places = places[shelf.hashes[places + offset] == word]
    rows: Array = shelf.row_of_word[places]
    ends: Array = shelf.row_of_word[places + len(run) - 1]
    return rows[np.equal(rows, ends)]


def _in_all(lists: list[Array]) -> Array:
    """What stands in each list; nothing where there is no list."""
    found = np.unique(lists[0]) if lists else np.empty(0, np.uint32)
    for rows in lists[1:]:
        found = np.intersect1d(found, rows)
    return found


def _bm25(shelf: Shelf, holding: dict[int, Array], found: Array) -> Array:
    """Weights of the rows `found`. `holding`: word -> rows, as often as they hold it."""
    total = len(shelf.kinds)
    lengths = shelf.word_counts[found] / max(1.0, float(shelf.word_counts.mean())) if total else np.empty(0)
    weights = np.zeros(len(found))
    for rows in holding.values():
        holders = len(np.unique(rows))
        times = np.bincount(rows, minlength=total)[found]
        rarity = np.log1p((total - holders + 0.5) / (holders + 0.5))
        weights += rarity * times * (SATURATION + 1) / (times + SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths))
    return weights


def _first_of_groups(shelf: Shelf, ordered: Array) -> Array:
    """The rows in their order, but of each group the first alone."""
    _, firsts = np.unique(shelf.groups[ordered], return_index=True)
    return ordered[np.sort(firsts)]


def _fused(shelf: Shelf, likeness: Array, meant: Array, said: Array) -> Ranked:
    """Both lists as one. Of an element in both, the row that was found by words is shown: it has them."""
    rows = np.concatenate([said, meant])
    points = 1 / (FUSION + 1 + np.concatenate([np.arange(len(said)), np.arange(len(meant))]))
    _, firsts, places = np.unique(shelf.groups[rows], return_index=True, return_inverse=True)
    scores = np.bincount(places, points, len(firsts)) * (FUSION + 1) / max(1, (len(said) > 0) + (len(meant) > 0))
    shown = rows[firsts]
    by_words = firsts < len(said)
    by_meaning = np.bincount(places[len(said) :], minlength=len(firsts)) > 0
    order = np.lexsort((-np.nan_to_num(likeness[shown]), -scores))
    return Ranked(shown[order], scores[order], likeness[shown[order]], by_meaning[order], by_words[order])
