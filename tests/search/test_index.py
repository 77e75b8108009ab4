"""One session's index: rows, vectors, hashed words, and their bytes."""

import json
from uuid import UUID, uuid4

import numpy as np
import pytest

from insight_journey import encoder
from insight_journey.encoder import Encoder
from insight_journey.errors import Tampered
from insight_journey.search import index, words
from insight_journey.search.index import Index, Row

MOMENT_IDS = uuid4(), uuid4()
ROWS = [
    Row("moment", MOMENT_IDS[0], "I quarrelled with Priya about money.", (0, 36), 1.5, 4.25),
    Row("moment", MOMENT_IDS[1], "Hm.", (0, 3)),
    Row("belief", MOMENT_IDS[0], "Money ruins love", (2, 9), 2.0, 3.0, uuid4(), uuid4(), "others.trust", "Money ruins love"),
]
LONG = " ".join(f"On day {n} the weather was grey and I walked along the river." for n in range(40)) + " Then I met a zebra."


@pytest.fixture(scope="module")
def model() -> Encoder:
    found = encoder.get(None)
    assert found, "the pinned encoder is not installed"
    return found


def build(rows: list[Row], model: Encoder | None) -> Index:
    return index.build(rows, model, lambda share: None)


def test_it_works(model: Encoder) -> None:
    made = build(ROWS, model)
    assert [index.KINDS[kind] for kind in made.kinds] == ["moment", "moment", "belief"]
    assert [UUID(bytes=row.tobytes()) for row in made.moments] == [MOMENT_IDS[0], MOMENT_IDS[1], MOMENT_IDS[0]]
    assert made.vector_ends.tolist() == [1, 2, 3] and made.vectors.shape == (3, encoder.DIMENSIONS)
    assert np.allclose(np.linalg.norm(made.vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    assert made.seconds[0].tolist() == [1.5, 4.25] and np.isnan(made.seconds[1]).all()
    assert made.labels[2] == ("others.trust", "Money ruins love")
    assert made.hashes[: made.word_ends[0]].tolist() == words.hashes(words.words(ROWS[0].text)).tolist()


def test_bytes_give_the_same_back(model: Encoder) -> None:
    made = build(ROWS, model)
    again = index.unpacked(index.packed(made))
    assert (again.labels, again.encoder) == (made.labels, made.encoder)
    for name in index.DTYPES:
        assert np.array_equal(getattr(again, name), getattr(made, name), equal_nan=name == "seconds"), name


@pytest.mark.parametrize("rows", [[], ROWS])
def test_without_an_encoder_words_are_left(rows: list[Row]) -> None:
    made = index.unpacked(index.packed(build(rows, None)))
    assert (len(made.kinds), len(made.vectors), made.encoder) == (len(rows), 0, "")
    assert len(made.hashes) == sum(len(words.words(row.text)) for row in rows)


def test_a_long_text_is_seen_to_its_end(model: Encoder) -> None:
    made = build([Row("moment", MOMENT_IDS[0], LONG, (0, len(LONG)))], model)
    assert made.vector_ends.tolist() == [len(made.vectors)] and len(made.vectors) > 3
    likeness = made.vectors.astype(np.float32) @ model.vectors(["I met a zebra."])[0]
    assert likeness.argmax() == len(made.vectors) - 1


def test_a_text_without_end_has_a_bounded_number_of_vectors(model: Encoder) -> None:
    made = build([Row("moment", MOMENT_IDS[0], LONG * 20, (0, 1))], model)
    assert len(made.vectors) == index.MOST_WINDOWS


def test_equal_texts_have_equal_vectors(model: Encoder) -> None:
    made = build([ROWS[1], *ROWS, ROWS[1]], model)
    assert np.array_equal(made.vectors[0], made.vectors[2]) and np.array_equal(made.vectors[0], made.vectors[-1])


def test_it_tells_how_far_it_is_and_can_be_stopped(model: Encoder) -> None:
    class Stopped(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0:
            raise Stopped

    rows = [Row("moment", uuid4(), f"Day {n}.", (0, 1)) for n in range(3 * encoder.BATCH)]
    with pytest.raises(Stopped):
        index.build(rows, model, stop)


def test_another_format_is_refused() -> None:
    data = index.packed(build(ROWS, None))
    size = index.LENGTH.unpack_from(data)[0]
    header = json.loads(data[index.LENGTH.size :][:size]) | {"format": 99}
    raw = json.dumps(header).encode()
    with pytest.raises(Tampered, match="another release"):
        index.unpacked(index.LENGTH.pack(len(raw)) + raw + data[index.LENGTH.size + size :])
