"""What the free-text rules share: a statement found in a sentence, and whether it can be understood alone."""

import re
from dataclasses import dataclass

from insight_journey.analysis.sentences import TOKEN, Sentence
from insight_journey.analysis.words import FILLERS

MAX_WORDS = 26
MANY, MANY_WITH_POINTER = 2, 4  # content words that make a statement understandable; more where something points out of it
THAT_ONE = re.compile(
    r"\b(?:those|these|(?:that|this) (?:[a-z-]+ )?(?:loop|cycle|space|mindset|belief|stuff|time|pattern|habit|step|task|exercise|process"
    r"|idea|feeling|thought|list|block|plan|goal|routine|one|method|technique|approach|conversation|thing)s?\b"
    r"(?! (?:of|where|that|when)\b))"
)
POINTS_BACK = re.compile(r"\b(?:those|these) (?!(?:[a-z-]+ ){1,2}(?:of|where|that|when|who|i)\b)")  # whatever follows was named before


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


def stands_alone(said: str, points_away: re.Pattern[str]) -> bool:
    """Whether a statement (plain) can be understood by itself; `points_away`: what the kind's own wordings leave open."""
    if POINTS_BACK.search(said):
        return False
    least = MANY_WITH_POINTER if points_away.search(said) or THAT_ONE.search(said) else MANY
    return len(said.split()) <= MAX_WORDS and content_words(said) >= least


def content_words(plain: str) -> int:
    """How many different words carry meaning of their own: no function words, light verbs or fillers."""
    return len({word for word in TOKEN.findall(plain) if word not in FILLERS and len(word) > 1})
