"""Whether a text is English, by its function words: enough to say "not supported", never to name another language."""

import re

from insight_journey.analysis.feelings import lexicon
from insight_journey.analysis.sentences import TOKEN, plain

NOT_SUPPORTED = "language_not_supported"
ENGLISH = frozenset(
    """the and of to my that have with this it's i'm i've but they she he what about because been feel would just really when are at be by can
    could did do don't for from had has how if is it its know like more not or our out some than them then there think time up was we were which
    who will work you your today yesterday going got get want need""".split()  # noqa: SIM905
)
OTHERS = frozenset(
    """der die und ist nicht ich mich mir das ein eine sehr auch aber wir sie habe bin le la les et est je j'ai pas que qui une des du dans pour
    très mais nous suis el los las y en es un una no por con pero muy estoy yo mi il che di non sono per ma molto gli della het een niet ik ook
    maar van zijn heel os não com uma eu estou mas muito och att det är jag inte som og jeg ikke nie się jest że ve bir çok ja ei on""".split()  # noqa: SIM905
)
LATIN_SHARE = 0.7
ENOUGH = 5  # words from which a share means something


def warning(language: str | None, text: str) -> str | None:
    """The warning code when the analyzer does not know this language, else None. `language`: ISO 639-1, None when unknown."""
    if language:
        return None if re.split(r"[-_]", language.lower())[0] in ("en", "english") else f"{NOT_SUPPORTED}:{language.lower()}"
    return None if is_english(text) else NOT_SUPPORTED


def is_english(text: str) -> bool:
    """Deterministic: function words of English outnumber those of its neighbours and are a plausible share of all words."""
    words = TOKEN.findall(plain(text[:20_000]))
    letters = [char for word in words for char in word if char.isalpha()]
    if not words or sum(char.isascii() for char in letters) < LATIN_SHARE * len(letters):
        return not letters
    english, others = sum(word in ENGLISH for word in words), sum(word in OTHERS for word in words)
    if len(words) < ENOUGH and not english and not others:
        return any(word in lexicon().words for word in words)
    return english > others and english >= len(words) * 0.15
