"""Timed texts of other programs: WebVTT, SubRip, and JSON lists of utterances, as cues in order."""

import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from insight_journey.errors import Invalid
from insight_journey.transcription import clock
from insight_journey.transcription.characters import clean

TIMING = re.compile(r"^\s*((?:\d{1,3}:)?\d{1,3}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d{1,3}:)?\d{1,3}:\d{2}[.,]\d{1,3})")
STAMP = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2})[.,](\d{1,3})")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>", re.I)
TAG = re.compile(r"</?[A-Za-z0-9.:][^<>]{0,200}>|\{\\[^{}]{0,40}\}")
TEXT_KEYS, SPEAKER_KEYS = ("text", "transcript", "content"), ("speaker", "name", "speaker_name")
LIST_KEYS = ("utterances", "segments", "transcript", "results")


@dataclass(frozen=True)
class Cue:
    """A piece of text with who said it and when (seconds), where that is told."""

    text: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None


def from_subtitles(text: str) -> list[Cue]:
    """Cues of a VTT or SRT text. Blocks that are no cues (notes, styles) are left out."""
    cues: list[Cue] = []
    before: tuple[str, ...] = ()
    for start, end, lines in _blocks(text):
        fresh = tuple(line for line in lines if line not in before)  # captions that scroll say each line twice
        before = lines
        cues.extend(replace(cue, start=start, end=end) for cue in _voices("\n".join(fresh)))
    return cues


def _blocks(text: str) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """Start, end and lines below each timing line, up to an empty one."""
    timing: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        found = TIMING.match(line)
        if found or not line.strip():
            if timing:
                yield _stamp(timing[1]), _stamp(timing[2]), tuple(lines[:-1] if found and lines and lines[-1].strip().isdigit() else lines)
            timing, lines = found, []
        elif timing:
            lines.append(line.strip())


def _stamp(text: str) -> float:
    match = STAMP.fullmatch(text)
    hours, minutes, seconds, fraction = match.groups() if match else (0, 0, 0, "0")
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _voices(text: str) -> Iterator[Cue]:
    """The text of a cue by its voice tags, other tags taken off and entities read."""
    parts = VOICE.split(text)
    for speaker, said in zip([None, *parts[1::2]], parts[::2], strict=True):
        plain = " ".join(html.unescape(TAG.sub("", said)).split())
        plain = plain.removeprefix("- ").removeprefix("– ")
        if plain:
            yield Cue(plain, " ".join(html.unescape(speaker).split()) or None if speaker else None)


def from_json(text: str) -> tuple[list[Cue], str | None]:
    """Cues and language of a JSON list of utterances, or of an object that holds one. Raises Invalid (text_json)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _not_utterances("This is no JSON.") from None
    language = document.get("language") if isinstance(document, dict) else None
    rows = _rows(document)
    if rows is None:
        raise _not_utterances("This JSON holds no list of utterances.")
    return [cue for row in rows for cue in _cue(row)], clean(language) if isinstance(language, str) else None


def _rows(document: Any) -> list[Any] | None:
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    found = next((document[key] for key in LIST_KEYS if isinstance(document.get(key), list)), None)
    return [document] if found is None and isinstance(document.get("text"), str) else found


def _cue(row: Any) -> Iterator[Cue]:
    if isinstance(row, str):
        yield Cue(clean(row))
        return
    if not isinstance(row, dict) or not any(isinstance(row.get(key), str) for key in TEXT_KEYS):
        raise _not_utterances("An utterance of this JSON has no text.")
    text = next(row[key] for key in TEXT_KEYS if isinstance(row.get(key), str))
    speaker = next((row[key] for key in SPEAKER_KEYS if row.get(key) not in (None, "")), None)
    if isinstance(speaker, dict):
        speaker = speaker.get("name")
    start, end = _seconds(row.get("start")), _seconds(row.get("end"))
    name = " ".join(clean(str(speaker)).split())[:80] if isinstance(speaker, (str, int)) else None
    yield Cue(" ".join(clean(text).split()), name or None, start, end if start is None or end is None or end >= start else None)


def _seconds(value: Any) -> float | None:
    """Seconds from a number or a clock; None for what is neither, or negative, or no time a recording can have."""
    if isinstance(value, str):
        time = clock.read(value)
        value = time.seconds(of_day=False) if time else _number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 1e6 and math.isfinite(value) else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _not_utterances(why: str) -> Invalid:
    message = f'{why} Send a list of {{"speaker", "start", "end", "text"}}.'
    return Invalid(message, code="text_json", details={"file": [message]})
