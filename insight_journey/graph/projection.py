"""Writes one session's truth into the graph: everything of it replaced, in one transaction, in a constant number of statements."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from insight_journey import taxonomy
from insight_journey.analysis.base import CODED_KINDS, KINDS, Analysis, Kind, Mention, Moment
from insight_journey.crypto import Key
from insight_journey.graph.client import Graph, Row, Statement
from insight_journey.graph.queries import projection, removal, whole
from insight_journey.graph.schema import ensure_schema

BATCH = 1000  # rows of one parameter: larger messages make the driver hang on the embedded graph
LAST_FENCE = 2**62
WORDING = "graph.mention"  # purpose of the seal on a mention's wording


@dataclass(frozen=True)
class SessionTruth:
    """What is true of a session now.

    `day`: ISO day of `occurred_at` in the person's time zone. `version` counts the session's truths.
    `analysis`: the active one, None before the first. `element_keys`: (kind, code or wording) -> the decided key.
    """

    user_id: UUID
    session_id: UUID
    occurred_at: datetime
    day: str
    version: int
    analysis: Analysis | None
    element_keys: Mapping[tuple[Kind, str], str]


def person_id(key: Key, user_id: UUID) -> str:
    """Id of a person in the graph, and `owner` of everything of hers."""
    return key.graph_id("person", str(user_id))


def session_id(key: Key, session: UUID) -> str:
    """Id of a session in the graph."""
    return key.graph_id("session", str(session))


def moment_id(key: Key, session: UUID, moment: Moment) -> str:
    """Id of a moment: the same as long as its place and its words are."""
    return key.graph_id("moment", str(session), str(moment.position), str(moment.char_start), moment.text)


def element_id(key: Key, kind: Kind, element_key: str) -> str:
    """Id of an element: the API and events use it too."""
    return key.graph_id("element", kind, element_key)


def project_session(graph: Graph, key: Key, truth: SessionTruth, fence: int = 0) -> None:
    """Make the graph say of this session exactly what `truth` says. Idempotent, all or nothing.

    Four statements, and one more for each further thousand moments or mentions. `key` is the user's. `fence` rises with each
    writer of a person: raises Refused where one with a higher fence has written.
    """
    ensure_schema(graph)
    graph.write(list(_statements(key, truth, fence)))


def remove_session(graph: Graph, key: Key, user_id: UUID, session: UUID, fence: int = 0) -> None:
    """Take a session and what only it held out of the graph; nothing happens when it is not there. Raises Refused."""
    ensure_schema(graph)
    common = {"owner": person_id(key, user_id), "session": session_id(key, session), "projection": "", "fence": fence}
    queries = (projection.FENCE, projection.STALE_MENTIONS, projection.STALE_MOMENTS, removal.SESSION, removal.IDLE_PERSON)
    graph.write([(query, common) for query in queries])


def clear_person(graph: Graph, owner: str, fence: int = 0) -> None:
    """Take everything of a person out of the graph, to write it anew; earlier writers stay refused. Raises Refused."""
    ensure_schema(graph)
    graph.write([(projection.FENCE, {"owner": owner, "fence": fence}), (removal.PERSON, {"owner": owner})])


def remove_person(graph: Graph, owner: str) -> None:
    """Take everything of a person out of the graph for good. `owner` is her `person_id`."""
    ensure_schema(graph)
    common = {"owner": owner, "fence": LAST_FENCE}
    graph.write([(query, common) for query in (projection.FENCE, removal.PERSON, removal.WRITER)])


def fence_of(graph: Graph, key: Key) -> int:
    """The highest fence that wrote of this person; 0 where none did."""
    return max((row["fence"] for row in graph.read(whole.FENCE, owner=person_id(key, key.owner))), default=0)


def _statements(key: Key, truth: SessionTruth, fence: int) -> Iterator[Statement]:
    common = {
        "owner": person_id(key, truth.user_id),
        "session": session_id(key, truth.session_id),
        "projection": secrets.token_hex(8),
    }
    session = {**common, **session_row(truth), "fence": fence}
    for moments in _batches(moment_rows(key, truth)):
        yield projection.SESSION, {**session, "moments": moments}
    categories = category_rows(key, truth)
    for mentions in _batches([_sealed(key, row) for row in mention_rows(key, truth)]):
        by_kind: dict[str, Any] = {kind: [row for row in mentions if row["kind"] == kind] for kind in KINDS}
        yield projection.MENTIONS_OF_SESSION, {**common, **by_kind, "categories": categories}
    yield projection.STALE_MENTIONS, common
    yield projection.STALE_MOMENTS, common


def _batches(rows: list[Row]) -> Iterator[list[Row]]:
    """At least one, so that an empty truth takes the same statements."""
    for start in range(0, max(len(rows), 1), BATCH):
        yield rows[start : start + BATCH]


def session_row(truth: SessionTruth) -> Row:
    """A session's own properties."""
    return {"at": epoch_ms(truth.occurred_at), "day": truth.day, "version": truth.version}


def moment_rows(key: Key, truth: SessionTruth) -> list[Row]:
    """All moments, with their ids and properties."""
    at = epoch_ms(truth.occurred_at)
    moments = truth.analysis.moments if truth.analysis else ()
    return [
        {
            "id": moment_id(key, truth.session_id, moment),
            "position": moment.position,
            "start": moment.start,
            "end": moment.end,
            "at": at + round(1000 * (moment.start or 0)),
            "speaker": moment.role,
        }
        for moment in moments
    ]


def mention_rows(key: Key, truth: SessionTruth) -> list[Row]:
    """One row a mention id; of two that differ in nothing but how they were found, the surer one. Wordings in the clear."""
    if truth.analysis is None:
        return []
    moments = {moment.position: moment for moment in truth.analysis.moments}
    found = sorted(truth.analysis.mentions, key=lambda mention: mention.confidence)
    rows = (_mention_row(key, truth, moments[mention.moment], mention) for mention in found)
    return list({row["id"]: row for row in rows}.values())


def _mention_row(key: Key, truth: SessionTruth, moment: Moment, mention: Mention) -> Row:
    coded = mention.kind in CODED_KINDS
    element_key = truth.element_keys[mention.kind, (mention.code if coded else mention.text) or ""]
    start, end = moment.char_start + mention.quote_start, moment.char_start + mention.quote_end
    mention_id = key.graph_id("mention", str(truth.session_id), mention.kind, element_key, str(start), str(end))
    return {
        "id": mention_id,
        "kind": mention.kind,
        "moment": moment_id(key, truth.session_id, moment),
        "element": element_id(key, mention.kind, element_key),
        "key": element_key,
        "code": mention.code if coded else None,
        "status": "open" if mention.kind == "action_item" else None,
        "category": _category_id(key, mention.kind, mention.code),
        "mention": _mention_properties(mention),
    }


def _sealed(key: Key, row: Row) -> Row:
    wording = row["mention"]["wording"]
    sealed = key.seal_text(WORDING, row["id"], 1, wording) if wording is not None else None
    return {**row, "mention": {**row["mention"], "wording": sealed}}


def _mention_properties(mention: Mention) -> Row:
    """All of them each time: what is None now is taken off."""
    return {
        "span_start": mention.quote_start,
        "span_end": mention.quote_end,
        "start": mention.start,
        "end": mention.end,
        "confidence": mention.confidence,
        "engine": mention.engine,
        "intensity": mention.intensity,
        "stance": mention.stance,
        "severity": mention.severity,
        "due_on": mention.due_on,
        "category": mention.code if mention.kind == "belief" else None,
        "wording": mention.text,
    }


def _category_id(key: Key, kind: Kind, code: str | None) -> str | None:
    name = taxonomy.TAXONOMY_OF_KIND.get(kind)
    if code is None or name is None or not taxonomy.load(name).belongs(code):
        return None
    return key.graph_id("category", name, code)


def category_rows(key: Key, truth: SessionTruth) -> list[Row]:
    """The categories that the mentions name with all above them, parents first."""
    used = {(m.kind, m.code) for m in (truth.analysis.mentions if truth.analysis else ()) if m.code and _category_id(key, m.kind, m.code)}
    rows: dict[str, Row] = {}
    for kind, code in sorted(used):
        name = taxonomy.TAXONOMY_OF_KIND[kind]
        tree = taxonomy.load(name)
        for category in reversed((tree.get(code), *tree.ancestors(code))):
            row = {"taxonomy": name, "code": category.code, "parent": _category_id(key, kind, category.parent)}
            rows.setdefault(key.graph_id("category", name, category.code), row)
    return [{"id": category_id, **row} for category_id, row in rows.items()]


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970: the form of every time in the graph."""
    return round(moment.timestamp() * 1000)
