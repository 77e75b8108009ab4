"""Beliefs the person states about herself, others, the world and the future: a closed list of evaluations.

Wordings are few on purpose: open patterns ("I feel like I'm ...") were mostly metaphors when they were read.
"""

import re
from collections.abc import Iterator

from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement
from insight_journey.analysis.wordings import wordings

STATED, PLAIN = 0.8, 0.7  # "I keep thinking that ..." and the bare sentence
REJECTED = re.compile(
    r"(?:don't (?:really |actually )?(?:believe|think|feel like)(?: that)?|no longer (?:believe|think|feel|feel like)(?: that)?"
    r"|not true that|stopped (?:believing|thinking)(?: that)?|doesn't (?:mean|make)(?: that)?|isn't true that"
    r"|never (?:believed|thought)(?: that)?|used to (?:think|believe|feel like|feel)(?: that)?"
    r"|challenged(?: the)? (?:thought|belief|idea)(?: that| of|,)?) ?[\"',]*$"
)
DOUBTED = re.compile(
    r"(?:maybe|perhaps|wonder(?:ing)? (?:if|whether)|not sure (?:if|that|whether)|part of me (?:thinks|believes|says|feels)(?: that| like)?"
    r"|question(?:ing)? (?:if|whether)|doubt(?:ing)? (?:if|that|whether)|what if|sometimes i (?:think|feel|feel like)(?: that)?) ?[\"',]*$"
)
DENIED_AFTER = re.compile(
    r"^[ ,.\"']*(?:,? ?(?:but|and|though|although) )?(?:i know (?:that )?)?(?:that's|it's|that|it|this|which)(?: is)?"
    r"(?: not|n't) (?:really |actually |always |entirely |necessarily )?true\b"
)
OF_ANOTHER = re.compile(
    r"\b(?:he|she|they|you|mom|mum|mother|dad|father|boss|manager|partner|wife|husband|people|therapist)"
    r"(?: (?:always|often|once|just|really|still|keeps?|kept|has|had|have|would|used to|might|all))*"
    r" (?:say|says|said|saying|think|thinks|thought|thinking|tell|tells|told(?: me)?|telling(?: me)?|believe[sd]?|feels?|felt)"
    r"(?: me)?(?: that)?(?: like)? ?[\"',:]*$"
)
IMAGINED = re.compile(
    r"(?:\bif|\bwhen|\bwhenever|\bunless|\buntil|\bas long as|\bwhether|\bwhere|\bhow|\bwhy) (?:i think |i feel )?[\"']*$"
)
THOUGHT = re.compile(
    r"(?:think(?:ing)?|thought|believe[sd]?|believing|feel(?:s|ing)? like|felt like|tell(?:ing)? myself|told myself|know|convinced"
    r"|thoughts? (?:like|that|is|was)|voice (?:telling me|saying|that says)|afraid|worried|worry|scared|fear)(?: that)?[ ,:\"']*$"
)
CONDITION = re.compile(r"(?:^|[,;\"] ?|\b(?:that|think|like|and|but) )(?P<if>if [^,;.\"]{3,80}), (?:then )?$")
POINTS_AWAY = re.compile(r"^(?:if i (?:don't|do|can't|can|am|am not|'m not), |.*\bhandle (?:it|this)$)")
NO_MORE = re.compile(r" any ?more$")


def find(sentence: Sentence, text: str) -> Iterator[Statement]:
    """The beliefs of a sentence of the moment `text`, with category and stance (holds, doubts, rejects)."""
    taken = -1
    for code, match in _matches(sentence):
        lead = sentence.plain[max(0, match.start() - 90) : match.start()]
        if match.start() < taken or sentence.asks or OF_ANOTHER.search(lead) or (IMAGINED.search(lead) and not DOUBTED.search(lead)):
            continue
        start, stop = _span(sentence, match, lead)
        taken = stop - sentence.start
        said = NO_MORE.sub("", clean(text[start:stop]))
        if len(said.split()) <= MAX_WORDS and not POINTS_AWAY.match(said.lower()):
            confidence = STATED if THOUGHT.search(lead) else PLAIN
            yield Statement(sentence, start, stop, said, confidence, code=code, stance=_stance(sentence, lead, match.end()))


def _matches(sentence: Sentence) -> list[tuple[str, re.Match[str]]]:
    found = [(code, match) for code, pattern in wordings("beliefs") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda item: (item[1].start(), -item[1].end()))


def _span(sentence: Sentence, match: re.Match[str], lead: str) -> tuple[int, int]:
    """The statement with the condition it stands under ("If I don't get this perfect, I'll fail"), to the end of its clause."""
    condition = CONDITION.search(lead)
    start = match.start() - (len(lead) - condition.start("if") if condition else 0)
    # a wording may run past the clause: its open end takes any words
    end = min(
        max(clause_end(sentence, sentence.start + match.start() + 3), sentence.start + match.start() + 8),
        sentence.start + len(sentence.plain),
    )
    return sentence.start + start, end


def _stance(sentence: Sentence, lead: str, after: int) -> str:
    if REJECTED.search(lead) or DENIED_AFTER.search(sentence.plain[after : after + 60]):
        return "rejects"
    return "doubts" if DOUBTED.search(lead) else "holds"
