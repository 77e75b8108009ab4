"""Ranking by meaning, by words and by both, on vectors made by hand."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import numpy as np
import pytest

from insight_journey.encoder import DIMENSIONS
from insight_journey.search import index, ranking, words
from insight_journey.search.index import Row
from insight_journey.search.ranking import Query, Ranked
from insight_journey.search.shelf import Array, Shelf, Volume

ELEMENT = uuid4()
TEXTS = ("I met Priya at the lake", "My boss was angry", "The lake was cold and Priya sang", "Bread and butter")


def angle(degrees: float) -> Array:
    """A vector of length 1 so far from the first axis."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def shelf_of(*sessions: tuple[Sequence[Row], Sequence[Sequence[float]]]) -> Shelf:
    """A shelf of sessions, each with its rows and, for each row, the angles of its vectors."""
    volumes = {}
    for rows, angles in sessions:
        made = index.build(rows, None, lambda share: None)
        vectors = np.array([angle(one) for of_row in angles for one in of_row], np.float16).reshape(-1, DIMENSIONS)
        ends = np.cumsum([len(of_row) for of_row in angles])
        made = index.Index(**{**vars(made), "vectors": vectors, "vector_ends": ends, "encoder": index.encoder_version()})
        volumes[uuid4()] = Volume(uuid4(), made)
    return Shelf(volumes)


def moment(text: str) -> Row:
    return Row("moment", uuid4(), text, (0, len(text)))


def belief(text: str, element: UUID = ELEMENT) -> Row:
    return Row("belief", uuid4(), text, (0, len(text)), mention=uuid4(), element=element, wording=text)


@pytest.fixture
def shelf() -> Shelf:
    return shelf_of(([moment(TEXTS[0]), moment(TEXTS[1])], [[10], [40]]), ([moment(TEXTS[2]), moment(TEXTS[3])], [[70], [89]]))


def rank(shelf: Shelf, text: str, at: float | None = 0, allowed: Array | None = None) -> Ranked:
    vectors = None if at is None else angle(at)[None]
    return ranking.rank(shelf, ranking.query_of(text, vectors), np.ones(len(shelf.kinds), bool) if allowed is None else allowed)


def test_it_works(shelf: Shelf) -> None:
    found = rank(shelf, "a question of several telling words")
    assert found.rows.tolist() == [0, 1, 2]  # the fourth has nothing to do with it
    assert found.likeness == pytest.approx(np.cos(np.radians([10, 40, 70])), abs=1e-3)
    assert found.scores[0] == 1 and (np.diff(found.scores) < 0).all()
    assert found.by_meaning.all() and not found.by_words.any()


@pytest.mark.parametrize(("text", "rows"), [
    ("bread", [3]), ("Priya lake", [0, 2]), ("what did I say about Bread", [3]), ('the "butter" on my table at home', [3]),
    ('"cold and priya"', [2]), ('"priya and cold"', []), ("bread lake", []), ("bread unheard", []), ("bread butter lake boss", []),
])  # fmt: skip
def test_words_that_match_exactly_come_in(shelf: Shelf, text: str, rows: list[int]) -> None:
    found = rank(shelf, text)
    assert sorted(found.rows[found.by_words].tolist()) == rows
    assert set(found.rows[found.by_meaning].tolist()) == {0, 1, 2}


def test_what_is_found_both_ways_comes_first(shelf: Shelf) -> None:
    found = rank(shelf, "boss")
    assert (found.rows[0], found.by_meaning[0], found.by_words[0]) == (1, True, True)
    by_hand = (1 / (60 + 2) + 1 / (60 + 1)) / (2 / (60 + 1))  # second by meaning, first by words
    assert found.scores[0] == pytest.approx(by_hand)


def test_without_vectors_words_are_ranked_by_bm25(shelf: Shelf) -> None:
    found = rank(shelf, "the cold lake, and the boss", None)
    assert found.rows.tolist()[0] == 2 and set(found.rows.tolist()) == {0, 1, 2}
    assert np.isnan(found.likeness).all() and found.by_words.all() and not found.by_meaning.any()


def test_bm25_is_as_published(shelf: Shelf) -> None:
    lengths = np.array([6, 4, 7, 3])
    length = lengths[[0, 2]] / lengths.mean()
    by_hand = np.log(1 + (4 - 2 + 0.5) / (2 + 0.5)) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * length))
    assert ranking._bm25(shelf, words.hashes(["lake"]), np.array([0, 2])) == pytest.approx(by_hand)


def test_a_phrase_does_not_go_on_in_the_next_row(shelf: Shelf) -> None:
    assert not rank(shelf, '"lake my boss"').by_words.any()
    assert not rank(shelf, '"butter more"').by_words.any()


def test_the_nearest_window_of_a_long_text_counts() -> None:
    shelf = shelf_of(([moment("long"), moment("short")], [[80, 5, 60], [30]]))
    assert rank(shelf, "several telling words asked").rows.tolist() == [0, 1]
    assert shelf.vectors_of(0).shape[0] == 3 and shelf.vectors_of(1).shape[0] == 1


def test_of_an_element_the_best_mention_is_shown() -> None:
    shelf = shelf_of(([belief("Nobody likes me"), belief("People dislike me")], [[50], [20]]), ([belief("Nobody likes me")], [[30]]))
    assert rank(shelf, "several telling words asked").rows.tolist() == [1]
    assert rank(shelf, '"nobody likes me"').rows.tolist() in ([0], [2])


def test_only_what_is_allowed_is_found(shelf: Shelf) -> None:
    allowed = np.array([False, True, False, True])
    assert rank(shelf, "bread", allowed=allowed).rows.tolist() == [1, 3] or rank(shelf, "bread", allowed=allowed).rows.tolist() == [3, 1]
    assert rank(shelf, "lake", allowed=allowed).rows.tolist() == [1]


def test_rows_without_vectors_are_found_by_exact_words_among_others_with(shelf: Shelf) -> None:
    mixed = shelf_of(([moment(TEXTS[0])], [[10]]), ([moment(TEXTS[3])], [[]]))
    assert rank(mixed, "bread").rows.tolist() == [0, 1] or rank(mixed, "bread").rows.tolist() == [1, 0]
    assert np.isnan(rank(mixed, "bread").likeness[rank(mixed, "bread").rows == 1]).all()


@pytest.mark.parametrize("text", ["", "the", "lake", '"the lake"'])
@pytest.mark.parametrize("at", [0, None])
def test_an_empty_shelf_has_no_answer(text: str, at: float | None) -> None:
    assert rank(Shelf({}), text, at).rows.tolist() == []


def test_like_a_row_is_by_its_vectors_or_else_its_words(shelf: Shelf) -> None:
    everything = np.ones(4, bool)
    assert ranking.rank(shelf, ranking.query_like(shelf, 0), everything).rows.tolist()[0] == 0
    plain = Shelf({uuid4(): Volume(uuid4(), index.build([moment(text) for text in TEXTS], None, lambda share: None))})
    query = ranking.query_like(plain, 0)
    assert isinstance(query, Query) and query.vectors is None
    assert ranking.rank(plain, query, everything).rows.tolist() == [0, 2]
