"""The grown stack's own engines, on which an installation stands. The graph can be killed and started on the same data."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insight_journey.embedded.endpoints import free_port
from insight_journey.embedded.files import write_private
from tests.engines import REPOSITORY, postgresql

START_SECONDS = 120


class Neo4j:
    """The real one, of `scripts/neo4j`."""

    def __init__(self, folder: Path) -> None:
        self.port, self.password, self._folder = free_port(), secrets.token_urlsafe(16), folder
        write_private(folder / "password", self.password)
        subprocess.run([REPOSITORY / "scripts" / "neo4j", "build"], check=True)  # noqa: S603 - ours

    def start(self) -> None:
        output = self._folder / "output"
        with output.open("w") as sink:
            line = [REPOSITORY / "scripts" / "neo4j", "start", self._folder / "data", str(self.port), self._folder / "password"]
            self._process = subprocess.Popen(line, stdout=sink, stderr=sink)  # noqa: S603 - ours
        deadline = time.monotonic() + START_SECONDS
        while "READY" not in output.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Neo4j did not start: {output.read_text()[-500:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def engines(stack: str, folder: Path) -> Iterator[tuple[dict[str, Any], Neo4j | None]]:
    """(settings that name them, the graph where it is ours)."""
    if stack == "embedded":
        yield {}, None
        return
    graph = Neo4j(folder)
    with postgresql() as socket:
        graph.start()
        try:
            yield {
                "database_url": f"postgresql+psycopg://postgres@/postgres?host={socket}",
                "graph_url": f"bolt://127.0.0.1:{graph.port}", "graph_user": "neo4j", "graph_password": graph.password,
            }, graph  # fmt: skip
        finally:
            graph.kill()
