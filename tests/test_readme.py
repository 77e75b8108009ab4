"""README and docs keep their word: settings, codes and events are those of the code, links lead somewhere, examples run.

`python -m tests.test_readme --write` writes the table of settings anew.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from insight_journey import events
from insight_journey.settings import Settings
from tests import engines
from tests.stack import Stack, until

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"
# of the command line, start-up and code that misuses code: no answer or run ever carries them
NO_ANSWERS = {
    "already_running", "bad_engines_file", "bad_path", "bad_settings", "bad_taxonomy", "database_unavailable", "engine_missing",
    "graph_ended", "graph_incomplete", "graph_start_failed", "no_life", "no_port", "port_taken", "redis_start_failed", "start_failed",
    "unknown_category",
}  # fmt: skip
COLUMNS = {"media_type", "text_hash"}  # of tables, in quotes too
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def table() -> str:
    """All settings, in the order of the code."""
    rows = [
        f"| `IJ_{name.upper()}` | {shown(field.default)} | {field.description} |" for name, field in Settings.model_fields.items()
    ]  # fmt: skip
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows, ""])


def shown(default: Any) -> str:
    plain = default.get_secret_value() if isinstance(default, SecretStr) else default
    return "" if plain in (None, "") else f"`{plain}`"


def parts() -> tuple[str, str, str]:
    before, rest = README.read_text().split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


def test_the_table_is_that_of_the_settings() -> None:
    assert parts()[1] == table(), "run: python -m tests.test_readme --write"


def test_each_promise_is_shown_by_something_that_exists() -> None:
    rows = [row.strip("|").split(" | ") for row in (ROOT / "docs" / "reliability.md").read_text().splitlines() if row.startswith("|")]
    promises = [row for row in rows if row[0].strip() not in ("promise", "---|---|---")]
    shown_by = [re.findall(r"`((?:tests|scripts)/[\w./-]+)", row[1]) for row in promises]
    assert len(promises) > 30 and all(shown_by)
    assert [path for paths in shown_by for path in paths if not (ROOT / path).exists()] == []


def test_every_setting_has_a_meaning() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    named = re.findall(r"`((?:docs|scripts|tests|insight_journey)/[\w./-]+)`", text)
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert missing + [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_settings_exist(page: Path) -> None:
    known = {f"IJ_{name.upper()}" for name in Settings.model_fields} | {"IJ_SECRETS_DIR", "IJ_TEST_STACK"}
    assert set(re.findall(r"\bIJ_[A-Z_]+\b", page.read_text())) - known == set()


def test_every_error_code_is_documented() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "insight_journey").rglob("*.py"))
    codes = set(re.findall(r"""\bcode ?= ?"(\w+)\"""", source)) | set(re.findall(r'"((?:media|text|llm)_\w+)"', source))
    docs = "\n".join(page.read_text() for page in PAGES)
    assert {"worker_died", "media_too_long", "llm_busy"} <= codes, "the patterns find nothing any more"
    assert sorted(code for code in codes - NO_ANSWERS - COLUMNS if f"`{code}`" not in docs) == []


def test_every_event_is_documented() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    assert [name for name in (*events.FACTS, events.PROGRESS, events.GAP) if f"`{name}`" not in page] == []


def test_the_first_call_works(stack: Stack) -> None:
    if not shutil.which("curl"):
        (pytest.fail if engines.CI else pytest.skip)("curl is not installed")
    script = example("README.md", "first call", "bash").replace("http://127.0.0.1:5000", stack.base)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"kind": "emotion"' in done.stdout and '"quote": ' in done.stdout


def test_the_example_of_events_works(stack: Stack, tmp_path: Path) -> None:
    alice = stack.person("Alice")
    (tmp_path / "example.py").write_text(
        example("docs/events.md", "example: python", "python").replace("http://127.0.0.1:5000", stack.base)
    )
    with (tmp_path / "output").open("w") as output:
        listener = subprocess.Popen([sys.executable, tmp_path / "example.py"], env={**os.environ, "TOKEN": alice.token}, stdout=output)
    try:
        until(lambda: "listening" in (tmp_path / "output").read_text())
        session_id = alice.session()
        until(lambda: f"session.created {{'session_id': '{session_id}'" in (tmp_path / "output").read_text())
        alice.ask("POST", "/auth/logout")
        assert listener.wait(30) == 0  # put out: the example ends
    finally:
        listener.kill()
        listener.wait()


def example(page: str, name: str, language: str) -> str:
    """The code block below the mark `name`."""
    block = re.search(rf"<!-- {name} -->\n```{language}\n(.*?)```", (ROOT / page).read_text(), re.S)
    assert block
    return block[1]


if __name__ == "__main__" and "--write" in sys.argv:
    before, _, after = parts()
    README.write_text(before + BEGIN + table() + END + after)
