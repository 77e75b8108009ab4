"""What the free-text rules share: a statement found in a sentence, and whether it can be understood alone."""

from dataclasses import dataclass

from insight_journey.analysis.sentences import TOKEN, Sentence
from insight_journey.analysis.words import FILLERS

MAX_WORDS = 26


@dataclass(frozen=True)
class Statement:
    """A free-text element in a sentence. [start, end) in the moment is what proves it, `text` how it reads alone."""

    sentence: Sentence
    start: int
    end: int
    text: str
    confidence: float
    code: str | None = None
    stance: str | None = None
    severity: int | None = None
    due_on: str | None = None


def content_words(plain: str) -> int:
    """How many different words carry meaning of their own: no function words, light verbs or fillers."""
    return len({word for word in TOKEN.findall(plain) if word not in FILLERS and len(word) > 1})
