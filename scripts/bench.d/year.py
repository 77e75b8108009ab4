"""year: a year of one person goes in at once, and once more.

DIR/transcripts/PERSON/*.txt are her sessions, their day at the end of the name (`session_01_20250501.txt`). All are handed in
concurrently, on two analysis workers; then all are run again. Exit 1 when a run fails, or the second time changes any count or mention.
"""

import argparse
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installation import Lacking, folder, installation

from tests.stack import Person

KINDS = ("emotion", "topic", "belief", "challenge", "insight", "action_item")
CLIENTS, WORKERS = 8, 2


def run(arguments: argparse.Namespace) -> int:
    texts = _texts(folder(arguments.data / "transcripts"), arguments.person)
    with installation(analysis_workers=WORKERS) as stack, ThreadPoolExecutor(CLIENTS) as clients:
        person = stack.person("Diarist")
        began = time.monotonic()
        sessions = list(clients.map(lambda path: _hand_in(person, path), texts))
        failed = _wait(person, [run for _, run in sessions])
        first, again = time.monotonic() - began, time.monotonic()
        before = _counts(person, [session for session, _ in sessions])
        repeated = list(clients.map(lambda session: person.post(f"/sessions/{session[0]}/runs")["id"], sessions))
        failed += _wait(person, repeated)
        second = time.monotonic() - again
        after = _counts(person, [session for session, _ in sessions])
    _report(before, len(texts), first, second)
    changed = [name for name in before if before[name] != after[name]]
    print(f"failed runs: {failed or 0}; changed by running again: {', '.join(changed) or 'nothing'}")
    return bool(failed or changed)


def _texts(transcripts: Path, name: str | None) -> list[Path]:
    people = sorted(path for path in transcripts.iterdir() if path.is_dir())
    if not people:
        raise Lacking(f"there is no person's folder in {transcripts}")
    texts = sorted(folder(transcripts / name if name else people[0]).glob("*.txt"))
    if not texts:
        raise Lacking(f"there is no session in {transcripts / (name or people[0].name)}")
    return texts


def _hand_in(person: Person, path: Path) -> tuple[str, str]:
    """(session, run) of one text, at the day of its name."""
    day = re.search(r"(\d{8})$", path.stem)
    fields = {"occurred_at": datetime.strptime(day[1], "%Y%m%d").replace(tzinfo=UTC).isoformat()} if day else {}
    session = person.session(path.stem, **fields)
    run = person.post(f"/sessions/{session}/content", files={"file": (path.name, path.read_bytes())})
    return session, run["id"]


def _wait(person: Person, runs: list[str]) -> list[Any]:
    """Errors of the runs that did not finish."""
    ended = [person.wait(run, 900) for run in runs]
    return [run["error"] or run["status"] for run in ended if run["status"] != "finished"]


def _counts(person: Person, sessions: list[str]) -> dict[str, Any]:
    """What the graph holds of her: mentions a kind, elements, ids of all mentions, the summary's numbers, counts of each session."""
    mentions = person.all("/elements")
    summary = person.get("/graph/summary")
    return {
        **{kind: person.get("/elements", kind=kind, page_size=1)["count"] for kind in KINDS},
        "elements": len({mention["element_id"] for mention in mentions}),
        "mentions": sorted(mention["id"] for mention in mentions),
        "summary": {"nodes": len(summary["nodes"]), "relationships": len(summary["relationships"]), **summary["totals"]},
        "sessions": [person.get(f"/sessions/{session}")["counts"] for session in sessions],
    }


def _report(counts: dict[str, Any], sessions: int, first: float, second: float) -> None:
    print(f"{sessions} sessions, {WORKERS} analysis workers: {first:.1f} s from the first upload to the last run; again {second:.1f} s")
    print("mentions: " + ", ".join(f"{kind} {counts[kind]}" for kind in KINDS) + f"; {counts['elements']} elements")
    print("summary: " + ", ".join(f"{name} {value}" for name, value in counts["summary"].items()))
