"""Difficulties the person states: "I struggle to say no", "it's hard to switch off", "I keep putting it off"."""

import re
from collections.abc import Iterator

from insight_journey.analysis.sentences import Sentence, clause_end, clean, close_quotation
from insight_journey.analysis.statements import Statement, stands_alone
from insight_journey.analysis.wordings import wordings
from insight_journey.analysis.words import PEOPLE

CONFIDENCE = 0.80  # how often they were right when they were read: docs/accuracy.md
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
OPEN_END = re.compile(  # of what, it does not say
    r"\b(?:forg[eo]t(?:ting)?|remember|stop)(?:$| (?:when|if|sometimes|or|and|until|at times|because|once|too)\b)"
    r"|\b(?:do|doing|start|starting|try|trying) (?:it|that|this|so)\b|\b(?:to|with|of|about|into) (?:it|them)\b"
    r"|^that's\b|\bthe (?:next|other) one\b|\bthe (?:task|project|moment|chunks?|steps?)$"
    r"|\bdoubt(?:ing)? my (?:approach|work|ideas?|plans?|decisions?|choices?)$|\bthe feeling (?:that )?i [a-z]+$|\bto (?:really )?unload$"
)
OF_SOMEBODY = re.compile(r"\b(?:his|him|her|hers|he|she)\b")
ADJUNCT = re.compile(
    r"^, (?:even|especially|mostly|particularly) (?:after|at|on|in|during|before|late|around) [^,;.:\"()]{2,40}(?=$|[,;.!?:])"
)


def find(sentence: Sentence, text: str) -> Iterator[Statement]:
    """The challenges of a sentence of the moment `text`; severity 1..3 by wording."""
    if sentence.asks:
        return
    taken = -1
    for match in _matches(sentence):
        if match.start() < taken or DENIED.search(sentence.plain[max(0, match.start() - 30) : match.start()]):
            continue
        start, stop = _span(sentence, match)
        said = sentence.plain[match.start() : stop - sentence.start]
        if IDIOM.search(said[: len(match.group()) + 12]) or OPEN_END.search(said) or not _is_whole(said):
            continue
        taken = stop - sentence.start
        severity = _severity(_degree(sentence, match.start()) + said)
        yield Statement(sentence, start, stop, clean(text[start:stop]), CONFIDENCE, severity=severity)


def _span(sentence: Sentence, match: re.Match[str]) -> tuple[int, int]:
    start, stop = sentence.start + match.start(), sentence.start + match.end()
    end = close_quotation(sentence, start, max(stop, clause_end(sentence, stop - 1)))
    adjunct = ADJUNCT.match(sentence.plain[end - sentence.start :])
    return start, end + (adjunct.end() if adjunct else 0)


def _is_whole(said: str) -> bool:
    """Whether it can be understood alone: "his safety" only where it says whose."""
    somebody = OF_SOMEBODY.search(said)
    is_named = not somebody or bool(PEOPLE & set(said[: somebody.start()].split()))
    return is_named and stands_alone(said, POINTS_AWAY)


def _degree(sentence: Sentence, at: int) -> str:
    """ "Sometimes" and the like right before the statement."""
    return " ".join(word for word in sentence.plain[max(0, at - 24) : at].split()[-2:] if WEAK.fullmatch(word)) + " "


def _severity(said: str) -> int:
    return 2 + bool(STRONG.search(said)) - bool(WEAK.search(said))


def _matches(sentence: Sentence) -> list[re.Match[str]]:
    found = [match for _, pattern in wordings("challenges") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda match: (match.start(), -match.end()))
