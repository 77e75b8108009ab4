"""Written sessions: prose, speaker turns, subtitles and JSON, as one Transcript.

A turn of several sentences becomes several utterances, each with the turn's own start and end: nothing finer is known.
A turn ends where the next one starts, if that has a clock. Paragraphs and turns end sentences. In texts with speakers,
stage directions such as `(smiles warmly)` or `[laughs]` are no speech; in plain prose, brackets are the person's own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby, pairwise

from insight_journey.errors import Invalid
from insight_journey.transcription import clock, cues, roles, sentences, turns
from insight_journey.transcription.base import SPEAKERS_UNKNOWN, UNKNOWN, Transcript, Utterance
from insight_journey.transcription.characters import clean, decode
from insight_journey.transcription.cues import Cue
from insight_journey.transcription.prose import unmarked, without_directions, written
from insight_journey.transcription.sentences import Spoken

ENGINE = "text"


def parse_text(raw: str | bytes, file_name: str | None, owner_name: str | None) -> Transcript:
    """A written session as utterances, with speakers, roles and times as far as they are there.

    `owner_name`, the person's display name, tells which speaker she is. Raises Invalid (text_empty, text_not_utf8,
    text_json) or UnsupportedMedia (media_unsupported).
    """
    text = clean(decode(raw) if isinstance(raw, bytes) else raw)
    suffix = (file_name or "").lower().rpartition(".")[2]
    if suffix == "json":
        found, language = cues.from_json(text)
        transcript = _from_cues(found, owner_name, language)
    elif suffix in ("vtt", "srt") or text.lstrip().startswith("WEBVTT") or _is_subtitled(text):
        transcript = _from_cues(cues.from_subtitles(text), owner_name, None)
    else:
        transcript = _from_prose(unmarked(text), owner_name)
    if not transcript.utterances:
        message = "There are no words in this text."
        raise Invalid(message, code="text_empty", details={"file": [message]})
    return transcript


def _is_subtitled(text: str) -> bool:
    return any(cues.TIMING.match(line) for line in text.lstrip()[:400].split("\n")[:3])


# -- prose and turns -------------------------------------------------------------------------------------------------


def _from_prose(text: str, owner: str | None) -> Transcript:
    header, found, given = turns.read(text)
    spoken = any(turn.speaker for turn in found)
    words = [sum(len(line.split()) for line in turn.lines) for turn in found]
    starts = clock.seconds([turn.clock for turn in found], words, header.time)
    utterances = [
        Utterance(sentence, turn.speaker, start, _end(start, following))
        for turn, (start, following) in zip(found, pairwise([*starts, None]), strict=True)
        for sentence in written(turn.lines, spoken)
    ]
    return _transcript(utterances, header.people, given, owner, None)


def _end(start: float | None, following: float | None) -> float | None:
    return following if start is not None and following is not None and following >= start else None


# -- cues ------------------------------------------------------------------------------------------------------------


def _from_cues(found: list[Cue], owner: str | None, language: str | None) -> Transcript:
    placed, given = _by_voices(found) if any(cue.speaker for cue in found) else _by_labels(found)
    utterances: list[Utterance] = []
    for (speaker, timed), run in groupby(placed, key=lambda cue: (cue.speaker, None not in (cue.start, cue.end))):
        read = _timed if timed else _untimed
        utterances += read(run, speaker)
    return _transcript(utterances, {}, given, owner, language)


def _by_voices(found: list[Cue]) -> tuple[list[Cue], dict[str, str]]:
    """Cues with the fullest name of each speaker, and the roles that the names give."""
    names = roles.people([cue.speaker for cue in found if cue.speaker])
    return [replace(cue, speaker=names.get(cue.speaker or "")) for cue in found], turns.roles_of(names)


def _by_labels(found: list[Cue]) -> tuple[list[Cue], dict[str, str]]:
    """The same where no cue has a voice of its own: labels such as `Alex: ...` tell, by the rules of turns."""
    labels = turns.speakers_of([cue.text for cue in found])
    placed, speaker = [], None
    for cue in found:
        label, text = turns.label_of(cue.text)
        if label in labels:
            speaker, cue = labels[label], replace(cue, text=text)
        placed.append(replace(cue, speaker=speaker))
    return placed, turns.roles_of(labels)


def _timed(run: Iterable[Cue], speaker: str | None) -> list[Utterance]:
    """Sentences across cues: one begins with its first cue and ends with its last. Words have no times of their own."""
    spoken = [Spoken(f" {word}", cue.start or 0.0, cue.end or 0.0) for cue in run for word in without_directions(cue.text).split()]
    return [replace(utterance, words=()) for utterance in sentences.utterances(spoken, speaker)]


def _untimed(run: Iterable[Cue], speaker: str | None) -> list[Utterance]:
    return [Utterance(sentence, speaker, cue.start, cue.end) for cue in run for sentence in written([cue.text], spoken=True)]


# -- the transcript --------------------------------------------------------------------------------------------------


def _transcript(
    said: list[Utterance], header: Mapping[str, str], given: Mapping[str, str], owner: str | None, language: str | None
) -> Transcript:
    placed = roles.assign([u.speaker for u in said if u.speaker], header, given, owner)
    warnings = (SPEAKERS_UNKNOWN,) if UNKNOWN in placed.values() else ()
    return Transcript(tuple(said), language, ENGINE, roles=placed, warnings=warnings)
