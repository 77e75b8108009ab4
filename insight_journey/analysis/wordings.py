"""The wordings that the rules look for, from `rules/<name>.tsv`: a key, a tab, a regular expression over plain text.

A line that begins with `<NAME>` names a part that later lines stand in for. Quantifiers over open text are bounded, and
sentences are (`sentences.MAX_TOKENS`), so that no text can make them slow.
"""

import re
from functools import cache
from importlib.resources import files


@cache
def wordings(name: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(key, pattern) of every wording of one file, in its order; each begins at a word's start."""
    text = (files("insight_journey.analysis") / "rules" / f"{name}.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t", 1) for line in text.splitlines() if line and not line.startswith("#")]
    parts = {key: value for key, value in rows if key.startswith("<")}
    return tuple((key, re.compile(rf"\b(?:{_filled(value, parts)})")) for key, value in rows if not key.startswith("<"))


def _filled(pattern: str, parts: dict[str, str]) -> str:
    for name, value in parts.items():
        pattern = pattern.replace(name, value)
    return pattern
