"""What can be measured, and what each needs of `--data DIR`."""

import argparse
import sys
from pathlib import Path

import wer
import year
from installation import Lacking

MEASURES = {"wer": wer, "year": year}


def main() -> int:
    """0: as good as it should be. 1: not so. 2: something is missing."""
    arguments = _parser().parse_args()
    try:
        return int(MEASURES[arguments.measure].run(arguments))
    except Lacking as lacking:
        print(f"bench: {lacking}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.epilog = "\n\n".join(str(module.__doc__).strip() for module in MEASURES.values())
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("--data", type=Path, required=True, help="folder of the material")
    parser.add_argument("--person", help="year: folder below DIR/transcripts; default: the first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
