"""The proof behind every mention: its words stand in its moment, at a known time, and are the person's own.

Models rewrite quotes: other case, typographic quotes and dashes, other white space, composed accents. Both sides are
folded before they are compared; what is stored is the exact slice of the moment, never the model's spelling.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from insight_journey.analysis.base import Care, Mention, Moment
from insight_journey.analysis.moments import seconds
from insight_journey.transcription.base import PRACTITIONER, UNKNOWN, Transcript, Utterance

SPEAKERS_UNKNOWN = "speakers_unknown"
ALWAYS_ALLOWED = ("emotion", "topic")  # also of a speaker that nobody has placed
SAME = str.maketrans(
    {**dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟«»″", '"'), **dict.fromkeys("‐‑‒–—―−", "-"), "…": "...",
     **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")}
)  # fmt: skip
UNSPACED_FROM = "\u0e00"  # from Thai on, scripts run words together: a quote may begin anywhere


@dataclass(frozen=True)
class Folded:
    """A text made comparable; character n of `text` comes from character `origins[n]` of the original."""

    text: str
    origins: tuple[int, ...]


def fold(text: str) -> Folded:
    """Case, white space, quotes, dashes, composed accents and invisible characters made the same."""
    folded: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text):
        new = " " if char.isspace() else unicodedata.normalize("NFD", char.translate(SAME).casefold())
        if new == " " and (not folded or folded[-1] == " "):
            continue
        folded.extend(new)
        origins.extend([index] * len(new))
    return Folded("".join(folded), tuple(origins))


def locate(quote: str, moment: Moment) -> tuple[int, int] | None:
    """Where the quote stands in the moment's text, as exact character offsets [start, end); None when it does not.

    Whole words only. The first place where several would do.
    """
    return _find(quote, moment.text, fold(moment.text))


def verify(proposed: Iterable[Mention], moments: Sequence[Moment]) -> tuple[tuple[Mention, ...], int]:
    """Keep the mentions whose quote stands in the moment they name, with the exact slice as quote, and count the others.

    Offsets of what is proposed are not trusted. The same thing said of the same words twice is kept once, uncounted.
    """
    by_position = {moment.position: (moment, fold(moment.text)) for moment in moments}
    kept: dict[tuple[object, ...], Mention] = {}
    dropped = 0
    for mention in proposed:
        proven = _proven(mention, *by_position[mention.moment]) if mention.moment in by_position else None
        if proven is None:
            dropped += 1
        else:
            kept.setdefault(identity(proven), proven)
    return tuple(kept.values()), dropped


def identity(mention: Mention) -> tuple[object, ...]:
    """What makes two mentions of an analysis the same one: place, kind and what is said."""
    said = mention.code if mention.text is None else mention.text.casefold()
    return mention.moment, mention.kind, said, mention.quote_start, mention.quote_end


def restrict(mentions: Iterable[Mention], moments: Sequence[Moment], care: Care) -> tuple[tuple[Mention, ...], tuple[str, ...]]:
    """Keep what may be filed by who spoke, and say so where that is not known (`speakers_unknown`).

    Nothing of a practitioner's words; of an unplaced speaker's, and of words of self-harm, only emotions and topics:
    nobody's despair is kept as her belief or plan.
    """
    roles = {moment.position: moment.role for moment in moments}
    kept = tuple(m for m in mentions if _allowed(m, roles[m.moment]) and (m.kind in ALWAYS_ALLOWED or m.moment not in care.touched))
    return kept, (SPEAKERS_UNKNOWN,) if UNKNOWN in roles.values() else ()


def timed(mention: Mention, moment: Moment, transcript: Transcript) -> Mention:
    """The mention with the seconds of its own words: by timed words, else its utterances' times, else the moment's."""
    return _timed(mention, moment, transcript.utterances, _offsets(transcript))


def timed_all(mentions: Iterable[Mention], moments: Sequence[Moment], transcript: Transcript) -> tuple[Mention, ...]:
    """`timed` for a whole analysis: the transcript is measured once."""
    by_position, offsets = {moment.position: moment for moment in moments}, _offsets(transcript)
    return tuple(_timed(mention, by_position[mention.moment], transcript.utterances, offsets) for mention in mentions)


def _proven(mention: Mention, moment: Moment, folded: Folded) -> Mention | None:
    span = _find(mention.quote, moment.text, folded)
    return span and replace(mention, quote=moment.text[slice(*span)], quote_start=span[0], quote_end=span[1])


def _find(quote: str, text: str, folded: Folded) -> tuple[int, int] | None:
    wanted = fold(quote).text.strip()
    if not any(char.isalnum() for char in wanted):
        return None
    at = folded.text.find(wanted)
    while at >= 0 and not _stands_alone(folded.text, at, at + len(wanted)):
        at = folded.text.find(wanted, at + 1)
    if at < 0:
        return None
    start, end = folded.origins[at], folded.origins[at + len(wanted) - 1] + 1
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return start, end


def _stands_alone(text: str, start: int, end: int) -> bool:
    before = start == 0 or not _joined(text[start - 1], text[start])
    return before and (end == len(text) or not (_joined(text[end - 1], text[end]) or unicodedata.combining(text[end])))


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and left < UNSPACED_FROM and right < UNSPACED_FROM


def _allowed(mention: Mention, role: str) -> bool:
    return role != PRACTITIONER and (role != UNKNOWN or mention.kind in ALWAYS_ALLOWED)


def _offsets(transcript: Transcript) -> list[int]:
    return list(accumulate((len(u.text) + 1 for u in transcript.utterances), initial=0))


def _timed(mention: Mention, moment: Moment, utterances: Sequence[Utterance], offsets: list[int]) -> Mention:
    start, end = moment.char_start + mention.quote_start, moment.char_start + mention.quote_end
    first, last = bisect_right(offsets, start) - 1, bisect_right(offsets, end - 1) - 1
    begins, _ = _said(utterances[first], start - offsets[first], end - offsets[first], moment)
    _, ends = _said(utterances[last], start - offsets[last], end - offsets[last], moment)
    return replace(mention, start=begins, end=ends)


def _said(utterance: Utterance, start: int, end: int, moment: Moment) -> tuple[float | None, float | None]:
    begins, ends = seconds(utterance, start, end) if utterance.words else (utterance.start, utterance.end)
    return moment.start if begins is None else begins, moment.end if ends is None else ends
