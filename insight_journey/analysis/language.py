"""Whether a text is English, by its function words: enough to say "not supported", never to name another language."""

import re

from insight_journey.analysis.feelings import lexicon
from insight_journey.analysis.sentences import TOKEN, plain
from insight_journey.analysis.words import ENGLISH, FOREIGN

NOT_SUPPORTED = "language_not_supported"
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
    if not letters:
        return True
    if sum(char.isascii() for char in letters) < LATIN_SHARE * len(letters):
        return False
    english, others = sum(word in ENGLISH for word in words), sum(word in FOREIGN for word in words)
    if len(words) < ENOUGH and not english and not others:
        return any(word in lexicon().words for word in words)
    return english > others and english >= len(words) * 0.15
