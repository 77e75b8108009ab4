"""Words as numbers: what is the same word, what tells, what is quoted."""

import pytest

from insight_journey.search import words


def test_it_works() -> None:
    assert words.words("My sister's worries, again!") == ["my", "sister", "worry", "again"]


@pytest.mark.parametrize(("one", "other"), [
    ("PRIYA", "Priya’s"), ("José", "jose"), ("friends", "friend"), ("worries", "worry"), ("ﬁnd", "find"), ("Straße", "STRASSE"),
])  # fmt: skip
def test_the_same_word_has_the_same_number(one: str, other: str) -> None:
    assert words.hashes(words.words(one)).tolist() == words.hashes(words.words(other)).tolist() != []


@pytest.mark.parametrize(("one", "other"), [("boss", "bos"), ("princess", "princes"), ("bus", "bu"), ("gas", "ga"), ("Anna", "Anne")])
def test_other_words_have_other_numbers(one: str, other: str) -> None:
    assert words.words(one) != words.words(other)


def test_what_tells_leaves_out_how_it_is_said() -> None:
    assert words.telling("When I was with Tom and the dogs, Tom didn't bark.") == ["tom", "dog", "bark"]
    assert words.telling("when was I there with you") == []


@pytest.mark.parametrize("text", ['it said "not good enough" again', "it said “not good enough” again"])
def test_phrases_stand_in_quotation_marks(text: str) -> None:
    assert words.phrases(text) == [["not", "good", "enough"]]


@pytest.mark.parametrize("text", ["", "...", "🙂", '""', '"', "\udcff"])
def test_no_words_are_no_problem(text: str) -> None:
    assert words.words(text) == words.phrases(text) == []
    assert words.hashes([]).dtype == "uint32"
