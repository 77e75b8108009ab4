"""Intentions the person states: "I will call my sister on Sunday". Habits, fears and bare "I'll try that" are left out."""

import re
from collections.abc import Iterator
from datetime import date

from insight_journey.analysis.dates import due_on
from insight_journey.analysis.sentences import Sentence, clause_end, clean
from insight_journey.analysis.statements import MAX_WORDS, Statement, content_words

CONFIDENCE = {"will": 0.75, "decided": 0.8, "wish": 0.65, "could": 0.55}
ADVERB = r"(?:(?:definitely|also|just|now|then|certainly|probably|maybe|really|simply|at least|start by|still|actually) )*"
OPENERS = (
    ("decided", r"(?:i(?:'ve| have)? (?:decided|promised(?: myself)?|committed|agreed|planned|resolved)|i(?:'m| am) (?:planning|determined|committing)|i (?:plan|intend|commit|promise(?: myself)?)|"
                r"my (?:next step|goal|plan|intention|first step|homework)(?: (?:now|for [a-z]+(?: [a-z]+)?|this week|next week))?(?: is|'s| would be)) (?:to|on) "),
    ("will", r"(?:i'll|i will|i(?:'m| am)(?: [a-z]+ly)? (?:going to|gonna)|i shall) "),
    ("wish", r"(?:i (?:want|would like|need)|i'd like) to (?=(?:start|begin|practi[sc]e|set|schedule|book|call|talk|write|ask|plan|sign|join|create|build|limit|stop|reach|make (?:a|an|sure|time|more)|try(?:ing)? [a-z]+ing)\b)"),
    ("could", r"(?:maybe |perhaps )?i (?:can|could) (?:maybe |also |start by |try to |try )*(?=(?:setting|scheduling|writing|blocking|making|asking|start|schedul|set|write|make (?:a|an)|ask|call|email|text|block|put|create|prepare|book|sign|join|list|track|reach out)(?:\b|e\b|ing\b))"),
)  # fmt: skip
PATTERNS = tuple((name, re.compile(rf"\b{opener}{ADVERB}(?P<what>(?P<verb>[a-z]+)\b)")) for name, opener in OPENERS)
NO_PLAN = frozenset(
    """be been never forget fail miss lose fall mess regret feel think know see admit say tell end have need hate love like want die always
    not probably get hear remember disappoint understand wonder believe guess assume seem enjoy ever sleep collapse burn freeze panic drop
    waste suffer become let look cry struggle embarrass hurt ruin sound happen explode snap
    notice find worry overthink procrastinate avoid break screw only often sometimes usually still give""".split()  # noqa: SIM905
)
PLAN_AFTER_ALL = re.compile(
    r"(?:get|let) (?:up|out|in touch|to bed|back to|help|rid|started|a|an|the|my|some|them know|him know|her know)\b"
    r"|have (?:a (?:talk|conversation|chat|word)|that (?:talk|conversation)|lunch|dinner|coffee)|be (?:calling|talking|starting|doing|going|meeting|taking|setting)\b"
    r"|tell (?:my|him|her|them|people|everyone)|say no|look (?:into|for|up)|never (?:again )?(?:skip|check|work|drink|smoke)|avoid [a-z]+|remember to"
    r"|give (?:myself|my|him|her|them)|find (?:a|an|time|some|someone|out)|break (?:it|them|things|the|my|down)|drop (?:off|by)|not (?:check|work|skip|open|take|answer|drink|look)"
)
SPOILED = re.compile(
    r"(?:worr(?:y|ied|ying)|afraid|scared|fear|terrified|anxious|nervous|what if|feels? like|felt like|as if|so that|otherwise|or|usually|always|often|"
    r"sometimes|normally|typically|most (?:times|days)|tend to|hope|hoping|wonder(?:ing)? if|not sure (?:if|how|what|when)|don't know (?:if|how|what|when|that)|"
    r"don't think|thinking,?|thought,?|say(?:s|ing)?,?|said,?|told|knew|until|before|when|if|whether|what|how|why|where|wish|doubt|whenever|like|unless)"
    r"(?: (?:that|maybe|then|one day))?[, \"]*$"
)
HABIT = re.compile(r"\b(?:usually|normally|typically|most times|every time|whenever|tend to|as always|back then)\b")
MANY = 2  # content words that make a plan understandable alone


def find(sentence: Sentence, text: str, today: date) -> Iterator[Statement]:
    """The intentions of a sentence of the moment `text`."""
    if sentence.asks or HABIT.search(sentence.plain):
        return
    taken = -1
    for at, end, name, match in _matches(sentence):
        if at < taken or not _is_plan(sentence, match):
            continue
        start, stop = sentence.start + match.start("what"), _end(sentence, sentence.start + match.end())
        said = sentence.plain[match.start("what") : stop - sentence.start]
        if content_words(said) >= MANY and len(said.split()) <= MAX_WORDS:
            taken = stop - sentence.start
            day = due_on(sentence.plain[match.start() : stop - sentence.start], today) or due_on(sentence.plain[: match.start()], today)
            yield Statement(
                sentence, sentence.start + at, stop, clean(text[start:stop]), CONFIDENCE[name], due_on=day.isoformat() if day else None
            )


def _matches(sentence: Sentence) -> list[tuple[int, int, str, re.Match[str]]]:
    found = [(match.start(), match.end(), name, match) for name, pattern in PATTERNS for match in pattern.finditer(sentence.plain)]
    return sorted(found, key=lambda item: item[:2])


def _is_plan(sentence: Sentence, match: re.Match[str]) -> bool:
    rest = sentence.plain[match.start("verb") : match.start("verb") + 60]
    if match["verb"] in NO_PLAN and not PLAN_AFTER_ALL.match(rest):
        return False
    return SPOILED.search(sentence.plain[max(0, match.start() - 60) : match.start()]) is None


def _end(sentence: Sentence, at: int) -> int:
    return max(at, clause_end(sentence, at))
