"""Transcription by an OpenAI-compatible API: decoded here, sent in stretches of ten minutes, put together here.

What is sent is the sound alone, as FLAC under a name of ours, and its language where the person said it. Asked for is
`verbose_json` with timed words. A server that has only segments, or only text, is taken as it is: then sentences have
times by their share of the segment, or of a stretch of a minute, and the transcript says so (`times_estimated`).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import av
import openai
from pydantic import BaseModel

from insight_journey.errors import TranscriptionFailed
from insight_journey.openai_api import ContextTooLong, Endpoint, RefusedParameter, Tokens
from insight_journey.settings import Settings
from insight_journey.transcription.base import Transcript, TranscriptionJob, Utterance
from insight_journey.transcription.channels import RATE, Samples, loudness
from insight_journey.transcription.languages import code_of
from insight_journey.transcription.media import decode
from insight_journey.transcription.sentences import Spoken, split, utterances
from insight_journey.transcription.stretches import LONGEST, stretches
from insight_journey.transcription.voices import labels, transcript

TIMES_ESTIMATED = "times_estimated"
UNTIMED = 60 * RATE  # stretch for servers that give no times
SHORTEST = 30 * RATE  # a stretch that is refused as too long is halved down to this
SILENT = 10 ** (-60 / 20) * 32768  # -60 dBFS: nothing is sent of what is nowhere louder
DECODING = 0.1  # share of the progress
NOT_SPEECH, UNLIKELY = 0.6, -1.0  # Whisper's own thresholds (Radford et al. 2022, section 4.5): both together are no speech
LOOKAHEAD = 40  # characters that may stand between two timed words: marks, and words that were not timed
OPENERS = "\"'“‘„«([{¿¡*_"


class TimedWord(BaseModel):
    """A word as the API gives it, in seconds of the stretch."""

    word: str
    start: float
    end: float


class Segment(BaseModel):
    """A segment as the API gives it, in seconds of the stretch."""

    text: str
    start: float
    end: float
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class Answer(BaseModel):
    """What the API answers: `verbose_json`, or only the text."""

    text: str
    language: str | None = None
    words: list[TimedWord] | None = None
    segments: list[Segment] | None = None


@dataclass(frozen=True)
class Piece:
    """A stretch of one voice: its samples, where it begins in seconds, and what the voice is called."""

    samples: Samples
    start: float
    speaker: str | None


@dataclass(frozen=True)
class Heard:
    """What was heard in a piece. `estimated`: its times are not the server's."""

    said: tuple[Utterance, ...] = ()
    language: str | None = None
    estimated: bool = False


class OpenAITranscriber:
    """Transcribes with the API and `openai_transcription_model` of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def transcribe(self, job: TranscriptionJob) -> Transcript:
        """See `Transcriber`. Codes of failures are in `openai_api`. Also raises Invalid where the recording can't be decoded."""
        decoded = decode(job.media, self._settings, lambda done: job.progress(DECODING * done), job.speakers)
        language = code_of(job.language)
        pieces = list(_pieces(decoded.samples))
        heard = self._heard(pieces, language, job) if pieces else []
        return transcript(
            decoded, [utterance for piece in heard for utterance in piece.said],
            language=language or next((piece.language for piece in heard if piece.said and piece.language), None),
            speakers=job.speakers, engine="openai", model=self._settings.openai_transcription_model,
            warnings=[TIMES_ESTIMATED] if any(piece.estimated for piece in heard) else [],
        )  # fmt: skip

    def _heard(self, pieces: Sequence[Piece], language: str | None, job: TranscriptionJob) -> list[Heard]:
        with Endpoint(self._settings, TranscriptionFailed, lambda taken: job.spend(taken.cost(self._settings))) as endpoint:
            ask = partial(_hear, endpoint, language)
            return endpoint.each(ask, pieces, lambda done: job.progress(DECODING + (1 - DECODING) * done))


# -- asking ------------------------------------------------------------------------------------------------------------


def _pieces(voices: Sequence[Samples]) -> Iterator[Piece]:
    for speaker, samples in zip(labels(len(voices)), voices, strict=True):
        yield from _cut(Piece(samples, 0.0, speaker), LONGEST)


def _cut(piece: Piece, longest: int) -> Iterator[Piece]:
    for start, end in stretches(piece.samples, longest):
        if _is_heard(piece.samples[start:end]):
            yield Piece(piece.samples[start:end], piece.start + start / RATE, piece.speaker)


def _is_heard(samples: Samples) -> bool:
    return bool((loudness(samples) > SILENT).any())


def _hear(endpoint: Endpoint, language: str | None, piece: Piece) -> Heard:
    """What is heard in a piece, by timed words or segments where the server has them."""
    if "response_format" in endpoint.refused and len(piece.samples) > UNTIMED:
        return _hear_parts(endpoint, language, piece, UNTIMED)
    request = _request(endpoint, piece, language)
    try:
        answer = endpoint.call(partial(_send, request))
    except RefusedParameter as refused:
        if request.get(refused.name, "json") == "json":  # not asked for, or nothing plainer to ask for
            raise TranscriptionFailed("The model does not take this kind of request.", code="llm_bad_request") from None
        return _hear_without(endpoint, language, piece, refused.name)
    except ContextTooLong:
        if len(piece.samples) <= SHORTEST:
            raise TranscriptionFailed("The model takes too little sound at once.", code="llm_context_too_small") from None
        return _hear_parts(endpoint, language, piece, max(SHORTEST, len(piece.samples) // 2 + 1))
    endpoint.count(Tokens(seconds=len(piece.samples) / RATE))
    if len(piece.samples) > UNTIMED and answer.text.strip() and not (answer.words or answer.segments):
        return _hear_without(endpoint, language, piece, "response_format")
    return _read(answer, piece)


def _hear_without(endpoint: Endpoint, language: str | None, piece: Piece, parameter: str) -> Heard:
    endpoint.refused.add(parameter)
    return _hear(endpoint, language, piece)


def _hear_parts(endpoint: Endpoint, language: str | None, piece: Piece, longest: int) -> Heard:
    parts = [_hear(endpoint, language, part) for part in _cut(piece, longest)]
    found = next((part.language for part in parts if part.said and part.language), None)
    return Heard(tuple(u for part in parts for u in part.said), found, any(part.estimated for part in parts))


def _request(endpoint: Endpoint, piece: Piece, language: str | None) -> dict[str, Any]:
    request: dict[str, Any] = {
        "model": endpoint.settings.openai_transcription_model,
        "file": ("audio.flac", encode(piece.samples), "audio/flac"),
        "response_format": "json" if "response_format" in endpoint.refused else "verbose_json",
    }
    if not endpoint.refused & {"response_format", "timestamp_granularities"}:
        request["timestamp_granularities"] = ["word", "segment"]
    return request | ({"language": language} if language else {})


def _send(request: dict[str, Any], client: openai.OpenAI) -> Answer:
    answer = client.audio.transcriptions.create(**request)
    if not isinstance(answer, BaseModel):
        raise ValueError("not a transcription")
    return Answer.model_validate(answer.model_dump(warnings=False))


def encode(samples: Samples) -> bytes:
    """FLAC, 16 kHz mono: at most 19 MB for ten minutes, below the 25 MB that the API takes."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        for at in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(samples[at : at + RATE].reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(answer: Answer, piece: Piece) -> Heard:
    seconds = len(piece.samples) / RATE
    segments = answer.segments or [Segment(text=answer.text, start=0.0, end=seconds)]
    kept = [segment for segment in segments if not _is_invented(segment)]
    if answer.words:
        spoken = [word for segment in kept for word in aligned(segment.text, _within(answer.words, segment, segments), piece.start)]
        return Heard(tuple(utterances(spoken, piece.speaker)), code_of(answer.language))
    said = tuple(utterance for segment in kept for utterance in _shared_out(segment, piece, seconds))
    return Heard(said, code_of(answer.language), estimated=bool(said) and not answer.segments)


def _is_invented(segment: Segment) -> bool:
    """Whether the model made up what it says of a stretch in which nobody speaks."""
    return (segment.no_speech_prob or 0.0) > NOT_SPEECH and (segment.avg_logprob or 0.0) < UNLIKELY


def _within(words: Sequence[TimedWord], segment: Segment, segments: Sequence[Segment]) -> list[TimedWord]:
    """Words whose middle lies in the segment; what lies in none belongs to the nearest."""
    return [word for word in words if min(segments, key=partial(_distance, (word.start + word.end) / 2)) is segment]


def _distance(at: float, segment: Segment) -> float:
    return max(segment.start - at, at - segment.end, 0.0)


def aligned(text: str, words: Sequence[TimedWord], offset: float) -> list[Spoken]:
    """The whole text cut before each timed word, with its times: the API's words lack the marks that end sentences."""
    found: list[tuple[int, TimedWord]] = []
    cursor, low = 0, text.lower() if len(text.lower()) == len(text) else text
    for word in words:
        bare = word.word.strip().strip(".,!?;:…" + OPENERS).lower()
        at = low.find(bare, cursor, cursor + len(bare) + LOOKAHEAD) if bare else -1
        if at >= 0:
            found.append((_before(text, at), word))
            cursor = at + len(bare)
    if not found:
        return [Spoken(f" {word.word.strip()}", round(word.start + offset, 2), round(word.end + offset, 2)) for word in words]
    cuts = [0, *(at for at, _ in found[1:]), len(text)]
    return [
        Spoken(text[cuts[n] : cuts[n + 1]], round(word.start + offset, 2), round(word.end + offset, 2))
        for n, (_, word) in enumerate(found)
    ]  # fmt: skip


def _before(text: str, at: int) -> int:
    """Where the word at `at` begins, with what opens before it and the space before that."""
    while at and text[at - 1] in OPENERS:
        at -= 1
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _shared_out(segment: Segment, piece: Piece, seconds: float) -> Iterator[Utterance]:
    """The sentences of a segment, with times by their share of its characters."""
    sentences = split(segment.text)
    start, end = min(segment.start, seconds), min(segment.end, seconds)
    pace = (end - start) / max(1, sum(map(len, sentences)))
    at = 0
    for sentence in sentences:
        times = [round(piece.start + start + pace * x, 2) for x in (at, at + len(sentence))]
        yield Utterance(sentence, piece.speaker, times[0], times[1])
        at += len(sentence)
