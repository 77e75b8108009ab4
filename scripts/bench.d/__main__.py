"""What can be measured. Each measure prints one line a figure with its bar, and ends with 1 where one is missed."""

import argparse
import importlib
import sys
from pathlib import Path

from installation import Lacking

MEASURES = ("api", "events", "graph", "memory", "pipeline", "search", "wer", "year")


def main() -> int:
    """0: as good as it should be. 1: not so. 2: something is missing."""
    arguments = _parser().parse_args()
    if arguments.measure is None:
        print("\n\n".join(_what(name) for name in MEASURES))
        return 0
    try:
        return int(importlib.import_module(arguments.measure).run(arguments))
    except Lacking as lacking:
        print(f"bench: {lacking}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Without a measure: what there is to measure.")
    parser.add_argument("measure", choices=MEASURES, nargs="?")
    parser.add_argument("--data", type=Path, help="folder of the material: wer and year need one, pipeline can take one")
    parser.add_argument("--person", help="year: folder below DIR/transcripts; default: the first")
    return parser


def _what(name: str) -> str:
    return str(importlib.import_module(name).__doc__).strip()


if __name__ == "__main__":
    sys.exit(main())
