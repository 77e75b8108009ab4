"""api: `GET /sessions` with 20 rows, against a bare Flask route on the same server.

The bare route sends the very SQL that the product's answer took, recorded from it, and returns the rows as JSON: no token, no keys,
no envelope. Both are asked in turn over one open connection each; the medians count. At most 3 times the bare route.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from figures import within
from installation import Lacking, engines_of_stack, start

from insight_journey.embedded.endpoints import free_port
from insight_journey.samples import __file__ as samples
from tests.stack import PARTS, Stack, environment, until

SESSIONS, REQUESTS, WARMING = 24, 400, 50
PATH = "/api/v1/sessions?page_size=20"
MOST = 3


def run(_arguments: argparse.Namespace) -> int:
    with engines_of_stack() as stack:
        start(stack, *PARTS)
        person = stack.person("Reader")
        text = Path(samples).with_name("session.txt").read_text()
        for number in range(SESSIONS):
            person.write(text, title=f"Evening {number}")
        stack.stop()
        with _served(stack) as (product, bare):
            return not _compare(product, bare, {"Authorization": f"Bearer {person.token}"})


@contextmanager
def _served(stack: Stack) -> Iterator[tuple[HTTPConnection, HTTPConnection]]:
    """Connections to the product and to the bare route, on one server as `insight-journey run api` starts it."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "1"),
        *("--threads", str(stack.settings.http_threads), "--no-control-socket", "--log-level", "warning", "bare:app"),
    ]
    with stack.log.open("ab") as log:
        settings = environment(stack.settings) | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, cwd=Path(__file__).parent, env=settings, stdout=log, stderr=log)  # noqa: S603
    try:
        until(lambda: process.poll() is not None or _answers(port), 60)
        yield HTTPConnection("127.0.0.1", port), HTTPConnection("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _compare(product: HTTPConnection, bare: HTTPConnection, headers: dict[str, str]) -> bool:
    bare.request("POST", f"/bare/record?path={PATH}", headers=headers)
    statements = int(bare.getresponse().read())
    times: list[tuple[float, float]] = []
    for _ in range(WARMING + REQUESTS):
        times.append((_seconds(product, PATH, headers), _seconds(bare, "/bare/rows", {})))
    ours, theirs = (1000 * statistics.median(column) for column in zip(*times[WARMING:], strict=True))
    more = f"{ours:.2f} ms against {theirs:.2f} ms, {statements} statements, median of {REQUESTS}"
    return within("api GET /sessions", ours / theirs, MOST, "x", more)


def _seconds(connection: HTTPConnection, path: str, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise Lacking(f"{path} answers {answer.status}")
    return time.perf_counter() - began
