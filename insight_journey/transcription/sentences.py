"""Sentences: cut from prose, or built from timed words. Pure and deterministic.

A sentence ends at `.`, `!`, `?`, an ellipsis or their full-width kin, with what closes after it, unless the point belongs to a
title or abbreviation, an initial or a number, or the next word goes on in lower case. Spoken words also end one at a pause of
PAUSE seconds. One longer than MAX_WORDS words or MAX_SECONDS is cut after a comma, at its longest pause, else anywhere.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from insight_journey.transcription.base import Utterance, Word

PAUSE = 1.2
MAX_WORDS = 40
MAX_SECONDS = 25.0
CLOSERS = "\"'”’»)]}*_"
ENDING = re.compile(rf"(?:[.!?…]+|[。！？]+)[{re.escape(CLOSERS)}]*$")
UNSPACED_END = re.compile(r"(?<=[。！？])(?=[^\s。！？」』”’)])")
TITLES = "dr mr mrs ms mx prof rev st capt sgt lt hon hr fr mme mlle sra e.g i.e cf vs z.b d.h"
SHORT = "sr jr etc approx dept no vol fig al inc ltd co gen col u.a bzw usw ca nr str ph.d m.d b.a m.a p.s a.m p.m"
NEVER_LAST = frozenset(TITLES.split())  # what they shorten always goes on
ABBREVIATIONS = NEVER_LAST | frozenset(SHORT.split())
OPENERS = "\"'“‘„«([{*_"
INITIAL = re.compile(r"^[A-ZÀ-Þ]$")


@dataclass(frozen=True)
class Spoken:
    """One timed word as an engine gives it: `text` with the space before it, `start` and `end` in seconds."""

    text: str
    start: float
    end: float


def split(text: str) -> list[str]:
    """The sentences of a paragraph, white space made single. Together they hold every word, in order."""
    tokens = UNSPACED_END.sub(" ", text).split()
    sentences: list[list[str]] = [[]]
    for index, token in enumerate(tokens):
        sentences[-1].append(token)
        if ends(token, tokens[index + 1] if index + 1 < len(tokens) else None):
            sentences.append([])
    return [" ".join(sentence) for sentence in sentences if sentence]


def ends(word: str, following: str | None) -> bool:
    """Whether a sentence ends with this word, seen the next one."""
    if following is None or not ENDING.search(word):
        return following is None
    bare = word.rstrip(CLOSERS)
    goes_on = following.lstrip(OPENERS)[:1].islower()
    if bare.endswith(("..", "…")):
        return not goes_on
    if bare.endswith("."):
        return not _abbreviates(bare[:-1].lstrip(OPENERS), following, goes_on)
    return not (goes_on and word != bare)  # "Why?" she asked.


def _abbreviates(stem: str, following: str, goes_on: bool) -> bool:
    lower = stem.lower()
    if lower in NEVER_LAST or (INITIAL.match(stem) and stem != "I"):
        return True
    return lower in ABBREVIATIONS and (goes_on or following[:1].isdigit())


def utterances(words: Iterable[Spoken], speaker: str | None = None) -> list[Utterance]:
    """Timed words as timed sentences. Each word stands in the text at its offset."""
    spoken = [word for word in words if word.text.strip()]
    return [_utterance(part, speaker) for sentence in _sentences(spoken) for part in _bounded(sentence)]


def _sentences(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    start = 0
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else None
        if following is None or _pauses(word, following) or ends(word.text.strip(), following.text.strip()):
            yield words[start : index + 1]
            start = index + 1


def _pauses(word: Spoken, following: Spoken) -> bool:
    return following.start - word.end >= PAUSE


def _bounded(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    """The sentence itself, or the parts it is cut into, and those again, where it is too long."""
    left = [words]
    while left:
        part = left.pop()
        if len(part) < 2 or (len(part) <= MAX_WORDS and part[-1].end - part[0].start <= MAX_SECONDS):
            yield part
            continue
        cut = max(range(1, len(part)), key=partial(_cut_worth, part))
        left += [part[cut:], part[:cut]]


def _cut_worth(words: Sequence[Spoken], at: int) -> tuple[bool, bool, float, int]:
    """How good it is to cut before word `at`: not near the rim, after a comma, at a pause, and as much in the middle as can be."""
    inside = min(at, len(words) - at) >= min(5, len(words) // 3)
    comma = words[at - 1].text.rstrip().endswith((",", ";", ":", "，", "、"))
    return inside, comma, round(words[at].start - words[at - 1].end, 1), -abs(2 * at - len(words))


def _utterance(words: Sequence[Spoken], speaker: str | None) -> Utterance:
    text, timed = "", []
    for word in words:
        said = " ".join(word.text.split())
        gap = " " if text and word.text[:1].isspace() else ""
        timed.append(Word(word.start, word.end, len(text) + len(gap), len(said)))
        text += gap + said
    return Utterance(text, speaker, words[0].start, words[-1].end, tuple(timed))
