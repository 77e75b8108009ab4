"""Constraints and indexes: a unique constraint behind every MERGE, or concurrent writers would double nodes."""

from insight_journey.graph.client import Graph
from insight_journey.graph.queries import schema


def ensure_schema(graph: Graph) -> None:
    """Create what is missing; at most once a process. Each statement alone: Neo4j mixes schema with nothing else."""
    if graph.prepared:
        return
    for statement in (*schema.CONSTRAINTS, *schema.INDEXES):
        graph.write([(statement, {})])
    graph.prepared = True
