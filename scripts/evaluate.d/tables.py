"""Tab-separated files as people have them: any order of columns, more columns, either line ending, quoted or not."""

import csv
import re
import sys
from collections.abc import Iterable
from pathlib import Path

Row = dict[str, str]
QUOTED = re.compile(r'"(?:[^"]|"")*"')


class Unusable(Exception):
    """There is nothing to measure on; the message says why."""


def read(path: Path, *columns: str) -> list[Row]:
    """The rows, by column name (lower case). Raises Unusable where the file, a column or every row is missing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: {error}") from None
    header, *rows = _rows(text) or [[]]
    names = [name.strip().lower() for name in header]
    if missing := [column for column in columns if column not in names]:
        raise Unusable(f"{path} has no column {' and no column '.join(missing)}; it has: {', '.join(names)}")
    found = [dict(zip(names, row, strict=False)) for row in rows if len(row) >= len(names)]
    if short := len(rows) - len(found):
        print(f"evaluate: {path}: {short} rows are shorter than the header and left out", file=sys.stderr)
    if not found:
        raise Unusable(f"{path} has no rows")
    return found


def labels(cell: str) -> list[str]:
    """The labels of a cell, lower case, separated by commas, semicolons or bars, each once."""
    return list(dict.fromkeys(label.strip().lower() for label in re.split(r"[,;|]", cell) if label.strip()))


def _rows(text: str) -> list[list[str]]:
    """A row a line where that makes all rows as wide as the header; else cells may hold line ends and tabs, in quotes."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = list(_filled(line.split("\t") for line in lines))
    if len({len(row) for row in plain}) <= 1:
        return [[_unquoted(cell) for cell in row] for row in plain]
    return list(_filled(csv.reader((f"{line}\n" for line in lines), delimiter="\t")))


def _unquoted(cell: str) -> str:
    """Without the quotes that spreadsheets put around a cell, and with those inside it single again."""
    return cell[1:-1].replace('""', '"') if QUOTED.fullmatch(cell) else cell


def _filled(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    return (row for row in rows if any(cell.strip() for cell in row))
