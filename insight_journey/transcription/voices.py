"""From the sentences of each voice to the transcript: their order, who speaks as far as it is known, and what went wrong."""

from collections.abc import Sequence

from insight_journey.transcription.base import NO_SPEECH, SPEAKERS_NOT_SEPARATED, SPEAKERS_UNKNOWN, UNKNOWN, Transcript, Utterance
from insight_journey.transcription.media import Decoded


def labels(count: int) -> list[str | None]:
    """What the voices are called: a lone one has no name."""
    return [None] if count == 1 else [f"Speaker {number}" for number in range(1, count + 1)]


def transcript(
    decoded: Decoded, said: Sequence[Utterance], *, language: str | None, speakers: int | None, engine: str, model: str,
    warnings: Sequence[str] = (),
) -> Transcript:  # fmt: skip
    """Sentences of all voices as one transcript, by time. `speakers` as the person announced."""
    apart = len(decoded.samples) > 1
    roles = _roles(said, apart, speakers)
    found = [*decoded.warnings, *warnings]
    found += [] if said else [NO_SPEECH]
    found += [SPEAKERS_NOT_SEPARATED] if speakers == 2 and not apart else []
    found += [SPEAKERS_UNKNOWN] if roles else []
    return Transcript(
        tuple(sorted(said, key=lambda utterance: utterance.start or 0.0)), language, engine, model,
        duration=round(decoded.seconds, 3), roles=roles, warnings=tuple(found),
    )  # fmt: skip


def _roles(said: Sequence[Utterance], apart: bool, speakers: int | None) -> dict[str, str]:
    """Nobody knows who is who where two are heard or announced; a lone voice is the client and needs no role."""
    names = sorted({utterance.speaker or "" for utterance in said})
    return dict.fromkeys(names, UNKNOWN) if len(names) > 1 or (speakers == 2 and not apart) else {}
