"""Every query constant is one that both graphs take."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from insight_journey.graph import model, queries
from insight_journey.graph.client import Graph
from insight_journey.graph.schema import ensure_schema

MODULES = [importlib.import_module(f"{queries.__name__}.{found.name}") for found in pkgutil.iter_modules(queries.__path__)]


def constants() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for name, value in vars(module).items():
            if name.isupper() and not name.startswith("_") and not hasattr(model, name) and name != "EARLIEST":
                for text in (value,) if isinstance(value, str) else value:
                    yield f"{module.__name__.rsplit('.', 1)[1]}.{name}", text


PAGE = Path(__file__).parents[2] / "docs" / "graph.md"
QUESTIONS = re.findall(r"```cypher\n(.*?)```", PAGE.read_text(), re.DOTALL)


def parameters(text: str) -> dict[str, object]:
    lists = {"moments", "categories", "types", "hidden", "emotion", "topic", "belief", "challenge", "insight", "action_item"}
    numbers = {"skip", "limit", "top", "since", "until", "at", "version", "fence", "counter"}
    names = set(re.findall(r"\$(\w+)", text))
    return {name: [] if name in lists else 1 if name in numbers else {} if name == "wanted" else "x" for name in names}


def test_there_are_constants() -> None:
    assert len(list(constants())) > 30


@pytest.mark.parametrize(("name", "text"), list(constants()))
def test_explains(graph: Graph, name: str, text: str) -> None:
    ensure_schema(graph)
    if name.startswith("schema."):
        return  # ran just now; EXPLAIN of schema is not portable
    with graph._session("READ", 3) as session:
        assert session.run("EXPLAIN " + text, parameters(text)).consume().plan


@pytest.mark.parametrize("text", QUESTIONS)
def test_questions_of_the_page_run(graph: Graph, text: str) -> None:
    assert graph.read(text, **parameters(text)) == []


def test_each_has_a_line_that_says_what_it_returns() -> None:
    for module in MODULES:
        lines = Path(str(module.__file__)).read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"[A-Z_]+ = ", line) and not line.startswith("_"):
                assert lines[number - 1].startswith("#"), f"{module.__name__}: {line}"
