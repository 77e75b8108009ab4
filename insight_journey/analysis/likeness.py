"""Whether two wordings say the same: near each other for the encoder, and with no word that says something else.

Nearness alone is not enough: sentence encoders put "I can trust people" beside "I can't trust people" and "call my sister"
beside "call my brother". So words are compared, too: both must deny as often, and of the words that carry meaning one
wording may have a few that the other lacks, but never each its own. `alike.txt` holds what is no such word, and which
words mean the same. English; of other languages hardly anything but the same words passes.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from insight_journey.analysis.sentences import TOKEN, plain

THRESHOLD = 0.65  # cosine of the encoder's vectors; how it was chosen: docs/accuracy.md
ENDINGS = re.compile(r"(?:'s|ings?|ed|es|s|ly|ers?|ism|ists?|ions?|ness|ments?|ure|e|y|i)$")
DOUBLED = re.compile(r"([bdgklmnprt])\1$")
SHORTEST_ROOT = 3
PHRASES = {"no one": "nobody", "good enough": "enough", "a little": "a", "a bit": "a", "right now": "now"}
PHRASE = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b")
PHRASAL = re.compile(r"\b(get|keep|make|do|find|have)(?:s|ing|ting)? (up|out|over|along|away|off|down|through|back|by)\b")
POINTER = re.compile(r"\b(?:it|this|that|here|there)(?=\W*$)")  # stands for something that was named elsewhere
ANYBODY = "people"  # how every word for people at large is written: as a detail it adds nothing


@dataclass(frozen=True)
class Sense:
    """What a wording says, as words: `roots` in order, each once; `denials`: how often it denies."""

    roots: tuple[str, ...]
    denials: int


@lru_cache(maxsize=20_000)
def sense(text: str) -> Sense:
    """The words of a wording that carry meaning."""
    words = TOKEN.findall(POINTER.sub("pointer", PHRASAL.sub(r"\1\2", PHRASE.sub(lambda found: PHRASES[found[0]], plain(text)))))
    kept = [_meaning(word) for word in words if word not in _words("ignored") and not _denies(word)]
    return Sense(tuple(dict.fromkeys(kept)), sum(map(_denies, words)))


def is_compatible(one: str, other: str) -> bool:
    """Whether no word speaks against it: as many denials, no word in place of another, the same order, few details more."""
    a, b = sense(one), sense(other)
    fewer, more = sorted((a.roots, b.roots), key=len)
    shared = [root for root in more if root in fewer]
    details = {root for root in more if root not in fewer}
    is_turned = a.denials != b.denials or bool(details & _words("turning"))
    return not is_turned and shared == list(fewer) and len(details - {ANYBODY}) < len(shared)


def _denies(word: str) -> bool:
    return word.endswith("n't") or word in _words("denying")


def _meaning(word: str) -> str:
    """One word for all that mean the same, else the word's root. Turning words stay as they are."""
    if word in _words("turning"):
        return word
    root = _root(word)
    return _same().get(word) or _same().get(root) or root


def _root(word: str) -> str:
    """The word without its endings, roughly: "procrastinating" -> "procrastinat"."""
    for _ in range(2):
        shorter = DOUBLED.sub(r"\1", ENDINGS.sub("", word))
        if len(shorter) < SHORTEST_ROOT:
            break
        word = shorter
    return word


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(word for line in _lists()[name] for word in line.split())


@cache
def _same() -> dict[str, str]:
    return {word: group.split()[0] for group in _lists()["same"] for word in group.split()}


@cache
def _lists() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    name = ""
    for line in (files("insight_journey.analysis") / "alike.txt").read_text(encoding="utf-8").splitlines():
        if line.endswith(":"):
            name = line[:-1]
        elif not line.startswith("#"):
            lists.setdefault(name, []).append(line)
    return lists
