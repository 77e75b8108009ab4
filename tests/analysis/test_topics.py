"""Topics by meaning and by cue words: what a person hears back when she talks about something without naming it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from insight_journey import encoder, taxonomy
from insight_journey.analysis import topics
from insight_journey.analysis.base import AnalysisJob, Mention, Moment, prominence
from insight_journey.analysis.local import LocalAnalyzer
from insight_journey.analysis.moments import segment
from insight_journey.settings import Settings
from insight_journey.transcription.base import Transcript, Utterance

GRIEF = [
    "It will be a year in March since we buried him.",
    "I still pick up the phone to call him, and then I remember that he is gone.",
    "His coat hangs in the hall and I can't give it away.",
    "I visited his grave with my mother on Sunday.",
    "Nobody tells you how quiet a house gets when somebody died.",
]
SMALL_TALK = [
    "Hello, good to see you again.",
    "That makes sense to me.",
    "I will try it and tell you next time.",
    "It was a long day, but all right.",
    "I hadn't looked at it that way.",
    "We had rain all week.",
]


def analyzed(texts: list[str], settings: Settings | None = None) -> tuple[tuple[Moment, ...], list[Mention]]:
    moments = segment(Transcript(tuple(map(Utterance, texts)), "en", "text"))
    analysis = LocalAnalyzer(settings or Settings()).analyze(AnalysisJob(moments, "en", "2025-05-01", lambda _: None))
    return moments, [mention for mention in analysis.mentions if mention.kind == "topic"]


def ranked(mentions: list[Mention]) -> list[str]:
    return list(prominence((mention.code or "", mention.confidence) for mention in mentions))


def rules_only(folder: Path) -> Settings:
    return Settings(encoder_model=folder / "missing.onnx")


def test_a_session_about_grief_is_heard_though_the_word_never_falls() -> None:
    _, mentions = analyzed(GRIEF)
    assert ranked(mentions)[0] == "mind.grief"
    assert {mention.engine for mention in mentions if mention.code == "mind.grief"} == {"model"}


def test_quotes_are_verbatim_and_each_topic_stands_once_a_moment() -> None:
    moments, mentions = analyzed([*GRIEF, "My boss calls me at home; my sister does too, about money.", *SMALL_TALK])
    texts = {moment.position: moment.text for moment in moments}
    assert all(texts[mention.moment][mention.quote_start : mention.quote_end] == mention.quote for mention in mentions)
    assert len({(mention.moment, mention.code) for mention in mentions}) == len(mentions)
    assert all(0 < mention.confidence <= 1 for mention in mentions)


def test_talk_about_nothing_in_particular_has_no_topic() -> None:
    assert analyzed(SMALL_TALK)[1] == []


def test_a_topic_that_is_near_to_much_is_not_found_everywhere() -> None:
    """Without its own level, overthinking or stress would come first in nearly every session."""
    sessions = [
        GRIEF,
        ["I swam forty lengths before breakfast.", "On Thursdays I lift weights with Tom.", "My legs are sore and I like it."],
        ["The landlord raised the rent.", "I owe the bank more than I earn.", "We could not afford the car."],
        ["I pray every morning.", "The priest listened to me for an hour.", "I want to believe again."],
        ["He cried when I left him at kindergarten.", "My son does not listen to me.", "The little one has a fever."],
    ]
    first = [ranked(analyzed(texts)[1])[0] for texts in sessions]
    assert first == ["mind.grief", "body.exercise", "living.money", "meaning.faith", "family.parenting"]


@pytest.mark.parametrize("text", ["Sorry, I'm running late.", "She is worn out, that coat.", "The pack of butter was on my plate."])
def test_a_cue_word_that_means_something_else_is_overruled(text: str, tmp_path: Path) -> None:
    assert analyzed([text], rules_only(tmp_path))[1], "the cues alone fall for it"
    assert analyzed([text])[1] == []


def test_a_cue_is_what_is_quoted_and_named_as_what_found_it() -> None:
    text = (
        "We talked about the garden and the neighbours and the weather for a very long while that afternoon, but my anxiety came back, "
        "and then we went home by the river because it was late."
    )
    _, mentions = analyzed([text])
    (mention,) = [mention for mention in mentions if mention.code == "mind.anxiety"]
    assert (mention.engine, mention.quote) == ("lexicon", "but my anxiety came back")


def test_without_the_encoder_cue_words_alone_find_topics(tmp_path: Path) -> None:
    _, mentions = analyzed(["My sister came by.", *GRIEF], rules_only(tmp_path))
    assert [(mention.code, mention.engine) for mention in mentions][:1] == [("family.siblings", "lexicon")]
    assert {mention.engine for mention in mentions} == {"lexicon"}


def test_the_vectors_belong_to_this_taxonomy_and_this_encoder() -> None:
    """Fails when seeds were changed and `scripts/train-topics` was not run."""
    known = topics.load()
    assert (known.made_of, known.encoder) == (topics.fingerprint(), encoder.SHA256)
    assert known.codes == taxonomy.load("topics").leaves
    assert known.vectors.shape == (len(known.codes), encoder.DIMENSIONS) and known.levels.shape == (len(known.codes),)
    assert np.allclose(np.linalg.norm(known.vectors, axis=1), 1, atol=1e-5)
    assert (known.levels > 0).all() and np.isfinite(known.fitted).all()


def test_a_topic_is_the_centroid_of_its_name_and_seeds() -> None:
    used, known = encoder.get(None), topics.load()
    assert used
    for code in ("mind.grief", "work.freelance"):
        made = topics.centroid(topics.phrases(code), used)
        assert float(made @ known.vectors[known.codes.index(code)]) == pytest.approx(1, abs=1e-3)


def test_a_session_is_ranked_by_its_best_sentences() -> None:
    used, known = encoder.get(None), topics.load()
    assert used
    scores = known.session(used.vectors([*GRIEF, *SMALL_TALK]))
    assert known.codes[int(scores.argmax())] == "mind.grief"
    assert known.session(used.vectors(GRIEF[:1])).shape == (len(known.codes),)


def test_surer_means_oftener_right() -> None:
    known = topics.load()
    rising = np.array([[margin, margin, cue] for cue in (0, 1, 2) for margin in (-0.1, 0.0, 0.1, 0.2, 0.3)], np.float32)
    by_cue = known.confidence(rising).reshape(3, 5)
    assert (np.diff(by_cue, axis=0) > 0).all() and (np.diff(by_cue, axis=1) > 0).all()


def test_no_words_no_topics() -> None:
    assert topics.find([]) == [] and topics.find([], np.empty((0, encoder.DIMENSIONS), np.float32)) == []


def test_the_script_that_makes_the_vectors_makes_the_shipped_ones(tmp_path: Path) -> None:
    """From other comments: vectors are the same, levels are not, and every topic has one."""
    comments = [f"Comment number {n} says that {topic} is something." for n in range(3) for topic in ("the game", "this cat", "her car")]
    (tmp_path / "goemotions_train.tsv").write_text("text\tlabels\n" + "".join(f"{text}\tneutral\n" for text in comments))
    script = Path(__file__).parents[2] / "scripts" / "train-topics.d"
    command = [sys.executable, str(script), "--data", str(tmp_path), "--out", str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(script.parents[1])}, check=False)
    assert done.returncode == 0 and "expected calibration error" in done.stdout, done.stderr
    with np.load(tmp_path / "made" / "topics.npz") as made:
        assert tuple(made["codes"]) == topics.load().codes and len(made["levels"]) == len(made["codes"])
        assert np.allclose(made["vectors"], topics.load().vectors, atol=1e-3) and str(made["made_of"]) == topics.fingerprint()
    assert "CC BY 4.0" in (tmp_path / "made" / "topics.md").read_text()


def test_the_script_says_what_is_missing(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "train-topics.d"
    command = [sys.executable, str(script), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(script.parents[1])}, check=False)
    assert done.returncode == 2 and "goemotions_train.tsv is missing" in done.stderr
