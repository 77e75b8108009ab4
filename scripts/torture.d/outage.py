"""The graph is away while people hand in: each upload is taken, each run waits, and soon after its return nothing is missing."""

import threading
import time
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import requests
import sqlalchemy as sa
from checks import Reference, is_quiet, unread
from engines import Graph
from people import AUDIO, TEXTS, Client

from insight_journey.sessions.models import Run
from tests.installation import Installation, wait_until

BACK_SECONDS = 60  # after which the graph must say all that happened while it was away
REACH_SECONDS = 300  # for the last recordings to get as far as they can without it
DOCUMENTS = (*TEXTS, *TEXTS, AUDIO)


@dataclass
class Outage:
    """What was measured, and what was not as it must be."""

    figures: dict[str, Any]
    missed: list[str] = field(default_factory=list)


def live_through(
    installation: Installation, graph: Graph, clients: list[Client], reference: Reference, seconds: float, uploads: int
) -> Outage:
    """Take the graph away for `seconds` at least, in which the people hand in `uploads` documents and delete what they had."""
    for client in clients:
        client.hand_in_once(DOCUMENTS[0])
    is_quiet(installation, REACH_SECONDS)
    graph.kill()
    began = time.monotonic()
    _hand_in_all(clients, seconds, uploads)
    outage = Outage({"uploads": sum(len(client.kept) for client in clients)})
    outage.missed += _not_degraded(installation)
    waited = wait_until(lambda: not _not_waiting(installation, clients), REACH_SECONDS)
    missing = [] if waited else _not_waiting(installation, clients)
    outage.figures["waiting"] = outage.figures["uploads"] - len(missing)
    outage.missed += missing
    outage.missed += [problem for client in clients for problem in unread(client, reference)]
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    outage.figures = {"outage": round(time.monotonic() - began), **outage.figures}
    _come_back(installation, graph, outage)
    return outage


def _come_back(installation: Installation, graph: Graph, outage: Outage) -> None:
    graph.start()
    began = time.monotonic()
    quiet = is_quiet(installation, 5 * BACK_SECONDS)
    outage.figures["quiet_after"] = after = round(time.monotonic() - began, 1)
    if not quiet or after > BACK_SECONDS:
        outage.missed.append(f"the graph was behind for {after} s after its return")


def _hand_in_all(clients: list[Client], seconds: float, uploads: int) -> None:
    """Each in a thread of her own, evenly over the time; what fails is noted and not tried again."""
    shares = [uploads // len(clients) + (n < uploads % len(clients)) for n in range(len(clients))]
    threads = [threading.Thread(target=_hand_in, args=(client, share, seconds)) for client, share in zip(clients, shares, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _hand_in(client: Client, uploads: int, seconds: float) -> None:
    before = list(client.kept)
    for n, document in zip(range(uploads), cycle(DOCUMENTS)):
        client.hand_in_once(document)
        if n == uploads // 2:
            for session_id in before:
                client.delete_once(session_id)
        time.sleep(seconds / uploads)


def _not_degraded(installation: Installation) -> list[str]:
    answer = requests.get(f"{installation.stack.base}/readyz", timeout=30)
    said = answer.status_code, answer.json()["data"]["status"], answer.json()["data"]["checks"]["graph"]["status"]
    return [] if said == (200, "degraded", "degraded") else [f"readyz said {said}"]


def _not_waiting(installation: Installation, clients: list[Client]) -> list[str]:
    """Runs that do anything but wait for the graph with their analysis done and no attempt used up."""
    rows = {
        str(row.session_id): (row.status, row.waiting_for, row.stage, row.analysis_id is not None, row.attempts <= 1)
        for row in installation.rows(sa.select(Run.__table__))
    }  # an attempt that is under way is one
    wanted = ("running", "graph", "project", True, True)
    kept = [session_id for client in clients for session_id in client.kept]
    return [f"the run of {session_id} is {rows[session_id]}" for session_id in kept if rows[session_id] != wanted]
