"""The command line from outside: what it lists, and how it says no."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from insight_journey.cli import COMMANDS, main

REPOSITORY = Path(__file__).parents[2]


def test_it_works():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert command in result.output


@pytest.mark.parametrize("command", ["run", "up"])
def test_every_command_explains_itself(command: str):
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0, result.output


def test_unknown_command():
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2


def test_unknown_queue():
    assert CliRunner().invoke(main, ["run", "worker", "kitchen"]).exit_code == 2


def test_bad_settings_are_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IJ_PORT", "many")
    result = CliRunner().invoke(main, ["run", "redis"])
    assert result.exit_code == 1
    assert "IJ_PORT" in result.output
    assert "Traceback" not in result.output


def test_an_engine_does_not_carry_the_web_stack():
    script = "import sys, insight_journey.cli.run; print([m for m in ('flask', 'sqlalchemy', 'circus', 'rq') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY)
    assert answer.stdout.strip() == "[]", answer.stderr
