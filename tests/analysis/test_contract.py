"""What every analyzer holds to. One that needs a network runs against a server of the tests' own."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from insight_journey import taxonomy
from insight_journey.analysis.base import ANALYZERS, KINDS, Analysis, AnalysisJob, Analyzer
from insight_journey.analysis.moments import segment
from insight_journey.settings import Settings
from insight_journey.transcription.base import Transcript, Utterance
from tests.stub_openai import KEY, Stub

# Analyzer -> a fixture that gives its settings, with whatever it needs running behind them.
SETTINGS = {"local": "plain_settings", "openai": "stub_settings"}

TALK = Transcript(
    (
        Utterance("How have you been? You seem anxious.", "Dr. Lee"),
        Utterance("I have been feeling really anxious about work, and I keep thinking that I'm not good enough.", "Ann"),
        Utterance("I struggle to switch off after work.", "Ann"),
        Utterance("What will you do?", "Dr. Lee"),
        Utterance("I realised that I never rest. I will call my sister on Sunday.", "Ann"),
    ),
    "en", "text", roles={"Ann": "client", "Dr. Lee": "practitioner"},
)  # fmt: skip


@pytest.fixture
def plain_settings() -> Settings:
    return Settings()


@pytest.fixture
def stub_settings() -> Iterator[Settings]:
    with Stub() as stub:
        yield Settings(openai_base_url=stub.url, openai_api_key=KEY)


@pytest.fixture(params=SETTINGS)
def analyzer(request: pytest.FixtureRequest) -> Iterator[Analyzer]:
    module, _, name = ANALYZERS[request.param].partition(":")
    yield getattr(import_module(module), name)(request.getfixturevalue(SETTINGS[request.param]))


def analyze(analyzer: Analyzer, transcript: Transcript, progress: Callable[[float], None] = lambda _: None) -> Analysis:
    return analyzer.analyze(AnalysisJob(segment(transcript), transcript.language, "2025-05-01", progress))


def test_it_works(analyzer: Analyzer) -> None:
    analysis = analyze(analyzer, TALK)
    assert analysis.moments == segment(TALK) and analysis.analyzer in ANALYZERS and analysis.version
    assert {mention.kind for mention in analysis.mentions} == set(KINDS)


def test_every_quote_is_a_slice_of_its_moment(analyzer: Analyzer) -> None:
    by_position = {moment.position: moment for moment in segment(TALK)}
    for mention in analyze(analyzer, TALK).mentions:
        assert mention.quote and by_position[mention.moment].text[mention.quote_start : mention.quote_end] == mention.quote


def test_codes_and_wordings_stand_where_they_belong(analyzer: Analyzer) -> None:
    for mention in analyze(analyzer, TALK).mentions:
        if mention.kind in taxonomy.TAXONOMY_OF_KIND:
            assert taxonomy.load(taxonomy.TAXONOMY_OF_KIND[mention.kind]).belongs(mention.code)
        assert (mention.text is None) == (mention.kind in ("emotion", "topic"))
        assert (mention.intensity in (1, 2, 3)) == (mention.kind == "emotion")
        assert (mention.stance in ("holds", "doubts", "rejects")) == (mention.kind == "belief")
        assert mention.severity in (1, 2, 3) or mention.kind != "challenge"
        assert mention.due_on is None or mention.kind == "action_item"
        assert 0 < mention.confidence <= 1 and mention.engine in ("lexicon", "rule", "model", "llm")


def test_nothing_is_filed_of_a_practitioner(analyzer: Analyzer) -> None:
    asked = {moment.position for moment in segment(TALK) if moment.role == "practitioner"}
    assert not asked & {mention.moment for mention in analyze(analyzer, TALK).mentions}


def test_of_an_unplaced_speaker_only_emotions_and_topics_are_filed(analyzer: Analyzer) -> None:
    analysis = analyze(analyzer, Transcript(TALK.utterances, "en", "text"))
    assert {mention.kind for mention in analysis.mentions} <= {"emotion", "topic"}
    assert "speakers_unknown" in analysis.warnings


def test_words_of_self_harm_are_no_belief_challenge_insight_or_plan(analyzer: Analyzer) -> None:
    words = ("I feel anxious and I'm not good enough to live.", "I keep failing to stop hurting myself.", "I realised that I want to die.")
    plans = ("I am going to kill myself on Friday.", "I will never hurt myself again.")
    turns = tuple(Utterance(said, who) for words in (*words, *plans) for who, said in (("Ann", words), ("Dr. Lee", "Go on.")))
    analysis = analyze(analyzer, Transcript(turns, "en", "text", roles=TALK.roles))
    assert {mention.kind for mention in analysis.mentions} <= {"emotion", "topic"} and analysis.mentions


def test_progress_rises_to_one(analyzer: Analyzer) -> None:
    told: list[float] = []
    analyze(analyzer, TALK, told.append)
    assert told and told == sorted(told) and told[0] >= 0 and told[-1] == 1


def test_a_caller_can_stop_it(analyzer: Analyzer) -> None:
    class Stopped(Exception):
        pass

    def stop(_: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        analyze(analyzer, TALK, stop)


def test_the_same_input_gives_the_same_answer(analyzer: Analyzer) -> None:
    assert analyze(analyzer, TALK) == analyze(analyzer, TALK)


def test_nothing_said_is_nothing_found(analyzer: Analyzer) -> None:
    analysis = analyze(analyzer, Transcript((), "en", "whisper"))
    assert analysis.moments == () and analysis.mentions == ()
