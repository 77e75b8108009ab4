"""Engines on which an installation stands that are not its own to start: they can be killed and started on the same data."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.engines import ArcadeDB, Neo4j, postgresql, running_graph

Graph = ArcadeDB | Neo4j


@contextmanager
def engines(stack: str, folder: Path, *, own_graph: bool) -> Iterator[tuple[dict[str, Any], Graph | None]]:
    """(settings that name them, the graph where it is ours). The embedded stack needs none, unless its graph is to stay away."""
    with ExitStack() as held:
        values: dict[str, Any] = {}
        graph = held.enter_context(running_graph(stack, folder / "graph")) if own_graph or stack == "grown" else None
        if graph:
            values |= graph.named.settings
        if stack == "grown":
            values["database_url"] = f"postgresql+psycopg://postgres@/postgres?host={held.enter_context(postgresql())}"
        yield values, graph
