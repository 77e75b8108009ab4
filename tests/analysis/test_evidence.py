import pytest

from insight_journey.analysis import crisis, evidence
from insight_journey.analysis.base import Care, Kind, Mention, Moment
from insight_journey.analysis.moments import segment
from insight_journey.transcription.base import Transcript, Utterance, Word


def moment(text: str, position: int = 0, role: str = "client") -> Moment:
    return Moment(position, text, 0, len(text), role=role)


def claim(quote: str, position: int = 0, kind: Kind = "emotion") -> Mention:
    return Mention(kind, position, quote, 0, 0, 0.9, "llm", code="fear.nervousness.anxiety")


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("I feel anxious today.", "feel anxious", "feel anxious"),
        ("I feel\n  ANXIOUS today.", "i Feel anxious", "I feel\n  ANXIOUS"),
        ("I’m “fine” — I think…", 'I\'m "fine" - I think...', "I’m “fine” — I think…"),
        ('I\'m "fine" - I think...', "I’m “fine” – I think…", 'I\'m "fine" - I think...'),
        ("It was a cafe\u0301 in Paris", "a café in", "a cafe\u0301 in"),
        ("Auf der Straße war Angst", "STRASSE WAR", "Straße war"),
        ("soft\u00adhyphen here", "softhyphen here", "soft\u00adhyphen here"),
        ("sad, sadder, sad", "sad", "sad"),
        ("saddest but sad", "sad", "sad"),
        ("私はとても不安です。", "とても不安", "とても不安"),
    ],
)
def test_it_works(text: str, quote: str, found: str) -> None:
    span = evidence.locate(quote, moment(text))
    assert span is not None and text[slice(*span)] == found
    if text.startswith("saddest"):
        assert span == (12, 15)


@pytest.mark.parametrize(
    "quote", ["", "  ", "...", "I feel calm", "nxious", "anxious todays", "feel today", "I feel anxious today. And more"]
)
def test_words_that_were_not_said_are_not_found(quote: str) -> None:
    assert evidence.locate(quote, moment("I feel anxious today.")) is None


def test_a_base_letter_is_not_its_accented_one() -> None:
    assert evidence.locate("cafe", moment("the cafe\u0301")) is None


def test_invented_quotes_are_dropped_and_counted() -> None:
    moments = [moment("I feel Anxious.", 0), moment("All good.", 1)]
    kept, dropped = evidence.verify([claim("anxious"), claim("anxious", 1), claim("good", 7), claim("i feel anxious")], moments)
    assert dropped == 2
    assert [(m.quote, m.quote_start, m.quote_end) for m in kept] == [("Anxious", 7, 14), ("I feel Anxious", 0, 14)]


def test_the_same_words_are_not_filed_twice() -> None:
    kept, dropped = evidence.verify([claim("anxious"), claim("ANXIOUS"), claim("anxious", kind="topic")], [moment("Very anxious.")])
    assert [m.kind for m in kept] == ["emotion", "topic"] and dropped == 0


KINDS: tuple[Kind, ...] = ("emotion", "topic", "belief", "challenge", "insight", "action_item")


@pytest.mark.parametrize(
    ("role", "kinds", "warnings"),
    [("client", KINDS, ()), ("practitioner", (), ()), ("unknown", ("emotion", "topic"), ("speakers_unknown",))],
)
def test_only_the_persons_own_words_are_filed(role: str, kinds: tuple[Kind, ...], warnings: tuple[str, ...]) -> None:
    kept, said = evidence.restrict([claim("anxious", kind=kind) for kind in KINDS], [moment("Very anxious.", role=role)], Care())
    assert (tuple(m.kind for m in kept), said) == (kinds, warnings)


def test_words_of_self_harm_are_no_belief_insight_or_plan() -> None:
    said = moment("I'd be better off dead. I'm going to end it all.")
    kept, _ = evidence.restrict([claim("dead", kind=kind) for kind in KINDS], [said], crisis.find([said]))
    assert [m.kind for m in kept] == ["emotion", "topic"]


def test_a_quote_gets_the_seconds_of_its_words() -> None:
    words = (Word(1.0, 1.2, 0, 1), Word(1.3, 1.6, 2, 4), Word(1.7, 2.4, 7, 8))
    transcript = Transcript(
        (Utterance("Hi.", None, 0, 0.5), Utterance("I feel anxious.", None, 1, 2.5, words), Utterance("Bye.", None, 3, 4)), "en", "whisper"
    )
    (only,) = segment(transcript)
    kept, _ = evidence.verify([claim("anxious"), claim("hi. i feel"), claim("anxious. Bye")], [only])
    assert [(m.start, m.end) for m in evidence.timed_all(kept, [only], transcript)] == [(1.7, 2.4), (0, 1.6), (1.7, 4)]
    assert evidence.timed(kept[0], only, transcript) == evidence.timed_all(kept[:1], [only], transcript)[0]


def test_text_without_a_clock_has_no_seconds() -> None:
    transcript = Transcript((Utterance("I feel anxious."),), "en", "text")
    (only,) = segment(transcript)
    kept, _ = evidence.verify([claim("anxious")], [only])
    timed = evidence.timed(kept[0], only, transcript)
    assert (timed.start, timed.end) == (None, None)
