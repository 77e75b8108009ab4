"""Beliefs the person states about herself, others, the world and the future: a closed list of evaluations.

Wordings are few on purpose: open patterns ("I feel like I'm ...") were mostly metaphors when they were read.
"""

import re
from collections.abc import Iterator

from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement
from insight_journey.analysis.wordings import wordings

CONFIDENCE = 0.82  # how often they were right when they were read: docs/accuracy.md
REJECTED = re.compile(
    r"(?:don't (?:really |actually )?(?:believe|think|feel like)(?: that)?|no longer (?:believe|think|feel|feel like)(?: that)?"
    r"|not true that|stopped (?:believing|thinking)(?: that)?|doesn't (?:mean|make)(?: that)?|isn't true that"
    r"|never (?:believed|thought)(?: that)?|used to (?:think|believe|feel like|feel)(?: that)?"
    r"|challenged(?: the)? (?:thought|belief|idea)(?: that| of|,)?) ?[\"',]*$"
)
DOUBTED = re.compile(
    r"(?:maybe|perhaps|wonder(?:ing)? (?:if|whether)|not sure (?:if|that|whether)|part of me (?:thinks|believes|says|feels)(?: that| like)?"
    r"|question(?:ing)? (?:if|whether)|hard(?:er)? to (?:really |fully )?believe(?: that)?"
    r"|doubt(?:ing)? (?:if|that|whether)|what if|sometimes i (?:think|feel|feel like)(?: that)?) ?[\"',]*$"
)
DENIED_AFTER = re.compile(
    r"^[ ,.\"']*(?:,? ?(?:but|and|though|although) )?(?:i know (?:that )?)?(?:that's|it's|that|it|this|which)(?: is)?"
    r"(?: not|n't) (?:really |actually |always |entirely |necessarily )?true\b"
)
OF_ANOTHER = re.compile(
    r"\b(?:he|she|they|you|mom|mum|mother|dad|father|boss|manager|partner|wife|husband|people|everyone|everybody|others|therapist)"
    r"(?:'ll|'d| (?:always|often|once|just|really|still|keeps?|kept|has|had|have|will|would|used to|might|all))*"
    r" (?:say|says|said|saying|think|thinks|thought|thinking|tell|tells|told(?: me)?|telling(?: me)?|believe[sd]?|feels?|felt|sees?|saw)"
    r"(?: me)?(?: that)?(?: like)? ?[\"',:]*$"
)
IMAGINED = re.compile(
    r"(?:\bif|\bwhen|\bwhenever|\bunless|\buntil|\bas long as|\bwhether|\bwhere|\bhow|\bwhy) (?:i think |i feel )?[\"']*$"
    r"|\bi (?:can|could|should|might)(?: also| try to)? (?:think|say|tell myself|remind myself)\b[^.]*$"
)
CONDITION = re.compile(
    r"(?:^|[,;\"] ?|\b(?:that|think|like|and|but) )(?P<if>(?:if|when|whenever|unless) [^,;.\"]{3,80}), "
    r"(?:then )?(?:(?:it (?:just )?(?:feels|seems) like|i (?:just )?(?:feel like|think|feel)) (?:that )?)?$"
)
THREAT = re.compile(
    r"^, (?:or|otherwise) (?:else )?(?:i|they|people|everyone|everybody|nobody|no one)(?:'ll| will| would|'d) [^,;.\"]{3,60}"
)
PREDICTED = re.compile(
    r"^(?:i(?:'ll|'d| will| would|'m going to| am going to|'m gonna)"
    r"|(?:everyone|everybody|people|others|all of them)(?:'ll| will| would|'d| are going to))\b"
)
PREDICTIONS = ("others.approval", "future.success")
GENERAL = re.compile(r"\b(?:if|when|whenever|unless|once|no matter|always|never|every time|all)\b")
POINTS_AWAY = re.compile(
    r"^(?:if i (?:don't|do|can't|can|am|am not|'m not), |.*\bhandle (?:it|this)$|.*\b(?:the next one|for (?:this|it|that))$"
    r"|.*\bfailing (?:him|her|them)\b|they\b|i(?:'m| am)(?: just)? failing$|.*\b(?:either|both) (?:sides?|ends|of them)\b"
    r"|(?:if|when|whenever|unless) [^,]* (?:do|did|say|said|finish|start|try) (?:it|this|that)(?: now| again| soon| today)?,)"
)
ANOTHER = re.compile(r" (?:or|and) that (?:i|i'm|i'll|my|they|people|everyone)\b")  # begins a belief of its own
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
        if _is_whole(said.lower(), code):
            yield Statement(sentence, start, stop, said, CONFIDENCE, code=code, stance=_stance(sentence, lead, match.end(), taken))


def _is_whole(said: str, code: str) -> bool:
    """Whether it can be understood alone, and a prediction is more than a worry about one event: it says when, or always."""
    is_worry = code in PREDICTIONS and PREDICTED.match(said) and not GENERAL.search(said)
    return len(said.split()) <= MAX_WORDS and not is_worry and not POINTS_AWAY.match(said)


def _matches(sentence: Sentence) -> list[tuple[str, re.Match[str]]]:
    found = [(code, match) for code, pattern in wordings("beliefs") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda item: (item[1].start(), -item[1].end()))


def _span(sentence: Sentence, match: re.Match[str], lead: str) -> tuple[int, int]:
    """The statement with its condition ("If I don't get this perfect, I'll fail") or threat (", or I'll fail"), to its clause's end."""
    condition = CONDITION.search(lead)
    start = match.start() - (len(lead) - condition.start("if") if condition else 0)
    # a wording may run past the clause: its open end takes any words
    end = min(
        max(clause_end(sentence, sentence.start + match.start() + 3), sentence.start + match.start() + 8),
        sentence.start + len(sentence.plain),
    )
    another = ANOTHER.search(sentence.plain, match.start(), end - sentence.start)
    if another:
        return sentence.start + start, sentence.start + another.start()
    threat = THREAT.match(sentence.plain[end - sentence.start :])
    return sentence.start + start, end + (threat.end() if threat else 0)


def _stance(sentence: Sentence, lead: str, *ends: int) -> str:
    """`ends`: where the wording and its clause end; what denies it may follow either."""
    if REJECTED.search(lead) or any(DENIED_AFTER.search(sentence.plain[end : end + 60]) for end in ends):
        return "rejects"
    return "doubts" if DOUBTED.search(lead) else "holds"
