"""What every transcriber is, what it answers, and the literal table of those that exist."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

CLIENT = "client"  # the person whose growth this is about
PRACTITIONER = "practitioner"
UNKNOWN = "unknown"  # two or more speak and nobody knows who is who
ROLES = (CLIENT, PRACTITIONER, UNKNOWN)

# Codes of warnings that a transcript may carry
NO_SPEECH = "no_speech"  # nobody is heard
RECORDING_BROKEN_OFF = "recording_broken_off"  # it ends before its time: what is there was transcribed
RECORDING_DAMAGED = "recording_damaged"  # parts can't be read: silence stands for them
SPEAKERS_NOT_SEPARATED = "speakers_not_separated"  # two were announced, one stream was heard
SPEAKERS_UNKNOWN = "speakers_unknown"  # several speak and nobody knows who is who


@dataclass(frozen=True)
class Word:
    """One spoken word. `start`, `end` in seconds; `offset` is its first character in the utterance's text."""

    start: float
    end: float
    offset: int
    length: int


@dataclass(frozen=True)
class Utterance:
    """One sentence or turn. `start`, `end` in seconds from the beginning; None where no clock is known."""

    text: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """What was said, in order. Immutable; `warnings` are codes that the run shows (`docs/pipeline.md`)."""

    utterances: tuple[Utterance, ...]
    language: str | None  # ISO 639-1; None when it could not be told
    engine: str  # "whisper", "openai", "text"
    model: str | None = None
    duration: float | None = None  # seconds of audio
    roles: dict[str, str] = field(default_factory=dict)  # speaker label ("" where there is none) -> role; a lone speaker is the client
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All utterances joined by one space: what character spans of moments count in."""
        return " ".join(utterance.text for utterance in self.utterances)


@dataclass(frozen=True)
class TranscriptionJob:
    """What a transcriber gets. `media` is a seekable, decrypting file; its bytes never touch the disk in the clear."""

    media: BinaryIO
    file_name: str | None  # only for its suffix; hostile
    media_type: str | None
    language: str | None  # what the person said it is, or None to detect
    speakers: int | None  # 1, 2 or None (auto)
    progress: Callable[[float], None]  # called with 0..1; raises Cancelled to stop between segments
    spend: Callable[[float], None] = lambda usd: None  # called with what each answer of an outside model cost, from any thread


class Transcriber(Protocol):
    """Turns media into a Transcript. Raises TranscriptionFailed (see `transient`) or ModelUnavailable."""

    def __init__(self, settings: Any) -> None: ...

    def transcribe(self, job: TranscriptionJob) -> Transcript: ...


TRANSCRIBERS = {
    "whisper": "insight_journey.transcription.whisper:WhisperTranscriber",
    "openai": "insight_journey.transcription.openai:OpenAITranscriber",
}
