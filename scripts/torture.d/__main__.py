"""torture: four people use an installation whose parts are killed, or whose graph is away; then all is compared with calm times."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import checks
import engines
import kills
import outage
from people import Client, at_work

from tests.installation import Installation

NAMES = ("Alice", "Bob", "Charlie", "Dora")
SETTINGS = {"whisper_threads": 1, "access_token_minutes": 600, "log_level": "WARNING", "rate_limits": ""}
IMPATIENT = {"lease_seconds": 4, "retry_seconds": 0.2, "attempts": 10}  # so that a death is not waited out each time


def main() -> int:
    """0: nothing lost, doubled or done twice, nobody refused, and the graph is true. 1: not so."""
    arguments = _parser().parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ij-torture-") as folder,
        engines.engines(arguments.stack, Path(folder), own_graph=bool(arguments.outage)) as (values, graph),
    ):
        installation = Installation(Path(folder, "home"), **SETTINGS, **({} if arguments.outage else IMPATIENT), **values)
        installation.start()
        try:
            figures, problems, verified = _torture(installation, arguments, graph)
        finally:
            installation.stop()
    for kind, found in problems.items():
        print("\n".join(f"{kind}: {problem}" for problem in found[:20]), end="\n" if found else "", file=sys.stderr)
    figures |= {**{kind: len(found) for kind, found in problems.items()}, "verify": verified}
    figures |= {"seconds": round(time.monotonic() - began), "stack": arguments.stack}
    print("torture", *(f"{name}={figure}" for name, figure in figures.items()))
    return int(any(problems.values()) or verified != "clean")


def _torture(
    installation: Installation, arguments: argparse.Namespace, graph: engines.Graph | None
) -> tuple[dict[str, Any], dict[str, list[str]], str]:
    """(figures, problems by kind, what `graph verify` says)."""
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret is made of it
    installation.wait_ready()
    reference = checks.calm(installation.stack.person("Rita"))
    clients = [Client(installation.stack.person(name), random.Random(chance.random()), arguments.sessions) for name in NAMES]  # noqa: S311
    if arguments.outage and graph:
        happened = outage.live_through(installation, graph, clients, reference, arguments.outage, arguments.uploads)
        figures, missed = happened.figures, happened.missed
    else:
        figures, missed = _kill(installation, clients, arguments, chance, graph), []
    return figures, {**checks.problems(installation, clients, reference), "missed": missed}, checks.verify(installation)


def _kill(
    installation: Installation, clients: list[Client], arguments: argparse.Namespace, chance: random.Random, graph: engines.Graph | None
) -> dict[str, Any]:
    seconds = arguments.seconds or 5 * arguments.kills
    killed = at_work(clients, lambda: kills.spread(installation, chance, arguments.kills, seconds, graph))
    print(f"killed: {dict(killed)}; sessions: {[len(client.kept) for client in clients]}", file=sys.stderr)
    return {"kills": killed.total()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="over which the kills are spread; default: 5 a kill")
    parser.add_argument("--sessions", type=int, default=12, help="that a person keeps at most")
    parser.add_argument("--outage", type=float, help="kill nothing, but take the graph away for so many seconds")
    parser.add_argument("--uploads", type=int, default=50, help="during the outage")
    parser.add_argument("--stack", choices=("embedded", "grown"), default="embedded")
    parser.add_argument("--seed", type=int, default=1, help="another one gives other kills")
    return parser


if __name__ == "__main__":
    sys.exit(main())
