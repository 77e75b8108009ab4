"""All of one person: counts, and an export that is the same wherever the same truth was projected."""

from typing import Any

from insight_journey.crypto import Key
from insight_journey.graph.client import Graph, Row
from insight_journey.graph.elements import opened
from insight_journey.graph.model import LABELS, MENTION_OF_KIND
from insight_journey.graph.projection import person_id
from insight_journey.graph.queries import whole

_BOOKKEEPING = ("revision", "projection")  # of the writes, not of the person


def person_counts(graph: Graph, key: Key) -> dict[str, int]:
    """Nodes of each label and relationships of each type of a person. Labels are all there, with 0."""
    owner = person_id(key, key.owner)
    counts = dict.fromkeys(LABELS, 0)
    for row in [*graph.read(whole.COUNT_NODES, owner=owner), *graph.read(whole.COUNT_RELATIONSHIPS, owner=owner)]:
        counts[row["name"]] = counts.get(row["name"], 0) + row["n"]
    return counts


def export(graph: Graph, key: Key) -> dict[str, Any]:
    """Everything of a person, wordings opened, in a fixed order: two graphs hold the same when their exports are equal."""
    owner = person_id(key, key.owner)
    nodes = [_node(row) for row in graph.read(whole.NODES, owner=owner)]
    links = [_relationship(key, row) for row in graph.read(whole.RELATIONSHIPS, owner=owner)]
    return {
        "nodes": sorted(nodes, key=lambda node: (node["label"], node["id"])),
        "relationships": sorted(links, key=lambda link: (link["type"], link["start"], link["end"], link.get("id", ""))),
    }


def _node(row: Row) -> Row:
    return {"label": row["label"], **_kept(row["properties"])}


def _relationship(key: Key, row: Row) -> Row:
    kept = _kept(row["properties"])
    if row["type"] in MENTION_OF_KIND.values() and "wording" in kept:
        kept["wording"] = opened(key, kept["id"], kept["wording"])
    ends = {"type": row["type"], "start": row["start"], "end": row["end"]}
    # a mention's own `start` and `end` are seconds
    seconds = {f"{name}_seconds": kept.pop(name) for name in ("start", "end") if name in kept}
    return {**kept, **seconds, **ends}


def _kept(properties: Row) -> Row:
    return {name: value for name, value in sorted(properties.items()) if name not in _BOOKKEEPING}
