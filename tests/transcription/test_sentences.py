"""Sentences of prose and of timed words."""

import pytest

from insight_journey.transcription.sentences import MAX_SECONDS, MAX_WORDS, PAUSE, Spoken, split, utterances


def spoken(text: str, step: float = 0.4) -> list[Spoken]:
    return [Spoken(f" {word}", round(n * step, 2), round(n * step + step - 0.1, 2)) for n, word in enumerate(text.split())]


@pytest.mark.parametrize(
    "sentences",
    [
        ["I met Dr. Kim and Mrs. J. Doe.", "We talked, e.g. about work, etc. and left."],
        ["Why?", "Because!", "Well…", "So be it."],
        ['"Why?" she asked.', "I said nothing… but smiled.", "“Go.”", "I went."],
        ["It costs 3.50 at 10 a.m. every day.", "Then I rest."],
        ["It was me and I.", "You know that."],
        ["i feel sad.", "i don't know why"],
        ["Ich kam um 5 Uhr, d.h. zu spät.", "Dann ging ich."],
        ["今日は悲しい。", "とても疲れた！", "なぜ？"],
        ["No end"],
    ],
)
def test_split(sentences: list[str]) -> None:
    assert split(" ".join(sentences)) == sentences


def test_scripts_without_spaces_are_split_too() -> None:
    assert split("今日は悲しい。とても疲れた！なぜ？") == ["今日は悲しい。", "とても疲れた！", "なぜ？"]


def test_timed_words_become_timed_sentences() -> None:
    first, second = utterances(spoken("I am sad. It rains."), "Alex")
    assert (first.text, first.speaker, first.start, first.end) == ("I am sad.", "Alex", 0.0, 1.1)
    assert (second.text, second.start, second.end) == ("It rains.", 1.2, 1.9)
    for utterance in (first, second):
        for word in utterance.words:
            said = utterance.text[word.offset : word.offset + word.length]
            assert said and " " not in said
    assert [w.start for w in second.words] == [1.2, 1.6]


def test_a_pause_ends_a_sentence() -> None:
    words = [Spoken(" I", 0, 0.2), Spoken(" think", 0.2, 0.5), Spoken(" so", 0.5 + PAUSE, 2.0)]
    assert [u.text for u in utterances(words)] == ["I think", "so"]


def test_words_of_scripts_without_spaces_are_not_spaced() -> None:
    assert [u.text for u in utterances([Spoken("今日", 0, 1), Spoken("は", 1, 2), Spoken("。", 2, 2)])] == ["今日は。"]


def test_long_sentences_are_cut_after_a_comma_and_lose_no_word() -> None:
    text = ", ".join(["and then I walked along the river for a while"] * 20)
    parts = utterances(spoken(text))
    assert " ".join(u.text for u in parts) == text
    for part in parts:
        assert len(part.words) <= MAX_WORDS and (part.end or 0) - (part.start or 0) <= MAX_SECONDS
        assert part.text.endswith((",", "while"))


def test_very_long_runs_end() -> None:
    parts = utterances(spoken("word " * 20_000))
    assert sum(len(u.words) for u in parts) == 20_000


def test_nothing_gives_nothing() -> None:
    assert split(" \n ") == [] and utterances([]) == [] and utterances([Spoken("  ", 0, 1)]) == []
