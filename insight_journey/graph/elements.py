"""What a read of the graph answers: rows made into plain data, sealed wordings opened."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from insight_journey import taxonomy
from insight_journey.analysis.base import Kind
from insight_journey.crypto import Key
from insight_journey.graph.client import Row
from insight_journey.graph.model import KIND_OF_MENTION
from insight_journey.graph.projection import WORDING, SessionTruth, mention_rows, moment_rows, session_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ElementMention:
    """One mention with its element.

    `name`: the taxonomy's, for emotions and topics. `text`: what a free-text element is called (the wording of its earliest
    mention); `wording`: how this mention worded it. `category`: taxonomy code, for emotions, topics and beliefs.
    `span_start`, `span_end`: characters of the quote in the moment's text; `start`, `end`: seconds of it.
    `at`: when the moment was spoken or written. `session_id` is the session's id in the graph.
    """

    id: str
    element_id: str
    kind: Kind
    code: str | None
    name: str | None
    text: str | None
    wording: str | None
    category: str | None
    moment_id: str
    moment_position: int
    session_id: str
    span_start: int
    span_end: int
    start: float | None
    end: float | None
    at: datetime
    confidence: float
    engine: str
    intensity: int | None = None
    stance: str | None = None
    severity: int | None = None
    due_on: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class GraphView:
    """A drawing: nodes `{id, label, ...}`, relationships `{id, type, start, end, ...}`; `totals` are the denominators."""

    nodes: list[Row]
    relationships: list[Row]
    totals: dict[str, int] = field(default_factory=dict)


def mention_from(key: Key, row: Row) -> ElementMention:
    """A row of `queries/mentions.py`, opened. Raises Tampered."""
    kind, mention = KIND_OF_MENTION[row["type"]], row["mention"]
    shared = ("span_start", "span_end", "confidence", "engine")
    optional = ("start", "end", "intensity", "stance", "severity", "due_on")
    return ElementMention(
        **{name: row[name] for name in ("id", "element_id", "code", "moment_id", "moment_position", "session_id", "status")},
        **{name: mention[name] for name in shared},
        **{name: mention.get(name) for name in optional},
        kind=kind,
        name=name_of(kind, row["code"]),
        text=text_of(key, row["earliest"]),
        wording=opened(key, row["id"], mention.get("wording")),
        category=row["code"] or mention.get("category"),
        at=moment_of(row["at"]),
    )


def mentions_expected(key: Key, truth: SessionTruth, kind: Kind | None = None) -> list[ElementMention]:
    """What the graph will say of a session once it has caught up, in the order of its words; `text` is each mention's own wording."""
    moments = {row["id"]: row for row in moment_rows(key, truth)}
    rows = [row for row in mention_rows(key, truth) if kind in (None, row["kind"])]
    found = [_expected(session_id(key, truth.session_id), row, moments[row["moment"]]) for row in rows]
    return sorted(found, key=lambda mention: (mention.moment_position, mention.span_start, mention.span_end, mention.id))


def _expected(session: str, row: Row, moment: Row) -> ElementMention:
    mention = row["mention"]
    return ElementMention(
        **{name: value for name, value in mention.items() if name != "category"},
        **{name: row[name] for name in ("id", "kind", "code", "status")},
        element_id=row["element"],
        name=name_of(row["kind"], row["code"]),
        text=mention["wording"],
        category=row["code"] or mention["category"],
        moment_id=row["moment"],
        moment_position=moment["position"],
        session_id=session,
        at=moment_of(moment["at"]),
    )


def name_of(kind: Kind, code: str | None) -> str | None:
    """The taxonomy's name of a code; the code itself when this version knows it no more."""
    if code is None:
        return None
    tree = taxonomy.load(taxonomy.TAXONOMY_OF_KIND[kind])
    return tree.get(code).name if tree.belongs(code) else code


def text_of(key: Key, earliest: list[Row]) -> str | None:
    """What a free-text element is called: the wording of its earliest mention."""
    return opened(key, earliest[0]["id"], earliest[0]["wording"]) if earliest else None


def opened(key: Key, mention_id: str, wording: bytes | None) -> str | None:
    return None if wording is None else key.open_text(WORDING, mention_id, 1, bytes(wording))


def moment_of(epoch_ms: int) -> datetime:
    """Aware UTC."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def written(row: Row) -> dict[str, Any]:
    """A row as JSON types: without what is not known, times in ISO 8601."""
    times = ("at", "first", "last")
    return {name: moment_of(value).isoformat() if name in times else value for name, value in row.items() if value is not None}
