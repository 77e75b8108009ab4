"""Difficulties the person states: "I struggle to say no", "it's hard to switch off", "I keep putting it off"."""

import re
from collections.abc import Iterator

from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement, content_words
from insight_journey.analysis.wordings import wordings

CONFIDENCE = 0.75
DENIED = re.compile(
    r"\b(?:not|isn't|wasn't|n't|never|less|no longer|used to|without|if|would|might|don't|stop(?:ped)?|instead of|when)"
    r" (?:be |as |that |so |like )*$"
)
IDIOM = re.compile(
    r"to (?:say(?! no\b)|tell(?! (?:my|him|her|them|people)\b)|know|explain|describe|believe|imagine|see how|put into words"
    r"|pinpoint|predict|argue)\b"
)
POINTS_AWAY = re.compile(r"\b(?:it|them|these|those|this|that)(?:$| (?:when|sometimes|regularly|too|because|after|off|on|up|down|out)\b)")
STRONG = re.compile(
    r"\b(?:really|so|very|always|constantly|impossible|can't|cannot|never|every (?:time|day|night)|extremely|incredibly|too|super"
    r"|all the time)\b"
)
WEAK = re.compile(r"\b(?:a bit|a little|sometimes|slightly|kind of|occasionally|at times|somewhat|once in a while)\b")
MANY, MANY_WITH_POINTER = 2, 4  # content words; more where "it" or "them" points out of the statement


def find(sentence: Sentence, text: str) -> Iterator[Statement]:
    """The challenges of a sentence of the moment `text`; severity 1..3 by wording."""
    if sentence.asks:
        return
    taken = -1
    for match in _matches(sentence):
        if match.start() < taken or DENIED.search(sentence.plain[max(0, match.start() - 30) : match.start()]):
            continue
        start, stop = (
            sentence.start + match.start(),
            max(sentence.start + match.end(), clause_end(sentence, sentence.start + match.end() - 1)),
        )
        said = sentence.plain[match.start() : stop - sentence.start]
        if IDIOM.search(said[: len(match.group()) + 12]) or not _stands_alone(said):
            continue
        taken = stop - sentence.start
        yield Statement(
            sentence,
            start,
            stop,
            clean(text[start:stop]),
            CONFIDENCE,
            severity=_severity(_degree(sentence, match.start()) + said),
        )


def _stands_alone(said: str) -> bool:
    least = MANY_WITH_POINTER if POINTS_AWAY.search(said) else MANY
    return len(said.split()) <= MAX_WORDS and content_words(said) >= least


def _degree(sentence: Sentence, at: int) -> str:
    """ "Sometimes" and the like right before the statement."""
    return " ".join(word for word in sentence.plain[max(0, at - 24) : at].split()[-2:] if WEAK.fullmatch(word)) + " "


def _severity(said: str) -> int:
    return 2 + bool(STRONG.search(said)) - bool(WEAK.search(said))


def _matches(sentence: Sentence) -> list[re.Match[str]]:
    found = [match for _, pattern in wordings("challenges") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda match: (match.start(), -match.end()))
