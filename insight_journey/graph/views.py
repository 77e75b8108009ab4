"""Reads of one person's graph. Each takes her key, whose owner every pattern matches: nobody else's nodes can be in an answer.

`hidden` are graph ids of sessions that are deleted and not yet out of the graph: nothing of theirs is shown.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from insight_journey import taxonomy
from insight_journey.analysis.base import Kind, prominence
from insight_journey.crypto import Key
from insight_journey.graph import projection
from insight_journey.graph.client import Graph, Row
from insight_journey.graph.elements import ElementMention, GraphView, mention_from, name_of, text_of, written
from insight_journey.graph.model import KIND_OF_LABEL, KIND_OF_MENTION, LABEL_OF_KIND, MENTION_OF_KIND
from insight_journey.graph.queries import drawing
from insight_journey.graph.queries import mentions as queries
from insight_journey.graph.queries import summary as periods

SUMMARY_ELEMENTS = 40  # of each kind in a summary: what fits on a screen
SUMMARY_LINKS = 400  # pairs of elements in a summary, the most shared ones
_EVER = 1 << 52  # milliseconds: further from 1970 than any date


def session_mentions(
    graph: Graph, key: Key, session_id: UUID, kind: Kind | None = None, hidden: Sequence[str] = ()
) -> list[ElementMention]:
    """The mentions of a session in the order of its words; empty for a session that the graph does not hold."""
    rows = graph.read(queries.OF_SESSION, **_session(key, session_id), types=_types(kind), hidden=list(hidden))
    found = [mention_from(key, row) for row in rows]
    return sorted(found, key=lambda m: (m.moment_position, m.span_start, m.span_end, m.id))  # ids apart, an engine may not sort so far


def mentions(
    graph: Graph,
    key: Key,
    kind: Kind | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    skip: int = 0,
    limit: int = 50,
    hidden: Sequence[str] = (),
) -> tuple[list[ElementMention], int]:
    """One page of a person's mentions from `since` up to before `until`, newest first, and how many there are in all."""
    period = {**_period(key, since, until, hidden), "types": _types(kind)}
    total = graph.read(queries.COUNT_OF_PERSON, **period)[0]["total"]
    rows = graph.read(queries.OF_PERSON, **period, skip=skip, limit=limit) if skip < total else []
    return [mention_from(key, row) for row in rows], total


def counts(graph: Graph, key: Key, session_id: UUID) -> dict[Kind, int]:
    """Distinct elements of each kind in a session; kinds without any are left out."""
    rows = graph.read(queries.ELEMENTS_OF_SESSION, **_session(key, session_id))
    return {KIND_OF_MENTION[row["type"]]: row["n"] for row in rows}


def session_graph(graph: Graph, key: Key, session_id: UUID, hidden: Sequence[str] = ()) -> GraphView:
    """A session with its moments, elements and categories, for drawing. Empty when the graph does not hold it.

    Elements stand in the order of their `prominence`, the sum of the confidences of their mentions, the greatest first.
    """
    scope = _session(key, session_id)
    moments = graph.read(drawing.SESSION, **scope)
    if not moments:
        return GraphView([], [])
    found = session_mentions(graph, key, session_id, hidden=hidden)
    places = [(row["element_id"], row["category_id"]) for row in graph.read(drawing.CATEGORIES_OF_SESSION, **scope)]
    categories, belonging = _categories(graph, key, places)
    nodes = [*_session_nodes(moments), *_elements(found), *categories]
    held = [_link("HAS_MOMENT", row["session_id"], row["id"]) for row in moments if row["id"]]
    return GraphView(nodes, _known(nodes, [*held, *map(_mention_link, found), *belonging]))


def summary(graph: Graph, key: Key, since: datetime | None = None, until: datetime | None = None, hidden: Sequence[str] = ()) -> GraphView:
    """What recurs for a person from `since` up to before `until`, and what goes with what.

    Element nodes carry `mentions`, `moments`, `sessions`, mean `intensity` (1..3), `first` and `last`; CO_OCCURS joins two
    elements (start < end) that share `moments` moments. At most SUMMARY_ELEMENTS a kind and SUMMARY_LINKS pairs.
    `totals`: moments, moments_with_elements, sessions of the period.
    """
    period = _period(key, since, until, hidden)
    rows = graph.read(periods.ELEMENTS, **period, top=SUMMARY_ELEMENTS)
    wanted = {row["id"]: True for row in rows}
    pairs = graph.read(periods.TOGETHER, **period, wanted=wanted, limit=SUMMARY_LINKS)
    places = [(row["id"], category) for row in rows for category in sorted(row["categories"])]
    categories, belonging = _categories(graph, key, places)
    nodes = [*(_summed(key, row) for row in rows), *categories]
    together = [_link("CO_OCCURS", row["start"], row["end"], moments=row["moments"]) for row in pairs]
    return GraphView(nodes, _known(nodes, [*together, *belonging]), graph.read(periods.TOTALS, **period)[0])


def _owner(key: Key) -> dict[str, str]:
    return {"owner": projection.person_id(key, key.owner)}


def _session(key: Key, session_id: UUID) -> dict[str, str]:
    return {**_owner(key), "session": projection.session_id(key, session_id)}


def _period(key: Key, since: datetime | None, until: datetime | None, hidden: Sequence[str]) -> Row:
    return {
        **_owner(key),
        "since": projection.epoch_ms(since) if since else -_EVER,
        "until": projection.epoch_ms(until) if until else _EVER,
        "hidden": list(hidden),
    }


def _types(kind: Kind | None) -> list[str]:
    return [MENTION_OF_KIND[kind]] if kind else list(MENTION_OF_KIND.values())


def _session_nodes(rows: list[Row]) -> list[Row]:
    first = rows[0]
    session = {"id": first["session_id"], "at": first["session_at"], "day": first["day"], "version": first["version"]}
    moments = [{name: row[name] for name in ("id", "position", "start", "end", "at", "speaker")} for row in rows if row["id"]]
    return [written({"label": "Session", **session}), *(written({"label": "Moment", **row}) for row in moments)]


def _elements(found: Sequence[ElementMention]) -> list[Row]:
    """Each element once, what the session is most about first."""
    by_id = {mention.element_id: mention for mention in found}
    sums = prominence((mention.element_id, mention.confidence) for mention in found)
    return [_element(by_id[element]) | {"prominence": round(value, 3)} for element, value in sums.items()]


def _element(mention: ElementMention) -> Row:
    shown = {name: getattr(mention, name) for name in ("kind", "code", "name", "text", "status")}
    return written({"id": mention.element_id, "label": LABEL_OF_KIND[mention.kind], **shown})


def _mention_link(mention: ElementMention) -> Row:
    kept = ("id", "span_start", "span_end", "start", "end", "confidence", "engine", "intensity", "stance", "severity", "due_on", "wording")
    shown = {name: value for name, value in asdict(mention).items() if name in kept}
    seconds = {"start_seconds": shown.pop("start"), "end_seconds": shown.pop("end")}
    ends = {"type": MENTION_OF_KIND[mention.kind], "start": mention.moment_id, "end": mention.element_id}
    return written({**shown, **seconds, **ends})


def _summed(key: Key, row: Row) -> Row:
    kind = KIND_OF_LABEL[row["label"]]
    named = {"kind": kind, "name": name_of(kind, row["code"]), "text": text_of(key, row["earliest"])}
    return written({**{name: value for name, value in row.items() if name not in ("earliest", "categories")}, **named})


def _categories(graph: Graph, key: Key, places: list[tuple[str, str]]) -> tuple[list[Row], list[Row]]:
    """Nodes of the categories that elements stand in and of all above, and the relationships among them."""
    rows = {row["id"]: row for row in graph.read(drawing.CATEGORIES, **_owner(key))} if places else {}
    kept: dict[str, Row] = {}
    for _, category in places:
        step: str | None = category
        while step and step in rows and step not in kept:
            kept[step] = rows[step]
            step = rows[step]["above"]
    links = [_link("IN_CATEGORY", *place) for place in places]
    links += [_link("BROADER", row["id"], row["above"]) for row in kept.values() if row["above"]]
    return [_category(row) for row in kept.values()], links


def _category(row: Row) -> Row:
    tree = taxonomy.load(row["taxonomy"])
    name = tree.get(row["code"]).name if tree.belongs(row["code"]) else row["code"]
    return {"id": row["id"], "label": "Category", "taxonomy": row["taxonomy"], "code": row["code"], "name": name}


def _link(type_: str, start: str, end: str, **properties: object) -> Row:
    return {"id": f"{start}:{type_}:{end}", "type": type_, "start": start, "end": end, **properties}


def _known(nodes: list[Row], links: list[Row]) -> list[Row]:
    """Links whose ends are both drawn: several reads may straddle a write."""
    ids = {node["id"] for node in nodes}
    return [link for link in links if link["start"] in ids and link["end"] in ids]
