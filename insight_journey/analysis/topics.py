"""What a moment is about, by the cues of the topic taxonomy. A text encoder takes this over where one is installed."""

from dataclasses import dataclass
from functools import cache

from insight_journey import taxonomy
from insight_journey.analysis.phrases import Phrases
from insight_journey.analysis.sentences import Sentence

MOST = 3  # topics a moment
# One cue alone, two of them (or one phrase), more; not yet calibrated.
CONFIDENCE = ((1.0, 0.55), (2.0, 0.7), (3.0, 0.8))


@dataclass(frozen=True)
class Topic:
    """A topic of a moment; the evidence is the cue in `sentence`, [start, end) in the moment's text."""

    code: str
    sentence: Sentence
    start: int
    end: int
    confidence: float


@cache
def cues() -> Phrases[str]:
    """Cue phrase -> topic code, from the taxonomy."""
    categories = taxonomy.load("topics").categories.values()
    return Phrases((cue, category.code) for category in categories for cue in category.cues)


def find(sentences: list[Sentence]) -> list[Topic]:
    """The few topics that a moment's sentences point at most, strongest first; ties in the order they were said."""
    hits: dict[str, list[tuple[float, Sentence, int, int]]] = {}
    for sentence in sentences:
        for first, last, code in cues().find(sentence.tokens):
            words = sentence.tokens[first].start, sentence.tokens[last - 1].end
            hits.setdefault(code, []).append((2.0 if last - first > 1 else 1.0, sentence, *words))
    ranked = sorted(hits.items(), key=lambda item: -sum(hit[0] for hit in item[1]))[:MOST]
    return [_topic(code, found) for code, found in ranked]


def _topic(code: str, found: list[tuple[float, Sentence, int, int]]) -> Topic:
    score = sum(hit[0] for hit in found)
    _, sentence, start, end = max(found, key=lambda hit: hit[0])
    return Topic(code, sentence, start, end, [value for least, value in CONFIDENCE if score >= least][-1])
