"""Words as numbers: what two texts must share to be found by words, without either text.

A word is folded (compatibility forms, case, accents), its plural taken off by the S-stemmer (Harman, 1991: "How effective
is suffixing?", JASIS 42), and hashed by CRC-32. The numbers say nothing to who has none of the words, and everything to who
guesses: they are kept sealed like the words themselves.
"""

import re
import unicodedata
import zlib

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint32]

WORD = re.compile(r"\w+(?:'\w+)*")
QUOTED = re.compile(r'["“”„]([^"“”„]+)["“”„]')
NAME = re.compile(r"\b[^\W\d_a-z]\w*")
STARTS = re.compile(r"(^|[.!?:;\n])[\s\W]*$")  # of a sentence: where a capital letter says nothing
# English words that say how, not what: they never make a text findable
_STOP = """
a about above after again against all also am an and any are aren't as at be because been before being below between both but by can
can't could couldn't did didn't do does doesn't doing don't down during each ever every few for from further get gets got had hadn't
has hasn't have haven't having he he'd he'll he's her here hers herself him himself his how i i'd i'll i'm i've if in into is isn't it
it's its itself just let let's me more most much must my myself no nor not now of off on once only or other our ours ourselves out over
own really same she she'd she'll she's should shouldn't so some such than that that's the their theirs them themselves then there
there's these they they'd they'll they're they've this those through to too under until up upon us very was wasn't we we'd we'll we're
we've were weren't what what's when where which while who whom who's why will with won't would wouldn't yet you you'd you'll you're
you've your yours yourself yourselves
"""
STOP = frozenset(_STOP.split())


def words(text: str) -> list[str]:
    """The words of a text in their order, folded and without plurals."""
    return [stem(word) for word in WORD.findall(fold(text))]


def telling(text: str) -> list[str]:
    """Those that tell what a text is about, each once."""
    return list(dict.fromkeys(stem(word) for word in WORD.findall(fold(text)) if word not in STOP))


def names(text: str) -> list[str]:
    """Telling words with a capital letter where none is due, in texts that have small ones too."""
    if not any(letter.islower() for letter in text):
        return []
    found = (match for match in NAME.finditer(text) if not STARTS.search(text[: match.start()]))
    return [word for match in found for word in telling(match[0])]


def phrases(text: str) -> list[list[str]]:
    """What stands in quotation marks, as words; single ones too."""
    return [found for quoted in QUOTED.findall(text) if (found := words(quoted))]


def fold(text: str) -> str:
    """Compatibility forms, letter case, accents and kinds of apostrophes make no difference."""
    parts = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    return "".join(part for part in parts if not unicodedata.combining(part))


def stem(word: str) -> str:
    """The S-stemmer; a possessive goes first."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.endswith("s"):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return f"{word[:-3]}y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


def without_stop(found: Hashes) -> Hashes:
    """The distinct numbers of words that tell."""
    return np.setdiff1d(found, hashes([stem(word) for word in sorted(STOP)]))


def hashes(found: list[str]) -> Hashes:
    """A number a word, in their order."""
    return np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in found], np.uint32)
