"""Writes one session's truth into the graph: everything of it replaced, in one transaction, in a constant number of statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from insight_journey import taxonomy
from insight_journey.analysis.base import CODED_KINDS, KINDS, Analysis, Kind, Mention, Moment
from insight_journey.crypto import Key
from insight_journey.graph.client import Ask, Graph, Row, Statement
from insight_journey.graph.model import FILED_KINDS, KIND_OF_MENTION, MENTION_COLUMNS, MOMENT_COLUMNS
from insight_journey.graph.queries import projection, removal, whole
from insight_journey.graph.schema import ensure_schema

BATCH = 1000  # rows of one parameter: larger messages make the driver hang on the embedded graph
LAST_FENCE = 2**62
T = TypeVar("T")
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

    At most four statements, and more only where a thousand rows are not enough. `key` is the user's. `fence` rises with each
    writer of a person: raises Refused where one with a higher fence has written.
    """
    ensure_schema(graph)
    statements = list(_statements(key, truth))
    graph.transact(partial(_replace, _names(key, truth.user_id, truth.session_id), fence, statements))


def remove_session(graph: Graph, key: Key, user_id: UUID, session: UUID, fence: int = 0) -> None:
    """Take a session and what only it held out of the graph; nothing happens when it is not there. Raises Refused."""
    ensure_schema(graph)
    names = _names(key, user_id, session)
    graph.transact(partial(_replace, names, fence, [(removal.SESSION, names), (removal.IDLE_PERSON, names)]))


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


def _names(key: Key, user_id: UUID, session: UUID) -> Row:
    return {"owner": person_id(key, user_id), "session": session_id(key, session)}


def _replace(names: Row, fence: int, statements: Sequence[Statement], ask: Ask) -> None:
    """Run `statements` after what the session held was taken away, and before what nothing holds any more is."""
    (cleared,) = ask(projection.CLEAR, {**names, "fence": fence})
    for statement in statements:
        ask(*statement)
    for held in _batches(cleared["held"]):
        ask(projection.PRUNE, {**names, **_by_kind(KINDS, ((KIND_OF_MENTION[type_], element) for type_, element in held))})


def _statements(key: Key, truth: SessionTruth) -> Iterator[Statement]:
    moments, categories = moment_rows(key, truth), category_rows(key, truth)
    mentions = _mentions(key, truth, moments, categories)
    session = {**_names(key, truth.user_id, truth.session_id), **session_row(truth)}
    for told in list(_batches(_told(key, moments, mentions), _size)) or [[]]:
        yield projection.CONTENT, {**session, "moments": told}
    filed = dict.fromkeys((row["kind"], (row["element"], row["category"])) for row in mentions if row["category"])
    for pairs in _batches(filed):
        yield projection.CATEGORIES, {"owner": session["owner"], "categories": categories, **_by_kind(FILED_KINDS, pairs)}


def _told(key: Key, moments: list[Row], mentions: list[Row]) -> list[Row]:
    """Moments as the statement reads them: `row` their values, and under each kind their mentions'."""
    told = {moment["id"]: {"row": [moment[name] for name in MOMENT_COLUMNS]} for moment in moments}
    for row in mentions:
        told[row["moment"]].setdefault(row["kind"], []).append(_mention_values(key, row))
    return list(told.values())


def _mention_values(key: Key, row: Row) -> list[Any]:
    mention = {"id": row["id"], **row["mention"]}
    if mention["wording"] is not None:
        mention["wording"] = key.seal_text(WORDING, row["id"], 1, mention["wording"])
    return [row["element"], row["key"], row["code"], row["status"], *(mention[name] for name in MENTION_COLUMNS)]


def _by_kind(kinds: Iterable[Kind], pairs: Iterable[tuple[Kind, Any]]) -> dict[str, list[Any]]:
    """A parameter a kind, empty ones too."""
    found: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for kind, value in pairs:
        found[kind].append(value)
    return found


def _size(told: Row) -> int:
    """A moment and its mentions."""
    return 1 + sum(len(rows) for kind, rows in told.items() if kind != "row")


def _batches(rows: Iterable[T], size: Callable[[T], int] = lambda _: 1) -> Iterator[list[T]]:
    """Rows in their order, as many together as a parameter may hold."""
    batch: list[T] = []
    held = 0
    for row in rows:
        if batch and held + size(row) > BATCH:
            yield batch
            batch, held = [], 0
        batch.append(row)
        held += size(row)
    if batch:
        yield batch


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
    return _mentions(key, truth, moment_rows(key, truth), category_rows(key, truth))


def _mentions(key: Key, truth: SessionTruth, moments: list[Row], categories: list[Row]) -> list[Row]:
    """With the ids that `moments` and `categories` have already: an HMAC is most of what a row costs."""
    if truth.analysis is None:
        return []
    places = {moment.position: (row["id"], moment.char_start) for moment, row in zip(truth.analysis.moments, moments, strict=True)}
    filed = {(row["taxonomy"], row["code"]): row["id"] for row in categories}
    found = sorted(truth.analysis.mentions, key=lambda mention: mention.confidence)
    rows = (_mention_row(key, truth, mention, *places[mention.moment], filed.get(_category(mention))) for mention in found)
    return list({row["id"]: row for row in rows}.values())


def _mention_row(key: Key, truth: SessionTruth, mention: Mention, moment: str, moment_start: int, category: str | None) -> Row:
    coded = mention.kind in CODED_KINDS
    element_key = truth.element_keys[mention.kind, (mention.code if coded else mention.text) or ""]
    start, end = moment_start + mention.quote_start, moment_start + mention.quote_end
    return {
        "id": key.graph_id("mention", str(truth.session_id), mention.kind, element_key, str(start), str(end)),
        "kind": mention.kind,
        "moment": moment,
        "element": element_id(key, mention.kind, element_key),
        "key": element_key,
        "code": mention.code if coded else None,
        "status": "open" if mention.kind == "action_item" else None,
        "category": category,
        "mention": _mention_properties(mention),
    }


def _category(mention: Mention) -> tuple[taxonomy.Name | None, str | None]:
    """Taxonomy and code, whether there is such a category or not."""
    return taxonomy.TAXONOMY_OF_KIND.get(mention.kind), mention.code


def _mention_properties(mention: Mention) -> Row:
    """What the relationship holds besides `owner` and `id`, the wording in the clear."""
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


def category_rows(key: Key, truth: SessionTruth) -> list[Row]:
    """The categories that the mentions name with all above them, parents first."""
    mentions = truth.analysis.mentions if truth.analysis else ()
    named = {_category(mention) for mention in mentions}
    return [row for name in taxonomy.NAMES for row in _rows_of_taxonomy(key, name, {code for of, code in named if of == name})]


def _rows_of_taxonomy(key: Key, name: taxonomy.Name, named: set[str | None]) -> list[Row]:
    tree = taxonomy.load(name)
    known = [code for code in named if code is not None and tree.belongs(code)]
    wanted = {*known, *(category.code for code in known for category in tree.ancestors(code))}
    ids = {code: key.graph_id("category", name, code) for code in tree.codes if code in wanted}
    return [{"id": ids[code], "taxonomy": name, "code": code, "parent": ids.get(tree.get(code).parent or "")} for code in ids]


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970: the form of every time in the graph."""
    return round(moment.timestamp() * 1000)
