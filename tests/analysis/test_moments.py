import pytest

from insight_journey.analysis.moments import MAX_SECONDS, MAX_WORDS, segment
from insight_journey.transcription.base import Transcript, Utterance, Word


def talk(*utterances: Utterance, **fields: object) -> Transcript:
    return Transcript(tuple(utterances), "en", "text", **fields)  # type: ignore[arg-type]


def said(text: str, start: float, end: float, speaker: str | None = None) -> Utterance:
    words, at = text.split(" "), 0
    pace, timed = (end - start) / len(words), []
    for n, word in enumerate(words):
        timed.append(Word(start + n * pace, start + (n + 1) * pace, at, len(word)))
        at += len(word) + 1
    return Utterance(text, speaker, start, end, tuple(timed))


def test_it_works() -> None:
    transcript = talk(
        said("I slept badly.", 0, 2), said("I was worried.", 2, 4), said("Now I feel calm.", 5, 7), said("That is all.", 8, 9)
    )
    first, second = segment(transcript)
    assert (first.text, first.position, first.start, first.end) == ("I slept badly. I was worried. Now I feel calm.", 0, 0, 7)
    assert (second.text, second.position, second.start, second.end) == ("That is all.", 1, 8, 9)
    assert all(transcript.text[m.char_start : m.char_end] == m.text for m in (first, second))
    assert first.role == "client"
    assert segment(transcript) == (first, second)


def test_no_moment_spans_two_speakers_and_each_has_its_role() -> None:
    transcript = talk(
        Utterance("How are you?", "Dr. Lee"), Utterance("Fine.", "Ann"), Utterance("Really.", "Ann"), Utterance("Good.", "Dr. Lee"),
        roles={"Ann": "client", "Dr. Lee": "practitioner"},
    )  # fmt: skip
    assert [(m.text, m.speaker, m.role) for m in segment(transcript)] == [
        ("How are you?", "Dr. Lee", "practitioner"), ("Fine. Really.", "Ann", "client"), ("Good.", "Dr. Lee", "practitioner"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("speakers", "roles"),
    [((None, None), ["client"]), (("S1", "S1"), ["client"]), (("S1", "S2"), ["unknown", "unknown"]), (("S1", None), ["client", "client"])],
)
def test_nobody_is_guessed_to_be_the_client(speakers: tuple[str | None, str | None], roles: list[str]) -> None:
    transcript = talk(Utterance("One.", speakers[0]), Utterance("Two.", speakers[1]))
    assert [moment.role for moment in segment(transcript)] == roles


def test_a_moment_is_short_in_words_and_in_time() -> None:
    transcript = talk(*[said(" ".join(["word"] * 25) + ".", n * 8, n * 8 + 8) for n in range(6)])
    moments = segment(transcript)
    assert [len(m.text.split()) for m in moments] == [50, 50, 50]
    slow = talk(*[said("Very slow words.", n * 14, n * 14 + 14) for n in range(5)])
    assert [(m.start, m.end) for m in segment(slow)] == [(0, 28), (28, 56), (56, 70)]


def test_a_long_utterance_is_cut_at_clauses_and_nothing_is_lost() -> None:
    text = "I went out, and I saw the sea. " * 30
    transcript = talk(Utterance("Hello."), said(text.strip(), 10, 130), Utterance("Bye."))
    moments = segment(transcript)
    assert "".join("".join(m.text.split()) for m in moments) == "".join(transcript.text.split())
    assert max(len(m.text.split()) for m in moments) <= MAX_WORDS
    assert all(m.text[-1] in ".," for m in moments)
    assert all((m.end or 0) - (m.start or 0) <= MAX_SECONDS for m in moments)
    times = [m.start for m in moments if m.start is not None]
    assert times == sorted(times) and times[0] == 10


def test_a_written_turn_is_not_cut_by_the_clock_beside_it() -> None:
    text = "I was tired, and then I slept. " * 4
    turns = talk(*(Utterance(text.strip(), "Alex", minute * 60, minute * 60 + 300) for minute in (0, 0, 5)))
    assert [(m.text.count("tired"), m.start, m.end) for m in segment(turns)] == [(8, 0, 300), (4, 300, 600)]


def test_text_without_spaces_is_cut_too() -> None:
    moments = segment(talk(Utterance("私はとても不安です。" * 700)))
    assert len(moments) > 1 and "".join(m.text for m in moments) == "私はとても不安です。" * 700


def test_empty_and_blank_utterances_have_no_moment() -> None:
    assert segment(talk()) == ()
    assert segment(talk(Utterance("  \n"))) == ()
    spaced = talk(Utterance("One. "), Utterance(""), Utterance(" Two."))
    (moment,) = segment(spaced)
    assert spaced.text[moment.char_start : moment.char_end] == moment.text and moment.text.split() == ["One.", "Two."]
