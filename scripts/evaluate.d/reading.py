"""What the tasks ask of the product: its encoder, its emotion head, and the group of any word for a feeling."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import tables

from insight_journey import encoder, taxonomy
from insight_journey.analysis import feelings, head
from insight_journey.analysis.head import Floats, Model
from insight_journey.analysis.sentences import sentences

STRETCH = 512  # texts encoded together
NOTHING = ("", "-", "none", "nan", "null", "neutral", "no emotion", "no_emotion")


def model() -> Model:
    """The shipped head. Raises Unusable where there is none."""
    found = head.get()
    if found is None:
        raise tables.Unusable("the emotion head is not usable: see the log")
    return found


def encoded() -> encoder.Encoder:
    """The encoder of the package. Raises Unusable where there is none."""
    found = encoder.get(None)
    if found is None:
        raise tables.Unusable("the text encoder is not usable: see the log")
    return found


def logits(texts: Sequence[str]) -> Floats:
    """[texts, labels] of the head."""
    heads, minilm = model(), encoded()
    stretches = (texts[start : start + STRETCH] for start in range(0, len(texts), STRETCH))
    return np.concatenate([heads.logits(minilm.encode(stretch).tokens) for stretch in stretches])


@cache
def group(word: str) -> str | None:
    """The group of feeling that a word stands for: a group, a code or name of the taxonomy, a label of the head, a word of the lexicon."""
    emotions, spaced = taxonomy.load("emotions"), " ".join(re.split(r"[\s_-]+", word.strip().lower()))
    if spaced in taxonomy.GROUPS:
        return spaced
    code = word.strip().lower() if emotions.belongs(word.strip().lower()) else _names().get(spaced) or _named(spaced)
    return emotions.get(code).group if code else None


def tell_unknown(task: str, words: Iterable[str]) -> None:
    """Name the labels that stand for nothing here."""
    if counted := Counter(words):
        named = ", ".join(f"{word} ({times})" for word, times in counted.most_common())
        print(f"evaluate: {task}: {counted.total()} labels that are not known: {named}", file=sys.stderr)


@cache
def _names() -> dict[str, str]:
    """Codes by the names of categories, the deeper before the higher, and by the head's labels."""
    emotions = taxonomy.load("emotions")
    named = {category.name.lower(): category.code for category in sorted(emotions.categories.values(), key=lambda each: each.level)}
    return {label: code for label, code in emotions.labels["goemotions"].items() if code} | named


def _named(phrase: str) -> str | None:
    found = sentences(phrase)
    hits = list(feelings.lexicon().find(found[0].tokens)) if found else []
    return next((word.code for first, last, word in hits if (first, last) == (0, len(found[0].tokens))), None)
