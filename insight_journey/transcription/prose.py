"""Written paragraphs: marks taken off, broken lines joined, stage directions left out, cut into sentences."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from insight_journey.transcription import sentences

MARKUP = re.compile(
    r"\*\*|__|(?<![\w*])[*_](?=\S)|(?<=\S)[*_](?![\w*])"  # bold, italics
    r"|^ {0,3}#{1,6} +|^ *>+ ?|^ *(?:[-*•–]|\d{1,2}[.)]) +(?=\S)", re.M,  # headings, quotes, lists
)  # fmt: skip
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
LINK = re.compile(r"!?\[([^\[\]\n]{1,200})\]\([^()\s]{1,500}\)")
WRAPPED = 50  # characters from which a line without an end is taken as one that an editor has broken
DIRECTION = re.compile(r"\([^()]{1,200}\)|\[[^\[\]]{1,200}\]")
ACTION = re.compile(
    r"(?:[a-z]+(?:s|ing|ly)|(?:an? |the )?(?:long |brief )?(?:pause|silence|laughter|inaudible|crosstalk|unclear|applause|sigh|music))\b"
)
SENTENCE_END = (".", "!", "?", "…", "”", '"')


def unmarked(text: str) -> str:
    """Markdown's marks taken off; its words stay."""
    return MARKUP.sub("", LINK.sub(r"\1", FRONT_MATTER.sub("", text)))


def written(lines: Sequence[str], spoken: bool) -> Iterator[str]:
    """The sentences of some lines; where they were `spoken`, without stage directions. Bare punctuation is none."""
    for paragraph in _paragraphs(lines):
        said = without_directions(paragraph) if spoken else paragraph
        yield from (sentence for sentence in sentences.split(said) if any(map(_says_something, sentence)))


def _says_something(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char) == "So"  # such as an emoji


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Lines put together again that an editor has broken; every other line break ends a paragraph."""
    held = ""
    for line in (line.strip() for line in lines):
        if held and line and _goes_on(held, line):
            held += " " + line
            continue
        if held:
            yield held
        held = line
    if held:
        yield held


def _goes_on(line: str, following: str) -> bool:
    return not line.endswith(SENTENCE_END) and (following[:1].islower() or len(line.rpartition("\n")[2]) >= WRAPPED)


def without_directions(text: str) -> str:
    """A turn without its stage directions: brackets that tell an action, or that stand alone beside sentences.

    A bracket within a sentence, and one that holds a sentence of its own, are speech.
    """
    kept, last = "", 0
    for match in DIRECTION.finditer(text):
        before, inside = text[: match.start()].rstrip(), match.group()[1:-1].strip()
        alone = (not before or before.endswith(SENTENCE_END)) and not inside.endswith((".", "!", "?"))
        ends_line = not text[match.end() :].strip() and not before
        if alone or ends_line or ACTION.match(inside):
            kept += text[last : match.start()]
            last = match.end()
    return " ".join((kept + text[last:]).split())
