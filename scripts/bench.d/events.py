"""events: from a worker to a client, and 1,000 sockets at once.

A process of its own records facts, 100 a second, with many sockets 20 a second which ten hear each; the time runs from
before the fact is written and committed until the client has it. At most 5 ms for 95 of 100, with one socket and with 1,000 in the
socket process (`insight-journey run api` with more threads, on a port of its own). Each socket must hear all of its person's events
and no other, and an API process beside must answer `GET /sessions` within 1.5 times of what it took before.
"""

import argparse
import asyncio
import statistics
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import psutil
from figures import p95, within
from installation import Lacking, engines_of_stack, start
from sockets import Socket, connect

from insight_journey.accounts import service
from insight_journey.app import create_app
from insight_journey.embedded.endpoints import free_port
from insight_journey.extensions import db
from tests.stack import Stack, environment

SOCKETS, PEOPLE, EVENTS = 1000, 100, 500
PACE, PACE_OF_MANY = 0.01, 0.05  # seconds between two events; of many sockets ten hear each
MOST_MS, SLOWER, RIGHT = 5, 1.5, 1
SETTINGS = {"http_threads": SOCKETS + 200, "max_sockets": SOCKETS + 100}
REQUESTS = 300

People = dict[str, str]  # id -> access token


def run(_arguments: argparse.Namespace) -> int:
    with engines_of_stack(access_token_minutes=60) as stack:
        holder = Stack(stack.settings.model_copy(update={**SETTINGS, "port": free_port()}), stack.log)
        try:
            start(stack, ("api",), status="degraded")
            start(holder, ("api",), status="degraded")
            return not asyncio.run(_measure(stack, holder, _people(stack)))
        finally:
            holder.stop()


def _people(stack: Stack) -> People:
    app = create_app(stack.settings)
    with app.app_context():
        made = {}
        for number in range(PEOPLE):
            user, tokens = service.register(f"listener-{number}@example.org", "a long pass phrase", f"Listener {number}")
            made[str(user.id)] = tokens.access_token
        db.session.commit()
    return made


async def _measure(stack: Stack, holder: Stack, people: People) -> bool:
    first = next(iter(people))
    alone = await _publish(stack, [await connect(holder.settings.port, first, people[first])], [first], PACE)
    kept = within("events p95 with one socket", p95(alone), MOST_MS, "ms", f"median {statistics.median(alone):.2f} ms, {len(alone)} events")
    before = await asyncio.to_thread(_median_request, stack, people[first])
    began = time.monotonic()
    sockets = [await connect(holder.settings.port, user, people[user]) for _ in range(SOCKETS // PEOPLE) for user in people]
    more = f"opened in {time.monotonic() - began:.0f} s"
    publishing = asyncio.create_task(_publish(stack, sockets, list(people), PACE_OF_MANY))
    during = await asyncio.to_thread(_median_request, stack, people[first])
    times = await publishing
    kept = within("events p95 with 1,000 sockets", p95(times), MOST_MS, "ms", f"median {statistics.median(times):.2f} ms") and kept
    kept = within("events heard by whom they are for", _right(sockets, people), RIGHT, more=f"{more}, {_size(holder)}", least=True) and kept
    more = f"{before:.2f} ms before, {during:.2f} ms meanwhile"
    return within("events API beside 1,000 sockets", during / before, SLOWER, "x", more) and kept


async def _publish(stack: Stack, sockets: list[Socket], users: list[str], pace: float) -> list[float]:
    """Milliseconds that each event took to each socket it was for."""
    command = [sys.executable, str(Path(__file__).with_name("publisher.py")), str(EVENTS), str(pace), *users]
    process = await asyncio.create_subprocess_exec(*command, env=environment(stack.settings))
    if await process.wait():
        raise Lacking("the publisher failed")
    await asyncio.sleep(2)
    return [1000 * (at - message["sent"]) for socket in sockets for at, _, message in socket.heard]


def _right(sockets: list[Socket], people: People) -> float:
    """The share of sockets that heard all of their person's events, in order, and nothing else."""
    each = EVENTS // len(people)
    good = 0
    for socket in sockets:
        sequences = [message["sequence"] for _, _, message in socket.heard]
        good += (
            len(sequences) == each and sequences == sorted(set(sequences)) and {m["owner"] for _, _, m in socket.heard} == {socket.owner}
        )
    return good / len(sockets)


def _size(stack: Stack) -> str:
    parent = psutil.Process(stack.parts["api"].pid)
    processes = [parent, *parent.children(recursive=True)]
    resident, threads = sum(p.memory_info().rss for p in processes) / 1e6, sum(p.num_threads() for p in processes)
    return f"the socket process holds {resident:.0f} MB and {threads} threads"


def _median_request(stack: Stack, token: str) -> float:
    """Milliseconds of an authenticated request."""
    connection = HTTPConnection("127.0.0.1", stack.settings.port, timeout=30)
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", "/api/v1/sessions?page_size=20", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        times.append(1000 * (time.perf_counter() - began))
        time.sleep(0.005)
    return statistics.median(times)
