"""How often what the rules file is right, and how often two wordings that are joined say the same: readings, with their verdicts.

A file `beliefs.tsv` and so on holds what somebody read: session, quote, text, verdict (right, wrong) and why. `identity.tsv` holds pairs of
wordings. Where the sessions are there, each line must still be what the rules find, and each pair still be joined: else the file is old.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import reading
import tables
import transcripts
from figures import Array, Figure, share

from insight_journey.analysis.base import Analysis
from insight_journey.analysis.likeness import THRESHOLD, is_compatible

KINDS = {"beliefs": "belief", "challenges": "challenge", "actions": "action_item", "insights": "insight"}
PAIRS = "identity"
VERDICTS = {"right": 1.0, "wrong": 0.0}
SESSIONS = "transcripts"


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """`path`: one file of readings, named after what was read, or the folder of all."""
    files = [path] if path.is_file() else [file for file in sorted(path.glob("*.tsv")) if file.stem in (*KINDS, PAIRS)]
    if not files:
        raise tables.Unusable(f"{path} has no readings ({', '.join((*KINDS, PAIRS))})")
    for file in files:
        yield from _pairs(file) if file.stem == PAIRS else _hits(file, data / SESSIONS if data else None)


def _hits(file: Path, sessions: Path | None) -> Iterator[Figure]:
    rows = tables.read(file, "session", "quote", "text", "verdict")
    yield share(f"{file.stem}_precision", _right(rows, file))
    if sessions and sessions.is_dir() and file.stem in KINDS:
        found = {name: _found(sessions / f"{name}.txt", KINDS[file.stem]) for name in {row["session"] for row in rows}}
        yield _still(file, rows, [(row["quote"], row["text"]) in found[row["session"]] for row in rows])


def _found(file: Path, kind: str) -> set[tuple[str, str]]:
    return {(" ".join(each.quote.split()), str(each.text)) for each in _analysis(file).mentions if each.kind == kind}


@cache
def _analysis(file: Path) -> Analysis:
    [told] = transcripts.read(file)
    return told.analysis


def _pairs(file: Path) -> Iterator[Figure]:
    rows = tables.read(file, "one", "other", "verdict")
    yield share(f"{file.stem}_precision", _right(rows, file))
    vectors = [reading.encoded().vectors([row[side].lower() for row in rows]) for side in ("one", "other")]
    near = np.sum(vectors[0] * vectors[1], axis=1) >= THRESHOLD
    joined = [bool(close) and is_compatible(row["one"], row["other"]) for row, close in zip(rows, near, strict=True)]
    yield _still(file, rows, joined)


def _still(file: Path, rows: Sequence[tables.Row], there: Sequence[bool]) -> Figure:
    for row, is_there in zip(rows, there, strict=True):
        if not is_there:
            print(f"evaluate: {file.name}: no longer found: {row.get('text') or row['one']}", file=sys.stderr)
    return share(f"{file.stem}_still_found", np.array(there, float))


def _right(rows: Sequence[tables.Row], file: Path) -> Array:
    if unknown := {row["verdict"] for row in rows} - VERDICTS.keys():
        raise tables.Unusable(f"{file} has verdicts that are none: {', '.join(sorted(unknown))}")
    return np.array([VERDICTS[row["verdict"]] for row in rows])
