"""The short versions of scripts/torture: kills, and a graph that is away, while four people are at work."""

import os
import re
import subprocess
import sys

import pytest

from tests.engines import REPOSITORY, STACK

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent is gone")


def torture(*arguments: str) -> str:
    """What it prints last; it ended well."""
    command = [sys.executable, "scripts/torture.d", *arguments, "--stack", STACK]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")} | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    line = "".join(ended.stdout.strip().splitlines()[-1:])
    assert ended.returncode == 0, (line, ended.stderr[-3000:])
    return line


def test_nothing_is_lost_doubled_or_done_twice() -> None:
    line = torture("--kills", "5", "--seconds", "15", "--sessions", "3")
    assert re.match("torture kills=5 lost=0 doubled=0 repeated=0 errors=0 missed=0 verify=clean ", line)


def test_without_the_graph_work_goes_on_and_waits_for_it() -> None:
    line = torture("--outage", "10", "--uploads", "6")
    assert re.match(
        r"torture outage=\d+ uploads=6 waiting=6 quiet_after=\S+ lost=0 doubled=0 repeated=0 errors=0 missed=0 verify=clean ", line
    )
