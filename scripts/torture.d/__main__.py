"""torture: four people use an installation whose parts are killed at random; then everything is compared with calm times."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import checks
import engines
import kills
from people import Client, at_work

from tests.installation import Installation, repeated

NAMES = ("Alice", "Bob", "Charlie", "Dora")
QUIET_SECONDS = 300
SETTINGS = {
    "lease_seconds": 4,
    "retry_seconds": 0.2,
    "attempts": 10,
    "whisper_threads": 1,
    "access_token_minutes": 600,
    "log_level": "WARNING",
    "rate_limits": "",
}


def main() -> int:
    """0: nothing lost, doubled or done twice, and the graph is true. 1: not so."""
    arguments = _parser().parse_args()
    arguments.seconds = arguments.seconds or 5 * arguments.kills
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret is made of it
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ij-torture-") as folder, engines.engines(arguments.stack, Path(folder)) as (values, graph):
        installation = Installation(Path(folder, "home"), **SETTINGS, **values)
        installation.start()
        try:
            problems, killed, verified = _torture(installation, chance, arguments, graph)
        finally:
            installation.stop()
    for kind, found in problems.items():
        print("\n".join(f"{kind}: {problem}" for problem in found[:20]), end="\n" if found else "", file=sys.stderr)
    counts = " ".join(f"{kind}={len(problems[kind])}" for kind in ("lost", "doubled", "repeated", "errors"))
    print(f"torture kills={killed} {counts} verify={verified} seconds={time.monotonic() - began:.0f} stack={arguments.stack}")
    return int(any(problems.values()) or verified != "clean")


def _torture(
    installation: Installation, chance: random.Random, arguments: argparse.Namespace, graph: engines.Neo4j | None
) -> tuple[dict[str, list[str]], int, str]:
    installation.wait_ready()
    reference = checks.calm(installation.stack.person("Rita"))
    clients = [Client(installation.stack.person(name), random.Random(chance.random()), arguments.sessions) for name in NAMES]  # noqa: S311
    killed = at_work(clients, lambda: kills.spread(installation, chance, arguments.kills, arguments.seconds, graph))
    quiet = checks.is_quiet(installation, QUIET_SECONDS)
    print(f"killed: {dict(killed)}; sessions: {[len(c.kept) for c in clients]}; quiet: {quiet}", file=sys.stderr)
    problems = {
        "lost": [problem for client in clients for problem in checks.lost(client, reference)] + ([] if quiet else ["runs are still open"]),
        "doubled": [problem for client in clients for problem in checks.too_much(installation, client)],
        "repeated": repeated(installation),
        "errors": [problem for client in clients for problem in client.errors],
    }
    return problems, killed.total(), checks.verify(installation)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="over which the kills are spread; default: 5 a kill")
    parser.add_argument("--sessions", type=int, default=12, help="that a person keeps at most")
    parser.add_argument("--stack", choices=("embedded", "grown"), default="embedded")
    parser.add_argument("--seed", type=int, default=1, help="another one gives other kills")
    return parser


if __name__ == "__main__":
    sys.exit(main())
