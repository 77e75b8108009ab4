"""The short version of scripts/torture: five kills while four people are at work, and nothing is lost, doubled or done twice."""

import os
import re
import subprocess
import sys

import pytest

from tests.engines import REPOSITORY, STACK


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent is gone")
def test_it_works() -> None:
    command = [sys.executable, "scripts/torture.d", "--kills", "5", "--seconds", "15", "--sessions", "3", "--stack", STACK]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IJ_")} | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    line = ended.stdout.strip().splitlines()[-1:]
    assert ended.returncode == 0, (line, ended.stderr[-3000:])
    assert re.match("torture kills=5 lost=0 doubled=0 repeated=0 errors=0 verify=clean ", line[0])
