"""The rules of the house, read from the source: who imports whom, and what stands in one place only."""

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TypeVar

import pytest

N = TypeVar("N", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef

PACKAGE = Path(__file__).parent.parent / "insight_journey"
NAME = "insight_journey"
ROOT = "(root)"
WIRING = {f"{NAME}.app", f"{NAME}.models"}  # the root modules that may import packages

# package -> what it may import besides itself and root modules
ALLOWED = {
    "api": {"accounts", "analysis", "graph", "sessions", "transcription"},
    "cli": {"accounts", "analysis", "embedded", "graph", "samples", "search", "sessions", "transcription"},
    "sessions": {"accounts", "analysis", "graph", "search", "transcription"},
    "graph": {"analysis.base"},
    "analysis": {"transcription.base"},
    "accounts": set(),
    "transcription": set(),
    "search": set(),
    "embedded": set(),
    "migrations": set(),
    "samples": set(),
}
WORKERS = ("pipeline", "claims", "relay", "sweeper", "janitor", "epoch")  # steps of a worker, each a transaction
COMMITS = ("api/", "cli/", *(f"sessions/{name}.py" for name in WORKERS))
CYPHER = re.compile(r"\b(MATCH|MERGE)\s*\(|\bUNWIND\s+[$(\[\w]+.* AS\b|\bDETACH DELETE\b|\bCREATE (CONSTRAINT|INDEX)\b")
DOTTED = re.compile(rf"{NAME}(\.\w+)+:\w+")
NO_NAMES = {"helpers", "helper", "utils", "util", "common", "misc", "manager", "managers"}
LONGEST_FILE, LONGEST_BODY, LONG_SHARE, MEDIAN_BODY = 400, 40, 0.02, 9


@cache
def modules() -> dict[str, Path]:
    """All modules of the package by dotted name."""
    paths = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in paths.items()}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def place(path: Path, node: ast.stmt | ast.expr | None = None) -> str:
    return f"{path.relative_to(PACKAGE)}{f':{node.lineno}' if node else ''}"


def nodes(kind: type[N]) -> Iterator[tuple[Path, N]]:
    for path in modules().values():
        yield from ((path, node) for node in ast.walk(tree(path)) if isinstance(node, kind))


def package_of(module: str) -> str:
    """`insight_journey.graph.views` -> `graph`; a root module -> `(root)`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ROOT


def imported(module: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    """Our modules that a statement imports, those inside functions included."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        inside = module.split(".") if modules()[module].name == "__init__.py" else module.split(".")[:-1]
        base = ".".join([*inside[: len(inside) - node.level + 1], node.module or ""]).strip(".") if node.level else node.module
        names = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in modules() else name.rpartition(".")[0] for name in names if name.split(".")[0] == NAME]


def edges() -> Iterator[tuple[str, str, str]]:
    """(place, importing module, imported module)."""
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from ((place(path, node), module, target) for target in imported(module, node))


def test_packages_import_only_what_they_may() -> None:
    wrong = [f"{at} imports {target}" for at, module, target in edges() if not may_import(module, target)]
    assert not wrong, "See the map in insight_journey/__init__.py"


def may_import(module: str, target: str) -> bool:
    ours, theirs = package_of(module), package_of(target)
    if theirs == ours or module in WIRING or (theirs == ROOT and (target not in WIRING or ours == "migrations")):
        return True
    return ours in ALLOWED and any(f"{target}.".startswith(f"{NAME}.{allowed}.") for allowed in ALLOWED[ours])


def test_packages_import_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for _, module, target in edges():
        if ROOT not in (package_of(module), package_of(target)) and package_of(module) != package_of(target):
            graph.setdefault(package_of(module), set()).add(package_of(target))
    TopologicalSorter(graph).prepare()  # raises CycleError naming the circle


def test_every_package_is_in_the_table_and_on_the_map() -> None:
    packages = {package_of(module) for module in modules()} - {ROOT}
    assert packages == set(ALLOWED), "ALLOWED above names each package"
    drawn = ast.get_docstring(tree(PACKAGE / "__init__.py")) or ""
    roots = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    missing = [name for name in packages if f"{name}/" not in drawn] + [name for name in roots if not re.search(rf"\b{name}\b", drawn)]
    assert not missing, "The map in insight_journey/__init__.py names each package and root module"


def test_lazy_tables_name_what_exists() -> None:
    for path, node in nodes(ast.Constant):
        if isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            module, _, name = node.value.partition(":")
            assert module in modules(), f"{place(path, node)}: there is no {module}"
            assert name in names_in(modules()[module]), f"{place(path, node)}: {module} has no {name}"


def names_in(path: Path) -> set[str]:
    return {node.name for node in tree(path).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def test_the_environment_is_read_by_settings_alone() -> None:
    words = {"environ", "environb", "getenv"}
    read = [place(path, node) for path, node in nodes(ast.Attribute) if node.attr in words and ast.unparse(node.value) == "os"]
    read += [place(path, node) for path, node in nodes(ast.ImportFrom) if words & {alias.name for alias in node.names}]
    assert read, "nothing reads it any more"
    assert [at for at in read if not at.startswith("settings.py")] == [], "Take it from Settings"


def test_cypher_stands_in_queries_alone() -> None:
    strings = ((path, node) for path, node in nodes(ast.Constant) if isinstance(node.value, str))
    found = [place(path, node) for path, node in strings if CYPHER.search(str(node.value))]
    assert any(at.startswith("graph/queries/") for at in found), "the pattern finds nothing any more"
    assert [at for at in found if not at.startswith("graph/queries/")] == [], "All Cypher is a constant in graph/queries/"


@pytest.mark.parametrize(("method", "allowed"), [("emit", ("events.py",)), ("commit", COMMITS)])
def test_calls_stand_where_they_may(method: str, allowed: tuple[str, ...]) -> None:
    calls = [place(path, node) for path, node in nodes(ast.Call) if getattr(node.func, "attr", "") == method]
    assert calls, f"nothing calls {method} any more"
    assert [at for at in calls if not at.startswith(allowed)] == [], f"`.{method}(` only in {', '.join(allowed)}"


def test_http_schemas_stand_in_api_alone() -> None:
    libraries = {"marshmallow", "flask_smorest", "webargs"}
    used = [place(path, node) for path, node in [*nodes(ast.Import), *nodes(ast.ImportFrom)] if libraries & top_names(node)]
    assert [at for at in used if not at.startswith("api/")] == [], "Domain packages know no HTTP"


def top_names(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.split(".")[0] for name in names}


def test_files_have_a_subject_and_a_size() -> None:
    assert [place(path) for path in modules().values() if path.stem in NO_NAMES or path.parent.name in NO_NAMES] == []
    sizes = {place(path): path.read_text().count("\n") for path in modules().values()}
    assert {at: size for at, size in sizes.items() if size > LONGEST_FILE} == {}, f"Files have at most {LONGEST_FILE} lines"


def test_functions_are_short() -> None:
    bodies = {place(path, node): body_lines(node) for path, node in [*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef)]}
    long = {at: lines for at, lines in bodies.items() if lines > LONGEST_BODY}
    assert statistics.median(bodies.values()) < MEDIAN_BODY
    assert len(long) < LONG_SHARE * len(bodies), long


def body_lines(node: Function) -> int:
    """Lines from the first statement to the last, the docstring apart."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
