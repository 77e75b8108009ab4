"""Insights, only where the person states one: "I realised that ...", "it dawned on me", "I've noticed that"."""

import re
from collections.abc import Iterator

from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement, content_words
from insight_journey.analysis.wordings import wordings

CONFIDENCE = {"strong": 0.88, "noticed": 0.83}  # how often they were right when they were read: docs/accuracy.md
NOT_YET = re.compile(
    r"\b(?:(?:days?|times|moments|weeks|occasions)(?: (?:that|when|where))?|if|when|before|until|whenever|as soon as|once|want to|hope"
    r"|did|maybe) (?:then )?$"
)
BARE = re.compile(
    r"^(?:(?:that|it|this|how|what|why|the same|them|those|these|him|her|some|any)(?: too| myself| now)?$"
    r"|(?:some|more|a bit of|a little) (?!of\b))"
)
OWN = re.compile(r"^(?:i|i'm|i've|my)\b")
POINTS_BACK = re.compile(r"\b(?:it|that|this|them|so)$")  # "I can do that" says nothing without what was said before
MANY, MANY_OF_OWN = 2, 1  # content words; "I never rest" needs no second
LEAST_WORDS = 3


def find(sentence: Sentence, text: str) -> Iterator[Statement]:
    """The insights of a sentence of the moment `text`: what was realised, without the words of realising."""
    if sentence.asks:
        return
    for kind, pattern in wordings("insights"):
        for match in pattern.finditer(sentence.plain):
            if NOT_YET.search(sentence.plain[max(0, match.start() - 20) : match.start()]):
                continue
            start, stop = sentence.start + match.end(), _end(sentence, match.end())
            said = sentence.plain[match.end() : stop - sentence.start]
            if _stands_alone(said):
                yield Statement(sentence, sentence.start + match.start(), stop, clean(text[start:stop]), CONFIDENCE[kind])


def _stands_alone(said: str) -> bool:
    if not LEAST_WORDS <= len(said.split()) <= 2 * MAX_WORDS or BARE.match(said):
        return False
    if OWN.match(said) and not POINTS_BACK.search(said):
        return content_words(said) >= MANY_OF_OWN or len(said.split()) > LEAST_WORDS
    return content_words(said) >= MANY


def _end(sentence: Sentence, at: int) -> int:
    """An insight may hold a turn ("even if ..., it can ..."): it goes on to the end of a sentence that is short enough."""
    rest = sentence.plain[at:]
    whole = sentence.start + at + len(rest.rstrip(" ,.;:!?-\"'"))
    return whole if len(rest.split()) <= MAX_WORDS else clause_end(sentence, sentence.start + at)
