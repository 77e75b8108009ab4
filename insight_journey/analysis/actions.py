"""Intentions the person states: "I will call my sister on Sunday". Habits, fears and bare "I'll try that" are left out."""

import re
from collections.abc import Iterator
from datetime import date

from insight_journey.analysis.dates import due_on
from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement, content_words
from insight_journey.analysis.wordings import wordings
from insight_journey.analysis.words import NO_PLAN

CONFIDENCE = {"will": 0.75, "decided": 0.8, "wish": 0.65, "could": 0.55}
PLAN_AFTER_ALL = re.compile(
    r"(?:get|let) (?:up|out|in touch|to bed|back to|help|rid|started|a|an|the|my|some|them know|him know|her know)\b"
    r"|have (?:a (?:talk|conversation|chat|word)|that (?:talk|conversation)|lunch|dinner|coffee)"
    r"|be (?:calling|talking|starting|doing|going|meeting|taking|setting)\b|tell (?:my|him|her|them|people|everyone)|say no"
    r"|look (?:into|for|up)|never (?:again )?(?:skip|check|work|drink|smoke)|avoid [a-z]+|remember to|give (?:myself|my|him|her|them)"
    r"|find (?:a|an|time|some|someone|out)|break (?:it|them|things|the|my|down)|drop (?:off|by)"
    r"|not (?:check|work|skip|open|take|answer|drink|look)"
)
SPOILED = re.compile(
    r"(?:worr(?:y|ied|ying)|afraid|scared|fear|terrified|anxious|nervous|what if|feels? like|felt like|as if|so that|otherwise|or|usually"
    r"|always|often|sometimes|normally|typically|most (?:times|days)|tend to|hope|hoping|wonder(?:ing)? if|not sure (?:if|how|what|when)"
    r"|don't know (?:if|how|what|when|that)|don't think|thinking,?|thought,?|say(?:s|ing)?,?|said,?|told|knew|until|before|when|if|whether"
    r"|and that|or that|what|how|why|where|wish|doubt|whenever|like|unless)(?: (?:that|maybe|then|one day))?[, \"]*$"
)
HABIT = re.compile(r"\b(?:usually|normally|typically|most times|every time|whenever|tend to|as always|back then)\b")
POINTS_AWAY = re.compile(
    r"^(?:try to |start )?[a-z]+(?: with| to| on| into)? (?:it|that|them|those|these|this)\b|\b(?:those|these|them|it)$"
)
MANY, MANY_WITH_POINTER = 2, 4  # content words that make a plan understandable; more where "it" or "that" points out of it


def find(sentence: Sentence, text: str, today: date) -> Iterator[Statement]:
    """The intentions of a sentence of the moment `text`."""
    if sentence.asks or HABIT.search(sentence.plain):
        return
    taken = -1
    for at, name, match in _matches(sentence):
        if at < taken or not _is_plan(sentence, match):
            continue
        start, stop = sentence.start + match.start("what"), _end(sentence, sentence.start + match.end())
        said = sentence.plain[match.start("what") : stop - sentence.start]
        if _stands_alone(said):
            taken = stop - sentence.start
            day = due_on(sentence.plain[match.start() : stop - sentence.start], today) or due_on(sentence.plain[: match.start()], today)
            yield Statement(
                sentence, sentence.start + at, stop, clean(text[start:stop]), CONFIDENCE[name], due_on=day.isoformat() if day else None
            )


def _matches(sentence: Sentence) -> list[tuple[int, str, re.Match[str]]]:
    found = [(match.start(), name, match) for name, pattern in wordings("intentions") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda item: (item[0], -len(item[2].group())))


def _is_plan(sentence: Sentence, match: re.Match[str]) -> bool:
    rest = sentence.plain[match.start("verb") : match.start("verb") + 60]
    if match["verb"] in NO_PLAN and not PLAN_AFTER_ALL.match(rest):
        return False
    return SPOILED.search(sentence.plain[max(0, match.start() - 60) : match.start()]) is None


def _stands_alone(said: str) -> bool:
    least = MANY_WITH_POINTER if POINTS_AWAY.search(said) else MANY
    return len(said.split()) <= MAX_WORDS and content_words(said) >= least


def _end(sentence: Sentence, at: int) -> int:
    return max(at, clause_end(sentence, at))
