"""graph: writing an analysis of 200 elements, on the embedded graph and on Neo4j.

At most 6 round trips, and 20 times faster than the same content written one element at a time over the same driver: for each
element one transaction that merges its moment, the element and the mention. Both sides write for people who are new,
after the engine got warm; the medians count.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from figures import within
from installation import Lacking

from insight_journey.graph.client import Graph, Row, Statement
from insight_journey.graph.model import LABEL_OF_KIND, MENTION_OF_KIND
from insight_journey.graph.projection import project_session
from insight_journey.graph.schema import ensure_schema
from tests import engines
from tests.engines import GraphEngine
from tests.graph.conftest import new_key, settings_of
from tests.graph.story import busy, truth

ELEMENTS, ROUNDS, WARMING = 200, 7, 15
MOST_TRIPS, TIMES = 6, 20
ENGINES = {"embedded": engines.arcadedb_graph, "neo4j": engines.neo4j_graph}
ENDS = 2  # BEGIN and COMMIT


def run(_arguments: argparse.Namespace) -> int:
    kept = [_measure(name, engine) for name, engine in ENGINES.items()]
    return not all(kept)


def _measure(name: str, engine: Callable[[Path], AbstractContextManager[GraphEngine]]) -> bool:
    with tempfile.TemporaryDirectory(prefix="ij-bench-") as folder:
        try:
            with engine(Path(folder, "graph")) as running:
                graph = Graph(settings_of(running))
                ensure_schema(graph)
                return _compare(name, graph)
        except engines.Missing as missing:
            raise Lacking(str(missing)) from missing


def _compare(name: str, graph: Graph) -> bool:
    for _ in range(WARMING):
        _project(graph)
    rounds = [(_project(graph), _one_by_one(graph, whole=True), _one_by_one(graph, whole=False)) for _ in range(ROUNDS)]
    trips = max(trips for (_, trips), _, _ in rounds)
    ours, single, bare = (statistics.median(column) for column in zip(*((o[0], s, b) for o, s, b in rounds), strict=True))
    more = f"{1000 * ours:.0f} ms against {1000 * single:.0f} ms; nothing but a MERGE of each element's node: {1000 * bare:.0f} ms"
    kept = within(f"graph {name} round trips", trips, MOST_TRIPS)
    return within(f"graph {name} times faster", single / ours, TIMES, "x", more, least=True) and kept


def _project(graph: Graph) -> tuple[float, int]:
    """(seconds, round trips) of one analysis of somebody new."""
    key = new_key()
    new, before = truth(key, busy(ELEMENTS)), graph.statements
    began = time.perf_counter()
    project_session(graph, key, new)
    return time.perf_counter() - began, graph.statements - before + ENDS


def _one_by_one(graph: Graph, *, whole: bool) -> float:
    """Seconds of the same content, an element a transaction; without `whole` only the elements' nodes."""
    key = new_key()
    sent: list[Statement] = []
    project_session(SimpleNamespace(prepared=True, write=sent.extend), key, truth(key, busy(ELEMENTS)))  # type: ignore[arg-type]
    single = list(_singles(sent, whole))
    began = time.perf_counter()
    for statement in single:
        graph.write([statement])
    return time.perf_counter() - began


def _singles(sent: list[Statement], whole: bool) -> Iterator[Statement]:
    session, content = sent[0][1], sent[1][1]
    moments = {row["id"]: row for row in session["moments"]}
    for kind in LABEL_OF_KIND:
        for row in content[kind]:
            yield (
                (_WHOLE if whole else _NODE) % (LABEL_OF_KIND[kind], *([MENTION_OF_KIND[kind]] if whole else [])),
                _row(session, moments, row),
            )


def _row(session: Row, moments: dict[Any, Row], row: Row) -> Row:
    return {"owner": session["owner"], "session": session["session"], "at": session["at"], "row": row, "moment": moments[row["moment"]]}


_NODE = "MERGE (e:%s {owner: $owner, id: $row.element}) ON CREATE SET e.key = $row.key"
_WHOLE = """
MERGE (s:Session {owner: $owner, id: $session}) SET s.at = $at
MERGE (m:Moment {owner: $owner, id: $row.moment}) SET m += $moment
MERGE (s)-[:HAS_MOMENT]->(m)
MERGE (e:%s {owner: $owner, id: $row.element}) ON CREATE SET e.key = $row.key, e.code = $row.code, e.status = $row.status
MERGE (m)-[r:%s {id: $row.id}]->(e) SET r += $row.mention, r.owner = $owner
"""
