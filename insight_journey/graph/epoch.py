"""How far the installation has counted, as the graph knows it."""

from uuid import UUID

from insight_journey.graph.client import Graph
from insight_journey.graph.queries import epoch
from insight_journey.graph.schema import ensure_schema


def counter_of(graph: Graph, installation: UUID) -> int:
    """0 where this installation never counted in this graph."""
    ensure_schema(graph)
    return max((row["counter"] for row in graph.read(epoch.COUNTER, owner=str(installation))), default=0)


def count(graph: Graph, installation: UUID, counter: int) -> None:
    """Raise the counter; never lowers it."""
    graph.write([(epoch.COUNT, {"owner": str(installation), "counter": counter})])
