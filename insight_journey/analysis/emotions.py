"""Feelings that are not named, read by the emotion head (`analysis/head.py`) from the token states of a sentence.

It is trained on comments of strangers and is unsure more often than not, so it speaks only where it was seen to be right
there: of a feeling from a calibrated probability of FINE on, else of the feeling's group from GROUP on, else not at all.
A sentence with any word of the lexicon is the lexicon's to judge: there the head is silent, whether it was found or refused.
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
# The first tenths from which on nine of ten were right, in texts of GoEmotions' train split that the heads had not learnt from
FINE, GROUP = 0.8, 0.8
FORMULAS = frozenset({"thanks", "thank"})  # said out of politeness where a sentence opens with them


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
        for code, confidence in _said(model.labels, fine[place], groups[place]):
            yield Guess(n, code, feelings.worded(reading.sentences[n]), confidence)


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
    """Whether the person tells of herself and has no word for a feeling: a sentence with "I" that neither asks nor imagines."""
    words = [token.word for token in sentence.tokens]
    if sentence.asks or FORMULAS.intersection(words[:3]) or HYPOTHETICAL.intersection(words):
        return False
    return bool(SELF.intersection(words)) and not feelings.has_words(sentence)


def _said(labels: tuple[str, ...], fine: Floats, groups: Floats) -> Iterator[tuple[str, float]]:
    """(code, probability), at most one a group: its likeliest feeling, or the group itself."""
    emotions, codes = taxonomy.load("emotions"), feelings_of(labels)
    for place, group in enumerate(taxonomy.GROUPS):
        best = max(members(labels)[place], key=lambda n: fine[n])
        if fine[best] >= FINE:
            yield codes[best], round(float(fine[best]), 3)
        elif groups[place] >= GROUP:
            yield emotions.groups[group], round(float(groups[place]), 3)
