"""A moment's text as sentences and words, with exact offsets: what the rules of the local analyzer read.

Rules read a plain copy of the same length (lower case, straight quotes, one kind of dash), so that every offset holds
in the moment itself. No sentence is longer than MAX_TOKENS words, which bounds every rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SAME = {"'": "‘’‛′`´", '"': "“”„‟«»", "-": "‐‑‒–−", ";": "—―", " ": "\n\t\r\f\v\u00a0"}  # a long dash ends a clause, a hyphen does not
PLAIN = str.maketrans({char: to for to, chars in SAME.items() for char in chars})
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
END = re.compile(r"[.!?…]+[\"')\]]*(?=\s|$)|\n+")
ABBREVIATION = re.compile(r"\b(?:dr|mr|mrs|ms|st|vs|etc|e\.g|i\.e|prof)\.$")
BREAK = re.compile(r"[,;:\"()\[\]…]| -+ |--|[a-z]-\s|\s-[a-z]|\.\.")
CLAUSE_END = re.compile(
    r"[;:!?()]|\"(?![a-z])|\.\.|\s-+\s|--|(?<=[a-z])-(?=\s)"
    r"|,\s+(?:and|but|so|because|which|though|although|or|then|maybe|even|if|when|where|especially|just|like)\b"
    r"|,\s+(?:i|i'm|i've|it|it's|that|that's|they|you)\b"
    r"|\s(?:but|because|although|though|so that|so i|so i'm|and i|and i'm|and i've|and then|and it|which|even though|'cause|cause)\b"
)
CONTRACTIONS = ("i'm", "i've", "don't", "can't", "didn't", "doesn't", "isn't", "wasn't", "couldn't", "wouldn't", "haven't", "that's")
MISSING_APOSTROPHE = {word.replace("'", ""): word for word in CONTRACTIONS}
MAX_TOKENS = 80
MAX_QUOTE = 24  # words of a sentence that is quoted whole


@dataclass(frozen=True)
class Token:
    """One word, lower case. Offsets in the moment's text. `after_break`: punctuation stands before it."""

    word: str
    start: int
    end: int
    after_break: bool


@dataclass(frozen=True)
class Sentence:
    """One sentence: [start, end) in the moment's text; `plain` is that slice made plain, of the same length."""

    start: int
    end: int
    plain: str
    tokens: tuple[Token, ...]

    @property
    def asks(self) -> bool:
        return self.plain.rstrip("\"') ").endswith("?")


def plain(text: str) -> str:
    """Lower case, straight quotes, one dash, one kind of space; always as long as `text`."""
    same = text.translate(PLAIN)
    lower = same.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in same)


def sentences(text: str) -> list[Sentence]:
    """The sentences of a moment's text that have any word."""
    folded = plain(text)
    return [sentence for start, end in _spans(folded) for sentence in _bounded(folded, start, end)]


def _spans(folded: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in END.finditer(folded):
        if match.group() == "." and ABBREVIATION.search(folded, max(start, match.start() - 6), match.end()):
            continue
        yield start, match.end()
        start = match.end()
    yield start, len(folded)


def _bounded(folded: str, start: int, end: int) -> Iterator[Sentence]:
    tokens = _tokens(folded, start, end)
    for first in range(0, len(tokens), MAX_TOKENS):
        part = tuple(tokens[first : first + MAX_TOKENS])
        stop = end if first + MAX_TOKENS >= len(tokens) else part[-1].end
        yield Sentence(part[0].start, stop, folded[part[0].start : stop], part)


def _tokens(folded: str, start: int, end: int) -> list[Token]:
    tokens: list[Token] = []
    last = start
    for match in TOKEN.finditer(folded, start, end):
        word = MISSING_APOSTROPHE.get(match.group(), match.group())
        gap = folded[max(last - 1, start) : match.start() + 1]
        tokens.append(Token(word, match.start(), match.end(), not tokens or bool(BREAK.search(gap))))
        last = match.end()
    return tokens


def clause_end(sentence: Sentence, at: int) -> int:
    """Where the clause that holds offset `at` (in the moment) ends, punctuation left out."""
    match = CLAUSE_END.search(sentence.plain, at - sentence.start)
    end = match.start() if match else len(sentence.plain)
    return sentence.start + len(sentence.plain[:end].rstrip(" ,.;:!?-\"'…"))


def close_quotation(sentence: Sentence, start: int, end: int) -> int:
    """Where a span ends that would have cut a quotation in two: with the clause that the quotation stands in."""
    if sentence.plain.count('"', start - sentence.start, end - sentence.start) % 2 == 0:
        return end
    closing = sentence.plain.find('"', end - sentence.start) + 1
    return max(sentence.start + closing, clause_end(sentence, sentence.start + closing)) if closing else end


def quote(sentence: Sentence, start: int, end: int) -> tuple[int, int]:
    """The words to show for [start, end): the whole sentence when it is short, else the clauses around it."""
    if len(sentence.tokens) <= MAX_QUOTE:
        return sentence.tokens[0].start, _trimmed(sentence, sentence.end)
    before = [t for t in sentence.tokens if t.start <= start]
    first = next((t for t in reversed(before) if t.after_break), sentence.tokens[0])
    first = before[max(0, len(before) - MAX_QUOTE)] if before.index(first) < len(before) - MAX_QUOTE else first
    stop = max(end, clause_end(sentence, end))
    inside = [t for t in sentence.tokens if t.start >= first.start and t.end <= stop]
    over = [t for t in inside[: 2 * MAX_QUOTE] if t.end >= end]
    return first.start, max(end, min(stop, over[-1].end if over else end))


def _trimmed(sentence: Sentence, end: int) -> int:
    return sentence.start + len(sentence.plain[: end - sentence.start].rstrip())


OPENING = re.compile(
    r"^(?:(?:and|but|so|yeah|yes|well|like|honestly|also|because|plus|oh|okay|ok|then|i mean|you know|i guess|i think|maybe|that)\b(?!['’])"
    r"[\s,]*)+(?=\S)",
    re.IGNORECASE,
)
LONE_I = re.compile(r"\bi(?=\b(?!\.))")


def clean(text: str) -> str:
    """A clause as something to read alone: white space made one, openers and end punctuation gone, first letter upper."""
    words = " ".join(text.split()).strip(" ,.;:!?-–—\"'“”‘’…()")
    words = LONE_I.sub("I", OPENING.sub("", words)).replace("’", "'")
    return words[:1].upper() + words[1:]
