"""graph: writing an analysis of 200 elements, on the embedded graph and on Neo4j.

At most 6 round trips, and 20 times faster than the same content written element by element with the same driver: a call of
`execute_query` for each element, a statement that merges it with its moment, its mention and its categories. Both sides write for
people who are new, after the engine got warm, and both end in the same graph; the medians count.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from figures import within
from installation import Lacking
from neo4j import Driver, GraphDatabase

from insight_journey.crypto import Key
from insight_journey.graph import whole
from insight_journey.graph.client import Graph, Row, Statement
from insight_journey.graph.model import LABEL_OF_KIND, MENTION_OF_KIND
from insight_journey.graph.projection import (
    WORDING,
    SessionTruth,
    category_rows,
    mention_rows,
    moment_rows,
    person_id,
    project_session,
    session_id,
    session_row,
)
from insight_journey.graph.schema import ensure_schema
from tests import engines
from tests.engines import GraphEngine
from tests.graph.conftest import new_key, settings_of
from tests.graph.story import truth, varied

ELEMENTS, ROUNDS, WARMING = 200, 15, 80
MOST_TRIPS, TIMES = 6, 20
ENGINES = {"embedded": engines.arcadedb_graph, "neo4j": engines.neo4j_graph}
ENDS = 2  # BEGIN and COMMIT


def run(_arguments: argparse.Namespace) -> int:
    kept = [_measure(name, engine) for name, engine in ENGINES.items()]
    return not all(kept)


def _measure(name: str, engine: Callable[[Path], AbstractContextManager[GraphEngine]]) -> bool:
    with tempfile.TemporaryDirectory(prefix="ij-bench-") as folder:
        try:
            with engine(Path(folder, "graph")) as running, closing(Graph(settings_of(running))) as graph:
                ensure_schema(graph)
                with GraphDatabase.driver(running.url, auth=(running.user, running.password)) as driver:
                    return _compare(name, graph, driver, running.database)
        except engines.Missing as missing:
            raise Lacking(str(missing)) from missing


def _compare(name: str, graph: Graph, driver: Driver, database: str) -> bool:
    for _ in range(WARMING):
        _project(graph)
    _one_by_one(graph, driver, database)
    rounds = [(*_project(graph), _one_by_one(graph, driver, database)) for _ in range(ROUNDS)]
    new, again, python, single = (1000 * statistics.median(column) for column in list(zip(*rounds, strict=True))[1:])
    kept = within(f"graph {name} round trips", max(trips for trips, *_ in rounds), MOST_TRIPS)
    more = f"{new:.0f} ms, {python:.1f} of them before the first statement, against {single:.0f} ms; written again: {again:.0f} ms"
    return within(f"graph {name} times faster", single / new, TIMES, "x", more, least=True) and kept


def _project(graph: Graph) -> tuple[int, float, float, float]:
    """Round trips, the more of both times; seconds of one analysis of somebody new, of the same once more, and of Python's part alone."""
    key = new_key()
    told = truth(key, varied(ELEMENTS))
    found = []
    for _ in ("new", "again"):
        before, began = graph.statements, time.perf_counter()
        project_session(graph, key, told)
        found.append((graph.statements - before + ENDS, time.perf_counter() - began))
    _check(graph, key, told)
    began = time.perf_counter()
    project_session(SimpleNamespace(prepared=True, transact=lambda _work: None), key, told)  # type: ignore[arg-type]
    (new_trips, new), (more_trips, again) = found
    return max(new_trips, more_trips), new, again, time.perf_counter() - began


def _one_by_one(graph: Graph, driver: Driver, database: str) -> float:
    """Seconds of the same content, an element a call. What Python does before is not counted."""
    key = new_key()
    told = truth(key, varied(ELEMENTS))
    statements = _singles(key, told)
    began = time.perf_counter()
    for query, params in statements:
        driver.execute_query(query, params, database_=database)
    seconds = time.perf_counter() - began
    _check(graph, key, told)
    return seconds


def _check(graph: Graph, key: Key, told: SessionTruth) -> None:
    if whole.export(graph, key) != whole.expected(key, [told]):
        raise AssertionError("what was measured did not write what it should")


def _singles(key: Key, told: SessionTruth) -> list[Statement]:
    names = {"owner": person_id(key, told.user_id), "session": session_id(key, told.session_id)}
    moments = {row["id"]: row for row in moment_rows(key, told)}
    categories = {row["id"]: row for row in category_rows(key, told)}
    return [
        (_SESSION, {**names, "properties": session_row(told)}),
        *(_single(key, names, moments, categories, row) for row in mention_rows(key, told)),
    ]


def _single(key: Key, names: Row, moments: dict[str, Row], categories: dict[str, Row], row: Row) -> Statement:
    wording = row["mention"]["wording"]
    sealed = key.seal_text(WORDING, row["id"], 1, wording) if wording else None
    query = _ELEMENT % (LABEL_OF_KIND[row["kind"]], MENTION_OF_KIND[row["kind"]])
    given = {**names, "row": row, "mention": {**row["mention"], "wording": sealed}, "moment": moments[row["moment"]]}
    above = _upwards(categories, row["category"])
    return (query + _FILED, {**given, "above": above}) if above else (query, given)


def _upwards(categories: dict[str, Row], category: Any) -> list[Row]:
    """A category and all above it."""
    return [categories[category], *_upwards(categories, categories[category]["parent"])] if category else []


_SESSION = """
MERGE (p:Person {owner: $owner, id: $owner})
MERGE (s:Session {owner: $owner, id: $session}) SET s += $properties
MERGE (p)-[:HAS_SESSION]->(s)
"""
_ELEMENT = """
MATCH (s:Session {owner: $owner, id: $session})
MERGE (m:Moment {owner: $owner, id: $row.moment}) SET m += $moment
MERGE (s)-[:HAS_MOMENT]->(m)
MERGE (e:%s {owner: $owner, id: $row.element}) ON CREATE SET e.key = $row.key, e.code = $row.code, e.status = $row.status
MERGE (m)-[r:%s {id: $row.id}]->(e) SET r += $mention, r.owner = $owner
"""
_FILED = """
MERGE (c:Category {owner: $owner, id: $row.category})
MERGE (e)-[:IN_CATEGORY]->(c)
FOREACH (row IN $above | MERGE (n:Category {owner: $owner, id: row.id}) SET n.taxonomy = row.taxonomy, n.code = row.code)
FOREACH (row IN [row IN $above WHERE row.parent IS NOT NULL] |
  MERGE (n:Category {owner: $owner, id: row.id})
  MERGE (parent:Category {owner: $owner, id: row.parent})
  MERGE (n)-[:BROADER]->(parent))
"""
