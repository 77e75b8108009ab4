"""Feelings that are not named, read by the emotion head (`analysis/head.py`) from the token states of a sentence.

It is trained on comments of strangers and is unsure more often than not, so it speaks only where it was seen to be right
there: of a feeling from a calibrated probability of FINE on, else of the feeling's group from GROUP on, else not at all.
Where the lexicon found a feeling the head is silent, and it adds none of a group for which the lexicon refused a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from insight_journey import taxonomy
from insight_journey.analysis import feelings
from insight_journey.analysis.head import Floats, Model
from insight_journey.analysis.readings import Reading
from insight_journey.analysis.sentences import Sentence
from insight_journey.analysis.words import HYPOTHETICAL, SELF

LABELS = "goemotions"
FINE, GROUP = 0.7, 0.7


@dataclass(frozen=True)
class Guess:
    """A feeling read in the sentence of this number: its code, how strongly it was worded, the calibrated probability."""

    sentence: int
    code: str
    intensity: int
    confidence: float


def find(reading: Reading, model: Model | None) -> Iterator[Guess]:
    """What the head says of a moment's sentences; nothing without a model or where the moment was not encoded."""
    told = [n for n, sentence in enumerate(reading.sentences) if _is_told(sentence)]
    if model is None or not reading.tokens or not told:
        return
    logits = model.logits([reading.tokens[n] for n in told])
    fine, groups = model.probabilities(logits), model.group_probabilities(logits, members(model.labels))
    for place, n in enumerate(told):
        sentence = reading.sentences[n]
        refused = feelings.groups(sentence)
        for group, code, confidence in _said(model.labels, fine[place], groups[place]):
            if group not in refused:
                yield Guess(n, code, feelings.worded(sentence), confidence)


@cache
def feelings_of(labels: tuple[str, ...]) -> dict[int, str]:
    """The codes of those labels, by number, that name a feeling: attitudes stand at the top of a group, neutral nowhere."""
    emotions = taxonomy.load("emotions")
    codes = {n: emotions.labels[LABELS][label] for n, label in enumerate(labels)}
    return {n: code for n, code in codes.items() if code is not None and emotions.get(code).parent is not None}


@cache
def members(labels: tuple[str, ...]) -> list[list[int]]:
    """The labels of each of `taxonomy.GROUPS`, by number."""
    emotions, codes = taxonomy.load("emotions"), feelings_of(labels)
    return [[n for n, code in codes.items() if emotions.get(code).group == group] for group in taxonomy.GROUPS]


def _is_told(sentence: Sentence) -> bool:
    """Whether the person tells of herself, and names no feeling: a sentence with "I" that neither asks nor imagines."""
    words = {token.word for token in sentence.tokens}
    return not sentence.asks and bool(words & SELF) and not words & HYPOTHETICAL and not feelings.find(sentence)


def _said(labels: tuple[str, ...], fine: Floats, groups: Floats) -> Iterator[tuple[str, str, float]]:
    """(group, code, probability), at most one a group: its likeliest feeling, or the group itself."""
    emotions, codes = taxonomy.load("emotions"), feelings_of(labels)
    for place, group in enumerate(taxonomy.GROUPS):
        best = max(members(labels)[place], key=lambda n: fine[n])
        if fine[best] >= FINE:
            yield group, codes[best], round(float(fine[best]), 3)
        elif groups[place] >= GROUP:
            yield group, emotions.groups[group], round(float(groups[place]), 3)
