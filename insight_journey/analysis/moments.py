"""Cut a transcript into moments: the same transcript always gives the same moments.

A moment is one to three utterances in a row by one speaker, at most MAX_WORDS words and MAX_SECONDS long. A longer
utterance is cut at the ends of sentences, clauses or words, and each part is a moment of its own: nothing is lost.
How long something took is known where its words are timed. The clock beside a written turn says when it was, not how long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from insight_journey.analysis.base import Moment
from insight_journey.transcription.base import CLIENT, UNKNOWN, Transcript, Utterance

MAX_UTTERANCES = 3
MAX_WORDS = 60
MAX_SECONDS = 30.0
# Scripts without spaces (and junk) must be cut too: a longer run of characters counts as several words.
TOKEN = re.compile(r"\S{1,40}")
CONNECTIVES = frozenset(["and", "but", "because", "so", "or", "when", "which", "while", "although", "though", "then"])


@dataclass(frozen=True)
class Piece:
    """A part of one utterance. `start`, `end` in characters of the transcript; `begins`, `ends` in seconds."""

    start: int
    end: int
    speaker: str | None
    begins: float | None
    ends: float | None
    words: int
    whole: bool  # the whole utterance, so that it may share a moment
    timed: bool  # by its words; else its seconds are those of a turn or cue


def segment(transcript: Transcript) -> tuple[Moment, ...]:
    """All moments of a transcript, in order. Utterances without any text have none."""
    text = transcript.text
    return tuple(_moment(n, group, text, transcript) for n, group in enumerate(_groups(_pieces(transcript))))


def role_of(speaker: str | None, transcript: Transcript) -> str:
    """Whose words these are: a lone or unnamed speaker is the client, one that nobody has placed is unknown."""
    if speaker is None or speaker in transcript.roles:
        return transcript.roles.get(speaker or "", CLIENT)
    return CLIENT if all(u.speaker in (None, speaker) for u in transcript.utterances) else UNKNOWN


def _pieces(transcript: Transcript) -> Iterator[Piece]:
    offset = 0
    for utterance in transcript.utterances:
        tokens = [(m.start(), m.end()) for m in TOKEN.finditer(utterance.text)]
        parts = list(_parts(utterance, tokens))
        for part in parts:
            yield _piece(utterance, part, offset, len(parts) == 1)
        offset += len(utterance.text) + 1


def _parts(utterance: Utterance, tokens: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    limit, at = _limit(utterance, len(tokens)), 0
    while len(tokens) - at > limit:
        size = _cut(utterance.text, tokens, at, limit)
        yield tokens[at : at + size]
        at += size
    if at < len(tokens):
        yield tokens[at:]


def _limit(utterance: Utterance, words: int) -> int:
    """How many words of this utterance fit a moment, by count and, where they are timed, by time."""
    if not utterance.words or utterance.start is None or utterance.end is None or utterance.end - utterance.start <= MAX_SECONDS:
        return MAX_WORDS
    return max(1, min(MAX_WORDS, int(words * MAX_SECONDS / (utterance.end - utterance.start))))


def _cut(text: str, tokens: list[tuple[int, int]], at: int, limit: int) -> int:
    """Number of words to take: near an even share of what is left, at the best boundary around it."""
    left = len(tokens) - at
    even = -(-left // -(-left // limit))
    sizes = range(max(1, even * 3 // 5), min(limit, even * 4 // 3) + 1)
    return min(sizes, key=lambda size: (_boundary(text, tokens, at + size), abs(size - even)))


def _boundary(text: str, tokens: list[tuple[int, int]], index: int) -> int:
    """How good it is to cut before this word: 0 a sentence's end, 1 a clause's, 2 before a connective, 3 any, 4 inside a word."""
    (_, end), (start, stop) = tokens[index - 1], tokens[index]
    last = text[end - 1]
    if start == end and last not in "。！？、，":
        return 4
    if last in ".!?…。！？" or text[end - 2 : end] in ('."', '?"', '!"', ".”", "?”", "!”"):
        return 0
    if last in ",;:—–、，":
        return 1
    return 2 if text[start:stop].lower() in CONNECTIVES else 3


def _piece(utterance: Utterance, part: list[tuple[int, int]], offset: int, whole: bool) -> Piece:
    start, end = part[0][0], part[-1][1]
    timed = bool(utterance.words)
    begins, ends = seconds(utterance, start, end) if timed and not whole else (utterance.start, utterance.end)
    return Piece(offset + start, offset + end, utterance.speaker, begins, ends, len(part), whole, timed)


def seconds(utterance: Utterance, start: int, end: int) -> tuple[float | None, float | None]:
    """When the characters [start, end) of an utterance were said: by its words, else by an even pace, else None."""
    said = [word for word in utterance.words if word.offset < end and word.offset + word.length > start]
    if said:
        return said[0].start, said[-1].end
    if utterance.start is None or utterance.end is None or not utterance.text:
        return utterance.start, utterance.end
    pace = (utterance.end - utterance.start) / len(utterance.text)
    return round(utterance.start + pace * start, 3), round(utterance.start + pace * end, 3)


def _groups(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    group: list[Piece] = []
    for piece in pieces:
        if group and not _fits(group, piece):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _fits(group: list[Piece], piece: Piece) -> bool:
    return (
        group[0].whole and piece.whole and piece.speaker == group[0].speaker
        and len(group) < MAX_UTTERANCES
        and sum(p.words for p in group) + piece.words <= MAX_WORDS
        and _span(group[0], piece) <= MAX_SECONDS
    )  # fmt: skip


def _span(first: Piece, last: Piece) -> float:
    end = last.ends if last.timed and last.ends is not None else last.begins
    return 0.0 if first.begins is None or end is None else end - first.begins


def _moment(position: int, group: list[Piece], text: str, transcript: Transcript) -> Moment:
    first, last = group[0], group[-1]
    ends = [piece.ends for piece in group if piece.ends is not None]
    return Moment(
        position, text[first.start : last.end], first.start, last.end, first.speaker,
        role_of(first.speaker, transcript), first.begins, max(ends) if ends else None,
    )  # fmt: skip
