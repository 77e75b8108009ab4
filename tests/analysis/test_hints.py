"""The second net for words of crisis: what is meant without a wording of the rules stays on this machine, and no more than that."""

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from insight_journey import encoder
from insight_journey.analysis import crisis, hints
from insight_journey.analysis.base import AnalysisJob, Care
from insight_journey.analysis.openai import OpenAIAnalyzer
from insight_journey.encoder import DIMENSIONS, Encoder
from insight_journey.settings import Settings
from tests.analysis.test_safety import Unreadable, moments, sentences
from tests.stub_openai import KEY, Stub

HINT = "I want the world to go on without me."
SAD = (
    "I miss my grandmother.",
    "I felt sad after the call and cried on the bus.",
    "Work was long and I slept badly.",
    "I argued with my boss.",
)


@pytest.fixture(scope="module")
def model() -> Encoder:
    found = encoder.get(None)
    assert found, "the package of the model is installed with the product"
    return found


def test_it_works(model: Encoder) -> None:
    said = moments(*SAD, HINT)
    care = hints.widen(crisis.find(said), said, model)
    assert crisis.judge(HINT) == (False, False)
    assert care == Care(hinted=frozenset({4})) and care.withheld == {4}


def test_what_the_rules_found_is_kept(model: Encoder) -> None:
    said = moments("I want to die.", "I cooked.", "I read.", HINT)
    care = hints.widen(crisis.find(said), said, model)
    assert (care.flagged, care.touched) == ({0}, {0}) and care.withheld >= {0, 1, 3} and 2 not in care.withheld


def test_most_hints_are_found_and_few_others(model: Encoder) -> None:
    """By one list of sentences that neither the rules nor the weights were made from."""
    shares = {}
    for label in ("1", "0"):
        said = moments(*sentences(label, "crisis_hints"))
        shares[label] = len(hints.widen(Care(), said, model).hinted) / len(said)
    assert shares["1"] >= 0.5 and shares["0"] <= 0.1


def test_the_weights_belong_to_this_encoder(model: Encoder) -> None:
    with as_file(files("insight_journey") / "weights" / "crisis.npz") as path, np.load(path) as held:
        assert str(held["encoder"]) == encoder.SHA256
    assert hints.load().direction.shape == (DIMENSIONS,)
    assert hints.load().found(model.vectors([HINT, *SAD])).tolist() == [True, False, False, False, False]


def test_without_an_encoder_the_rules_stand_alone() -> None:
    said = moments("I want to die.", "I cooked.", "I read.", HINT)
    assert hints.widen(crisis.find(said), said, None) == crisis.find(said)


def test_nothing_to_read_is_no_hint(model: Encoder) -> None:
    assert hints.widen(Care(), (), model) == hints.widen(Care(), moments("", "  "), model) == Care()


def test_weights_of_another_encoder_keep_everything_here(
    model: Encoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(encoder, "SHA256", "0" * 64)
    hints.load.cache_clear()
    try:
        assert hints.widen(Care(), moments(*SAD), model).withheld == {0, 1, 2, 3}
    finally:
        hints.load.cache_clear()
    assert "safety_failed" in caplog.text and not [words for words in SAD if words in caplog.text]


# -- what goes over the wire -------------------------------------------------------------------------------------------


def sent(model: Path | None, *texts: str) -> tuple[set[int], set[int]]:
    """Positions of the moments that went out, and of those that the analysis calls withheld."""
    with Stub() as stub:
        settings = Settings(openai_base_url=stub.url, openai_api_key=KEY, encoder_model=model)
        analysis = OpenAIAnalyzer(settings).analyze(AnalysisJob(moments(*texts), "en", "2026-03-01", lambda _: None))
        return {m["moment"] for request in stub.requests for m in request.moments}, set(analysis.withheld)


def test_a_hint_is_not_sent_and_is_read_here() -> None:
    out, withheld = sent(None, "I was anxious about work.", HINT, "I was proud of my garden.")
    assert (out, withheld) == ({0, 2}, {1})


def test_without_an_encoder_it_is_sent(tmp_path: Path) -> None:
    out, withheld = sent(tmp_path / "missing.onnx", "I was anxious about work.", HINT)
    assert (out, withheld) == ({0, 1}, set())


def test_what_the_rules_cannot_judge_is_not_sent_either() -> None:
    out, _ = sent(None, "I read a book.", Unreadable("I went by train."), "I cooked.", "I was proud of my garden.")
    assert out == {3}
