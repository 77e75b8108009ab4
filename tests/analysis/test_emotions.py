"""Feelings that are not named: what the head adds to the lexicon, what it keeps out of, and what its training computes."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from insight_journey import encoder, taxonomy
from insight_journey.analysis import emotions, feelings, head
from insight_journey.analysis.base import Analysis, AnalysisJob, Moment
from insight_journey.analysis.head import Head, Model
from insight_journey.analysis.local import LocalAnalyzer
from insight_journey.settings import Settings

LAUGHING = "I'm laughing so hard, that is hilarious."
ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "insight_journey" / "weights" / "emotions.npz"
EKMAN = {
    "anger": "anger annoyance disapproval",
    "disgust": "disgust",
    "fear": "fear nervousness",
    "joy": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
    "sadness": "sadness disappointment grief",
    "surprise": "surprise realization confusion curiosity",
    "shame": "embarrassment",  # GoEmotions' own grouping counts these two as sadness
    "guilt": "remorse",
}


@pytest.fixture(scope="module")
def model() -> Model:
    found = head.get()
    assert found, "the weights are part of the package"
    return found


def analyze(*texts: str) -> Analysis:
    moments = tuple(Moment(n, text, 0, len(text)) for n, text in enumerate(texts))
    return LocalAnalyzer(Settings()).analyze(AnalysisJob(moments, "en", "2025-05-01", lambda _: None))


def by_model(text: str) -> list[tuple[str | None, int | None]]:
    return [(mention.code, mention.intensity) for mention in analyze(text).mentions if mention.engine == "model"]


def test_a_feeling_that_is_not_named_is_read() -> None:
    (mention,) = (m for m in analyze(LAUGHING).mentions if m.kind == "emotion")
    assert mention.engine == "model" and mention.code == "joy.cheerfulness.amusement" and mention.intensity == 3
    assert mention.quote == LAUGHING and emotions.FINE <= mention.confidence <= 1


def test_where_only_the_group_is_sure_the_group_is_filed() -> None:
    (mention,) = (m for m in analyze("I can't believe he did that to me!").mentions if m.kind == "emotion")
    assert mention.engine == "model" and mention.code == taxonomy.load("emotions").groups["surprise"]


def test_where_a_feeling_is_named_the_lexicon_has_the_word() -> None:
    found = [(m.engine, m.code) for m in analyze("I am so grateful, thank you so much!").mentions if m.kind == "emotion"]
    assert found == [("lexicon", "love.affection.gratitude")]


@pytest.mark.parametrize(
    "text",
    [
        "I'm not angry at you, you idiot.",  # refused by the lexicon, so kept out of by the head
        "Do I love this song?",
        "If I got this, I would love it so much!",
        "That is hilarious, lol, so funny!",  # nobody tells of herself
        "Thank you so much, I've been okay.",  # a manner of speaking
        "She said that I should be thankful and I would love it.",
        "I put the box on the shelf.",
    ],
)
def test_what_is_denied_asked_imagined_or_neutral_is_left_out(text: str) -> None:
    assert by_model(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I feel bad for him.", "sadness.sympathy.sympathy"),  # pity
        ("I feel bad for cancelling.", "sadness.shame.guilt"),
        ("It was upsetting.", "sadness.sadness.unhappiness"),
        ("That was really reassuring.", "joy.contentment.calm"),
    ],
)
def test_what_labelled_comments_taught_the_lexicon(text: str, code: str) -> None:
    assert [(m.engine, m.code) for m in analyze(text).mentions if m.kind == "emotion"] == [("lexicon", code)]


def test_every_label_is_filed_where_its_group_agrees(model: Model) -> None:
    tax = taxonomy.load("emotions")
    groups = {label: group for group, labels in EKMAN.items() for label in labels.split()}
    codes = tax.labels[emotions.LABELS]
    assert set(codes) == set(model.labels) == {*groups, "neutral"} and codes["neutral"] is None
    assert {label: tax.get(code).group for label, code in codes.items() if code} == groups
    assert {group: tax.get(code).group for group, code in tax.groups.items()} == {group: group for group in taxonomy.GROUPS}
    assert model.groups == taxonomy.GROUPS


def test_attitudes_are_not_filed_as_feelings(model: Model) -> None:
    filed = {model.labels[n] for n in emotions.feelings_of(model.labels)}
    assert {*model.labels} - filed == {"approval", "disapproval", "realization", "neutral"}


def test_probabilities_are_a_readers(model: Model) -> None:
    found = encoder.get(None)
    assert found
    logits = model.logits(found.encode(["I love you", "The train leaves at nine."]).tokens)
    chances = model.probabilities(logits)
    assert chances.shape == (2, 28) and (chances >= 0).all() and (chances <= 1).all()
    assert chances[0, model.labels.index("love")] > 0.9 and chances[1, model.labels.index("neutral")] > 0.5


def test_a_text_gets_the_same_logits_in_any_company(model: Model) -> None:
    chance = np.random.default_rng(1)
    tokens = [chance.standard_normal((length, encoder.DIMENSIONS)).astype(np.float32) for length in (3, 96, 1, 20)]
    np.testing.assert_allclose(model.logits(tokens)[1:2], model.logits(tokens[1:2]), atol=1e-4)


def test_without_usable_weights_the_lexicon_works_alone_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("cut.npz", WEIGHTS.read_bytes()[:5000]), ("other.npz", b"no weights"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        assert head.load(tmp_path / name) is None
    assert head.load(tmp_path / "missing.npz") is None
    monkeypatch.setattr(head, "get", lambda: None)
    analysis = analyze(f"{LAUGHING} I am sad.")
    assert [m.code for m in analysis.mentions if m.kind == "emotion"] == ["sadness.sadness.sadness"]
    assert analysis.warnings == ("no_emotion_head",)


def test_weights_of_another_encoder_are_not_used(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    head.save(tmp_path / "same.npz", model)
    assert head.load(tmp_path / "same.npz")
    monkeypatch.setattr(encoder, "SHA256", "0" * 64)
    assert head.load(tmp_path / "same.npz") is None


def test_confidence_of_the_lexicon_is_told_for_every_frame() -> None:
    lines = (ROOT / "insight_journey" / "analysis" / "lexicon.tsv").read_text(encoding="utf-8").splitlines()
    frames = {line.split("\t")[2] for line in lines if not line.startswith("#")}
    assert frames | {"fragment"} == set(feelings.CONFIDENCE)


@pytest.fixture(scope="module")
def training() -> ModuleType:
    spec = importlib.util.spec_from_file_location("training", ROOT / "scripts" / "train-emotions.d" / "training.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gradient_of_training_is_that_of_its_loss(training: ModuleType) -> None:
    """Against differences, in double precision, of every weight of a small head."""
    chance = np.random.default_rng(3)
    shapes = {"hidden": (6, 4), "hidden_bias": (4,), "attention": (4, 3), "value": (4, 3), "mean": (4, 3), "bias": (3,)}
    small = Head(**{field.name: chance.standard_normal(shapes[field.name]) for field in fields(Head)})
    tokens, starts, labels = chance.standard_normal((9, 6)), np.array([0, 4, 6]), (chance.random((3, 3)) < 0.5).astype(float)
    masks = tuple((chance.random(shape) < 0.7) / 0.7 for shape in ((9, 6), (9, 4)))
    _, gradient = training.loss_and_gradient(small, tokens, starts, labels, masks)
    for name in shapes:
        weights = getattr(small, name)
        for place in np.ndindex(weights.shape):
            kept, losses = weights[place], []
            for step in (1e-5, -1e-5):
                weights[place] = kept + step
                losses.append(training.loss_and_gradient(small, tokens, starts, labels, masks)[0])
            weights[place] = kept
            assert gradient[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-6), (name, place)


def test_the_script_writes_weights_that_are_used_and_their_card(tmp_path: Path) -> None:
    told = {
        "gratitude": "Thank you so much for number",
        "love": "I love this song of",
        "neutral": "The train leaves at",
        "amusement": "Haha lol, so funny",
    }
    rows = [f"{text} {n}.\t{label}\tid{n}{label}" for n in range(20) for label, text in told.items()]
    for split in ("train", "dev"):
        (tmp_path / f"goemotions_{split}.tsv").write_text("\n".join(["text\tlabels\tid", *rows, ""]))
    arguments = ("--data", tmp_path, "--out", tmp_path, "--cache", tmp_path, "--processes", "1")
    path = os.pathsep.join(map(str, (ROOT, ROOT / "scripts" / "evaluate.d")))
    command = [sys.executable, ROOT / "scripts" / "train-emotions.d", *arguments]
    subprocess.run(command, env={"PYTHONPATH": path, "PATH": os.defpath}, check=True, capture_output=True)
    trained, card = head.load(tmp_path / "emotions.npz"), (tmp_path / "emotions.md").read_text()
    assert trained and "gratitude" in trained.labels and (tmp_path / "emotions.npz").stat().st_size < 600_000
    assert encoder.SHA256 in card and "CC BY 4.0" in card and "| macro_f1_28 | " in card and "{" not in card


def test_training_learns_and_repeats_itself(training: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label that one direction of the states gives away is learnt, and the same seed gives the same head."""
    chance = np.random.default_rng(5)
    labels, rows = (chance.random((200, 1)) < 0.5).astype(np.float32), np.arange(200)
    states = chance.standard_normal((600, 8)).astype(np.float16)
    states[1::3] += 4 * labels.astype(np.float16)
    material = training.Material(states, np.arange(0, 601, 3), labels)
    monkeypatch.setattr(training, "EPOCHS", 30)
    monkeypatch.setattr(training, "BATCH", 10)
    first, again = (training.train(material, rows, 16, seed=1) for _ in range(2))
    assert np.mean((training.logits(first, material, rows) > 0) == (material.labels > 0)) > 0.9
    np.testing.assert_array_equal(first.hidden, again.hidden)
