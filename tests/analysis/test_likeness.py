"""Which words of two wordings speak against their being the same."""

import pytest

from insight_journey.analysis.likeness import is_compatible


def test_it_works() -> None:
    assert is_compatible("I must be perfect", "I have to be perfect")
    assert not is_compatible("I must be perfect", "I don't have to be perfect")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I'm not good enough", "I am never good enough"),
        ("Nobody understands me", "No one really understands me"),
        ("I can't trust people", "You can’t trust anyone"),
        ("It's hard to say no", "I struggle to say no"),
        ("I kept procrastinating", "I tend to procrastinate"),
        ("I find it hard to disconnect", "It's hard to unplug completely"),
        ("I keep checking my phone", "I keep checking my phone at night"),
        ("Call my mom", "I should call my mother"),
        ("I have to prove myself", "I always need to prove myself"),
        ("I've got to be brave", "I should be brave"),
        ("Visit my uncle", "Visit my uncle on Tuesday"),
        ("I get tired in the afternoon", "I get tired in the afternoons quite regularly"),
        ("My sleep gets worse when I drink coffee", "I sleep worse when I drink coffee"),
    ],
)
def test_the_same_in_other_words(one: str, other: str) -> None:
    assert is_compatible(one, other) and is_compatible(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I deserve love", "I don't deserve love"),  # denied
        ("I can trust people", "I can trust nobody"),
        ("Call my sister", "Call my brother"),  # one word in place of another
        ("Call Anna", "Call Ruth"),
        ("Call my sister on Sunday", "Call my sister on Monday"),
        ("Walk for 10 minutes", "Walk for 20 minutes"),
        ("My sleep gets better with coffee", "My sleep gets worse with coffee"),
        ("I'm capable", "I'm incapable"),
        ("People hurt me when I trust", "I trust people when I hurt"),  # another order
        ("I forget", "I forget to take my pills in the morning"),  # many details more
        ("I work too much at night", "I work too little at night"),  # a word that turns it
        ("Go for a walk", "Go for a walk after work"),
        ("I stick to the schedule", "I struggle to stick to the schedule"),
        ("I'm more in control", "I want to be more in control"),
        ("It's hard to prioritize", "It's hard to prioritize myself"),
        ("I'm not cut out for this", "I'm not cut out for leadership"),  # stands for what is not said
        ("I get stuck in this cycle", "I get stuck in that cycle"),  # which?
        ("I can practise that", "I could practise that"),
        ("Clean the kitchen", "Clean the kitchen at my mother's"),  # narrower
        ("I feel proud of myself", "I feel proud of myself about the exam"),
        ("I skip meals", "I skip meals or drink too much coffee"),
        ("I get good marks", "I got good marks"),  # once
        ("I write a diary", "I'll write a diary"),  # not yet
        ("I'm perfect", "I must be perfect"),
        ("I'm not doing enough", "I'm not enough"),
        ("I did better", "I should have done better"),
        ("I am", "I do"),  # nothing that carries meaning
        ("", ""),
    ],
)
def test_what_says_something_else(one: str, other: str) -> None:
    assert not is_compatible(one, other) and not is_compatible(other, one)
