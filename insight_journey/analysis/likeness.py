"""Whether two wordings say the same: near each other for the encoder, and with no word that says something else.

Nearness alone is not enough: sentence encoders put "I can trust people" beside "I can't trust people" and "call my sister"
beside "call my brother". So words are compared, too: both must deny as often, neither may point at what was said
before or be of another mood, and of the words that carry meaning one wording may have a few light ones that the other lacks,
but never each its own. `alike.txt` holds which words carry none, which are light, and which mean the same.
English; of other languages hardly anything but the same words passes.
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
PHRASES = {
    "no one": "nobody",
    "good enough": "enough",
    "doing enough": "doenough",
    "do enough": "doenough",
    "done enough": "doenough",
    "a little": "a",
    "a bit": "a",
    "right now": "now",
}
PHRASE = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b")
PHRASAL = re.compile(r"\b(get|keep|make|do|find|have)(?:s|ing|ting)? (up|out|over|along|away|off|down|through|back|by)\b")
POINTER = re.compile(r"\b(?:it|this|that|here|there)(?=\W*$)")  # stands for something that was named elsewhere
DEMONSTRATIVE = re.compile(  # means what was said before, and may mean another thing each time
    r"\b(?:those|these)\b|\b(?:this|that)\W*$|\bthat (?:can|could|would|might|will|helps?|is|was)\b"
    r"|\b(?:in|of|with|to|at|on|about|from|into|practi[sc]e|do|try|get|make|handle) (?:this|that)\b(?! [a-z]+ (?:of|where)\b)"
)
ADVERBS = r"(?:(?:[a-z]+ly|don't|do not|didn't|just|often|still|always) )*"
MOODS = {  # a wording that says one of them is not one that doesn't
    "ahead": re.compile(r"\b(?:i'll|i will|i'm going to|i am going to)\b"),
    "duty": re.compile(rf"\bi {ADVERBS}(?:must|should|need|have to|had to|ought to)\b|\bi(?:'m supposed|'ve got| have got) to\b"),
    "too late": re.compile(r"\b(?:should|shouldn't|could) have\b"),
    "once": re.compile(r"^(?:and |but |also )?i (?:also |just )?(?:got|received|set|told|called|met)\b"),
}
OF_HER = re.compile(r"\bi(?:'|\b)")


@dataclass(frozen=True)
class Sense:
    """What a wording says, as words: `roots` in order, each once; `denials`: how often it denies; `moods`: which of MOODS."""

    roots: tuple[str, ...]
    denials: int
    moods: frozenset[str] | None = None  # None: nobody is said to do it ("Call my mother")
    points_back: bool = False


@lru_cache(maxsize=20_000)
def sense(text: str) -> Sense:
    """The words of a wording that carry meaning."""
    said = plain(text)
    words = TOKEN.findall(POINTER.sub("pointer", PHRASAL.sub(r"\1\2", PHRASE.sub(lambda found: PHRASES[found[0]], said))))
    kept = [_meaning(word) for word in words if word not in _words("ignored") and not _denies(word)]
    moods = frozenset(name for name, mood in MOODS.items() if mood.search(said)) if OF_HER.search(said) else None
    return Sense(tuple(dict.fromkeys(kept)), sum(map(_denies, words)), moods, bool(DEMONSTRATIVE.search(said)))


def is_compatible(one: str, other: str) -> bool:
    """Whether no word speaks against it: as many denials, no word in place of another, the same order, no detail that narrows it."""
    a, b = sense(one), sense(other)
    if a.denials != b.denials or a.points_back or b.points_back or (None not in (a.moods, b.moods) and a.moods != b.moods):
        return False
    fewer, more = sorted((a.roots, b.roots), key=len)
    shared = [root for root in more if root in fewer]
    details = {root for root in more if root not in fewer}
    return details <= _light() and shared == list(fewer) and len(details) < len(shared)


@cache
def _light() -> frozenset[str]:
    """What may be said more without narrowing the rest: the roots of `light`."""
    return frozenset(map(_meaning, _words("light")))


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
