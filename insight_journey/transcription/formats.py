"""A transcript as a file: text, SRT, VTT, JSON. What is written as text or VTT is read back by `text.parse_text`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from insight_journey.errors import Invalid
from insight_journey.transcription.base import Transcript, Utterance

READING_SPEED = 2.5  # words a second: how long a cue stands whose end nobody knows


@dataclass(frozen=True)
class Cue:
    """What stands on the screen from `start` to `end` (seconds)."""

    start: float
    end: float
    speaker: str | None
    text: str


def to_text(transcript: Transcript) -> str:
    """A line for each sentence, or for each turn where only turns are timed: `[1:05] Alex: ...`."""
    turns = groupby(transcript.utterances, key=lambda u: (u.speaker, u.start) if not u.words else id(u))
    return "".join(_line(list(turn)) + "\n" for _, turn in turns)


def to_srt(transcript: Transcript) -> str:
    """SubRip. Raises Invalid (transcript_without_times)."""
    return "\n".join(
        f"{n}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_in_one_line(_named(cue.speaker, cue.text)).replace('-->', '→')}\n"
        for n, cue in enumerate(_cues(transcript), 1)
    )


def to_vtt(transcript: Transcript) -> str:
    """WebVTT with voices. Raises Invalid (transcript_without_times)."""
    cues = [f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_voiced(cue)}\n" for cue in _cues(transcript)]
    return "\n".join(["WEBVTT\n", *cues])


def to_json(transcript: Transcript) -> dict[str, Any]:
    """What the API answers. Times are seconds or null; roles are of speakers who were named or told apart."""
    return {
        "language": transcript.language,
        "duration": transcript.duration,
        "engine": transcript.engine,
        "model": transcript.model,
        "roles": dict(transcript.roles),
        "warnings": list(transcript.warnings),
        "utterances": [{"speaker": u.speaker, "start": u.start, "end": u.end, "text": u.text} for u in transcript.utterances],
    }


def _line(turn: list[Utterance]) -> str:
    start, speaker = turn[0].start, turn[0].speaker
    clock = "" if start is None else f"[{_short_clock(start)}] "
    return clock + _in_one_line(_named(speaker, " ".join(u.text for u in turn)))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _named(speaker: str | None, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text


def _voiced(cue: Cue) -> str:
    return f"<v {_escaped(cue.speaker)}>{_escaped(cue.text)}</v>" if cue.speaker else _escaped(cue.text)


def _escaped(text: str) -> str:
    return _in_one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cues(transcript: Transcript) -> list[Cue]:
    """Timed utterances, one cue each; sentences of one turn, and what has no time of its own, stand with what came before."""
    groups: list[list[Utterance]] = []
    for utterance in transcript.utterances:
        if groups and _belongs(utterance, groups[-1][-1]):
            groups[-1].append(utterance)
        else:
            groups.append([utterance])
    if groups and all(group[0].start is None for group in groups):
        raise Invalid("The words of this session have no times. Ask for text or JSON instead.", code="transcript_without_times")
    return list(_timed(groups))


def _belongs(utterance: Utterance, before: Utterance) -> bool:
    if utterance.speaker != before.speaker:
        return False
    return utterance.start is None or (utterance.start == before.start and utterance.end == before.end and not utterance.words)


def _timed(groups: list[list[Utterance]]) -> Iterator[Cue]:
    start = 0.0
    for index, group in enumerate(groups):
        text = " ".join(u.text for u in group)
        own, end = group[0].start, group[-1].end
        start = own if own is not None else start
        following = next((g[0].start for g in groups[index + 1 :] if g[0].start is not None and g[0].start > start), None)
        if end is None:
            spoken = start + max(1.0, len(text.split()) / READING_SPEED)
            end = min(spoken, following) if following is not None else spoken
        yield Cue(start, max(end, start), group[0].speaker, text)


def _clock(seconds: float, point: str) -> str:
    hours, rest = divmod(round(seconds * 1000), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _short_clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
