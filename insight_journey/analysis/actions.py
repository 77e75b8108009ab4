"""What the person is going to do: "I will call my sister on Sunday". Left out: habits, fears, ideas ("maybe I could"), "I'll try that"."""

import re
from collections.abc import Iterator
from datetime import date

from insight_journey.analysis.dates import due_on
from insight_journey.analysis.sentences import Sentence, clause_end, clean, close_quotation
from insight_journey.analysis.statements import Statement, stands_alone
from insight_journey.analysis.wordings import wordings
from insight_journey.analysis.words import NO_PLAN

CONFIDENCE = {"will": 0.78, "decided": 0.78, "wish": 0.78}  # how often they were right when they were read: docs/accuracy.md
ONLY_DATED = {"wish"}  # "I want to" is a wish until it names a day
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
HABIT = re.compile(r"\b(?:usually|normally|typically|most times|every time|whenever|tend to|as always|back then|sometimes|often)\b")
POINTS_AWAY = re.compile(
    r"^(?:try to |start )?[a-z]+(?: with| to| on| into)? (?:it|that|them|those|these|this)\b|\b(?:those|these|them|it|for (?:that|this))$"
)
TENTATIVE = re.compile(r"\b(?:maybe|perhaps|probably|possibly|i (?:guess|suppose)|(?:can|could|might|would)\b[^,;:\".]*$)")
OPEN_END = re.compile(  # whom, which one, of what, it does not say
    r"\bthe new (?:routine|plan|schedule|approach|habit|system|one)\b|\bwe (?:discussed|talked about|spoke about|agreed on)\b"
    r"|^keep (?:track|going|trying|at it)(?:$| (?:and|or|with)\b)|^experiment with\b|\b(?:during|in|on|at) (?:those|these)\b"
    r"|^(?:ask|call|tell|text|email|invite|thank|visit|meet) (?:her|him|them)\b|^[a-z]+ one (?:on|in|of|for)\b|\b(?:of|on) that\b"
    r"|^keep [a-z ]+ more$|\bwhat i (?:want|need|have) to say$"
    r"|^(?:try |start )?sett?(?:ing)? (?:up )?(?:an? |some |the )?(?:[a-z]+ )?(?:reminders?|timers?|alarms?)"
    r"(?: or (?:an? )?[a-z]+)?(?: on my phone)?$"
)
AT_ONCE = re.compile(r"\b(?:right now|right away now|in a (?:second|minute|moment))\b")


def find(sentence: Sentence, text: str, today: date) -> Iterator[Statement]:
    """The intentions of a sentence of the moment `text`."""
    if sentence.asks or HABIT.search(sentence.plain):
        return
    taken = -1
    for at, name, match in _matches(sentence):
        if at < taken or not _is_plan(sentence, match):
            continue
        start, stop = sentence.start + match.start("what"), _end(sentence, match)
        said = sentence.plain[match.start("what") : stop - sentence.start]
        if stands_alone(said, POINTS_AWAY) and not (AT_ONCE.search(said) or OPEN_END.search(said)):
            taken = stop - sentence.start
            day = due_on(sentence.plain[match.start() : stop - sentence.start], today) or due_on(sentence.plain[: match.start()], today)
            if day or name not in ONLY_DATED:
                plan = clean(text[start:stop])
                yield Statement(sentence, sentence.start + at, stop, plan, CONFIDENCE[name], due_on=day.isoformat() if day else None)


def _matches(sentence: Sentence) -> list[tuple[int, str, re.Match[str]]]:
    found = [(match.start(), name, match) for name, pattern in wordings("intentions") for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda item: (item[0], -len(item[2].group())))


def _is_plan(sentence: Sentence, match: re.Match[str]) -> bool:
    """Not what is only quoted ("I could say, 'I'll check tomorrow'"), feared, imagined or no deed at all."""
    if sentence.plain.count('"', match.end()) % 2:
        return False
    rest = sentence.plain[match.start("verb") : match.start("verb") + 60]
    if match["verb"] in NO_PLAN and not PLAN_AFTER_ALL.match(rest):
        return False
    before = sentence.plain[max(0, match.start() - 60) : match.start()]
    return not (SPOILED.search(before) or TENTATIVE.search(before) or TENTATIVE.search(match.group()[: -len(match["what"])]))


def _end(sentence: Sentence, match: re.Match[str]) -> int:
    at = sentence.start + match.end()
    return close_quotation(sentence, sentence.start + match.start("what"), max(at, clause_end(sentence, at)))
