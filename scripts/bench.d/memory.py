"""memory: what the API process (gunicorn's two, together) takes.

After 10,000 mixed requests from eight clients under 250 MB, and at most 5 MB more than after 5,000; while it takes a recording of
2 GB, at most 30 MB more than before.
"""

import argparse
import itertools
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
from figures import within
from installation import Lacking, engines_of_stack, start

from insight_journey.samples import __file__ as samples
from tests.stack import PARTS, Person, Stack

REQUESTS, CLIENTS = 10_000, 8
UPLOAD = 2_000_000_000  # bytes
MOST, GROWTH, UPLOAD_GROWTH = 250, 5, 30  # MB
MB = 1_000_000
LIMITS = {"upload_limit_mb": 2048, "media_limit_minutes": 240, "access_token_minutes": 60}


def run(_arguments: argparse.Namespace) -> int:
    with engines_of_stack(**LIMITS) as stack:
        start(stack, *PARTS)
        person = stack.person("Reader")
        paths = _paths(person, Path(samples).with_name("session.txt").read_text())
        first, half, end = resident(stack), _ask(stack, person, paths), _ask(stack, person, paths)
        _stop_workers(stack)
        before = resident(stack)
        with _highest(stack) as highest:
            _upload(person)
    kept = within("memory after 10,000 requests", end, MOST, "MB", f"{first:.0f} at the start")
    kept = within("memory growth over the last 5,000", end - half, GROWTH, "MB") and kept
    return not (within("memory growth in an upload of 2 GB", max(highest) - before, UPLOAD_GROWTH, "MB", f"from {before:.0f}") and kept)


def resident(stack: Stack) -> float:
    """Resident memory of the API's processes, in MB; what they share counts twice."""
    parent = psutil.Process(stack.parts["api"].pid)
    return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True))) / MB


def _paths(person: Person, text: str) -> list[str]:
    sessions = [person.write(text, title=f"Evening {number}") for number in range(5)]
    of_one = ("", "/moments", "/transcript", "/runs", "/graph", "/media")
    return [
        "/sessions",
        "/users/me",
        "/elements",
        "/graph/summary",
        *(f"/sessions/{session}{path}" for session in sessions for path in of_one),
    ]


def _ask(stack: Stack, person: Person, paths: list[str]) -> float:
    """Half of the requests; the memory afterwards."""
    headers = {"Authorization": f"Bearer {person.token}"}

    def client(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", stack.settings.port, timeout=60)
        for path in itertools.islice(itertools.cycle(paths), number, number + REQUESTS // 2 // CLIENTS):
            connection.request("GET", f"/api/v1{path}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise Lacking(f"{path} answers {answer.status}")

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    return resident(stack)


def _stop_workers(stack: Stack) -> None:
    for name in [name for name in stack.parts if name != "api"]:
        process = stack.parts.pop(name)
        process.terminate()
        process.wait()


@contextmanager
def _highest(stack: Stack) -> Iterator[list[float]]:
    """What was resident, looked at twenty times a second."""
    seen, ended = [resident(stack)], threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            seen.append(resident(stack))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def _upload(person: Person) -> None:
    """Three hours of silence as WAV, never whole in memory here either."""
    session = person.session()
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "audio/wav", "Content-Length": str(UPLOAD)}
    connection = HTTPConnection(person.base.removeprefix("http://"), timeout=600)
    connection.request("POST", f"/api/v1/sessions/{session}/content?file_name=long.wav", body=_wav(), headers=headers)
    if (status := connection.getresponse().status) != 202:
        raise Lacking(f"the upload was answered with {status}")


def _wav() -> Iterator[bytes]:
    rate, frame = 48_000, 4
    body = UPLOAD - 44
    yield struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", UPLOAD - 8, b"WAVE", b"fmt ", 16, 1, 2, rate, rate * frame, frame, 16, b"data", body)
    for sent in range(0, body, MB):
        yield bytes(min(MB, body - sent))
