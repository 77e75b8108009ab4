"""All of one person: counts, and an export that is the same wherever the same truth was projected."""

from collections.abc import Iterable

from insight_journey.crypto import Key
from insight_journey.errors import Tampered
from insight_journey.graph.client import Graph, Row
from insight_journey.graph.elements import opened
from insight_journey.graph.model import LABEL_OF_KIND, LABELS, MENTION_OF_KIND
from insight_journey.graph.projection import SessionTruth, category_rows, mention_rows, moment_rows, person_id, session_id, session_row
from insight_journey.graph.queries import whole

Export = dict[str, list[Row]]  # "nodes" and "relationships"


def person_counts(graph: Graph, key: Key) -> dict[str, int]:
    """Nodes of each label and relationships of each type of a person. Labels are all there, with 0."""
    owner = person_id(key, key.owner)
    counts = dict.fromkeys(LABELS, 0)
    for row in [*graph.read(whole.COUNT_NODES, owner=owner), *graph.read(whole.COUNT_RELATIONSHIPS, owner=owner)]:
        counts[row["name"]] = counts.get(row["name"], 0) + row["n"]
    return counts


def export(graph: Graph, key: Key, *, damaged: bool = False) -> Export:
    """Everything of a person, wordings opened, in a fixed order: two graphs hold the same when their exports are equal.

    A wording that does not open raises Tampered; with `damaged` it is left out.
    """
    owner = person_id(key, key.owner)
    nodes = [_node(row) for row in graph.read(whole.NODES, owner=owner)]
    links = [_relationship(key, row, damaged) for row in graph.read(whole.RELATIONSHIPS, owner=owner)]
    return _in_order(nodes, links)


def expected(key: Key, truths: Iterable[SessionTruth]) -> Export:
    """What `export` gives of a graph that holds all of a person's sessions, and nothing else. Pure."""
    owner = person_id(key, key.owner)
    nodes: dict[tuple[str, str], Row] = {}
    links: dict[tuple[str, ...], Row] = {}
    for truth in truths:
        mine = session_id(key, truth.session_id)
        nodes["Person", owner] = {"id": owner}
        nodes["Session", mine] = {"id": mine, **session_row(truth)}
        links["HAS_SESSION", owner, mine] = {}
        for row in moment_rows(key, truth):
            nodes["Moment", row["id"]] = row
            links["HAS_MOMENT", mine, row["id"]] = {}
        _expect_categories(category_rows(key, truth), nodes, links)
        _expect_mentions(owner, mention_rows(key, truth), nodes, links)
    return _in_order(
        [_node({"label": label, "properties": {**row, "owner": owner}}) for (label, _), row in nodes.items()],
        [_link({"type": ends[0], "start": ends[1], "end": ends[2], "properties": row}) for ends, row in links.items()],
    )


def _expect_categories(rows: list[Row], nodes: dict[tuple[str, str], Row], links: dict[tuple[str, ...], Row]) -> None:
    for row in rows:
        nodes["Category", row["id"]] = {name: row[name] for name in ("id", "taxonomy", "code")}
        if row["parent"]:
            links["BROADER", row["id"], row["parent"]] = {}


def _expect_mentions(owner: str, rows: list[Row], nodes: dict[tuple[str, str], Row], links: dict[tuple[str, ...], Row]) -> None:
    for row in rows:
        element = {"id": row["element"], **{name: row[name] for name in ("key", "code", "status")}}
        nodes[LABEL_OF_KIND[row["kind"]], row["element"]] = element
        link = {**row["mention"], "id": row["id"], "owner": owner}
        links[MENTION_OF_KIND[row["kind"]], row["moment"], row["element"], row["id"]] = link
        if row["category"]:
            links["IN_CATEGORY", row["element"], row["category"]] = {}


def _in_order(nodes: list[Row], links: list[Row]) -> Export:
    return {
        "nodes": sorted(nodes, key=lambda node: (node["label"], node["id"])),
        "relationships": sorted(links, key=lambda link: (link["type"], link["start"], link["end"], link.get("id", ""))),
    }


def _node(row: Row) -> Row:
    return {"label": row["label"], **_kept(row["properties"])}


def _relationship(key: Key, row: Row, damaged: bool) -> Row:
    link = _link(row)
    if row["type"] in MENTION_OF_KIND.values() and "wording" in link:
        try:
            link["wording"] = opened(key, link.get("id", ""), link["wording"])
        except (Tampered, TypeError):  # not the bytes that were written, or no bytes
            if not damaged:
                raise
            del link["wording"]
    return link


def _link(row: Row) -> Row:
    kept = _kept(row["properties"])
    # a mention's own `start` and `end` are seconds
    seconds = {f"{name}_seconds": kept.pop(name) for name in ("start", "end") if name in kept}
    return {**kept, **seconds, "type": row["type"], "start": row["start"], "end": row["end"]}


def _kept(properties: Row) -> Row:
    return {name: value for name, value in sorted(properties.items()) if value is not None}
