"""Sessions of a person as the analyzers would tell them, small enough to read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from insight_journey import taxonomy
from insight_journey.analysis.base import CODED_KINDS, KINDS, Analysis, Kind, Mention, Moment
from insight_journey.crypto import Key
from insight_journey.extensions import new_id
from insight_journey.graph.projection import SessionTruth

START = datetime(2026, 3, 1, 18, tzinfo=UTC)


def moments(*texts: str) -> tuple[Moment, ...]:
    """One moment a text, ten seconds each, joined by a space."""
    found, offset = [], 0
    for position, text in enumerate(texts):
        found.append(Moment(position, text, offset, offset + len(text), start=10.0 * position, end=10.0 * position + 9))
        offset += len(text) + 1
    return tuple(found)


def mention(kind: Kind, moment: Moment, quote: str, **more: Any) -> Mention:
    start = moment.text.index(quote)
    given = {"confidence": 0.75, "engine": "lexicon", "start": moment.start, "end": moment.end, **more}
    return Mention(kind, moment.position, quote, start, start + len(quote), **given)


def analysis(spoken: Sequence[Moment], *mentions: Mention) -> Analysis:
    return Analysis("local", "1", "en", tuple(spoken), mentions)


def truth(key: Key, told: Analysis | None, session_id: UUID | None = None, day: int = 0, version: int = 1) -> SessionTruth:
    """Element keys as sessions/identity.py decides them: the code, or a hash of the wording."""
    at = START + timedelta(days=day)
    keys = {}
    for found in told.mentions if told else ():
        wording = (found.code if found.kind in CODED_KINDS else found.text) or ""
        keys[found.kind, wording] = wording if found.kind in CODED_KINDS else key.text_hash(f"identity.{found.kind}", wording.lower()).hex()
    return SessionTruth(key.owner, session_id or new_id(), at, at.date().isoformat(), version, told, keys)


def evening() -> Analysis:
    """Three moments: all six kinds, one moment without any element."""
    spoken = moments(
        "I felt so overwhelmed, the deadlines at work.", "I am never good enough. I realised I rush.", "Anyway. Tomorrow I will rest."
    )
    first, second, third = spoken
    return analysis(
        spoken,
        mention("emotion", first, "overwhelmed", code="fear.nervousness", intensity=3),
        mention("topic", first, "deadlines", code="work.workload"),
        mention("challenge", first, "deadlines at work", text="Deadlines at work", severity=2),
        mention("belief", second, "never good enough", text="I am never good enough", code="self", stance="holds", engine="rule"),
        mention("insight", second, "I realised I rush", text="I rush"),
        mention("action_item", third, "Tomorrow I will rest", text="Rest", due_on="2026-03-02"),
    )


def busy(elements: int) -> Analysis:
    """As many elements, each in a moment of its own."""
    spoken = moments(*(f"I felt sad about thing number {n}." for n in range(elements)))
    return analysis(spoken, *(mention("challenge", moment, f"number {n}", text=f"Thing {n}") for n, moment in enumerate(spoken)))


def varied(elements: int) -> Analysis:
    """As many elements, no two the same (up to 300), of all kinds in turn, each in a moment of its own."""
    spoken = moments(*(f"I felt sad about thing number {n}." for n in range(elements)))
    return analysis(spoken, *(_one_of_many(n, moment) for n, moment in enumerate(spoken)))


def _one_of_many(number: int, moment: Moment) -> Mention:
    kind = KINDS[number % len(KINDS)]
    text = None if kind in CODED_KINDS else f"Thing {number}"
    codes = taxonomy.load(taxonomy.TAXONOMY_OF_KIND[kind]).codes if kind in taxonomy.TAXONOMY_OF_KIND else (None,)
    return mention(kind, moment, f"number {number}", text=text, code=codes[number // len(KINDS) % len(codes)])
