"""Written sessions as the product reads them: the parser, the cut into moments, the offline analyzer."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import reading
import tables

from insight_journey.analysis.base import Analysis, AnalysisJob
from insight_journey.analysis.local import LocalAnalyzer
from insight_journey.analysis.moments import segment
from insight_journey.errors import InsightJourneyError
from insight_journey.settings import Settings
from insight_journey.transcription.text import parse_text

DAY = "2025-01-01"  # that "tomorrow" counts from; no figure depends on it
SUFFIXES = (".txt", ".md", ".json", ".vtt", ".srt")


@dataclass(frozen=True)
class Told:
    """A session: whose it is (the name of its folder), its text as it was written down, and what was found in it."""

    person: str
    file: Path
    written: str
    analysis: Analysis


def read(path: Path) -> Iterator[Told]:
    """The sessions of a folder with a folder a person, or of one file. Raises Unusable where there are none."""
    files = [path] if path.is_file() else sorted(file for file in path.glob("*/*") if file.suffix in SUFFIXES)
    if not files:
        raise tables.Unusable(f"{path} has no folder with sessions ({', '.join(SUFFIXES)})")
    for file in files:
        yield _told(file)


def name(person: str) -> str:
    """`Alex_Dr._Harper_Torres` is Alex: who the client is."""
    return person.partition("_")[0]


def _told(file: Path) -> Told:
    try:
        written = file.read_text(encoding="utf-8-sig")
        transcript = parse_text(written, file.name, name(file.parent.name))
    except (OSError, UnicodeDecodeError, InsightJourneyError) as error:
        raise tables.Unusable(f"{file}: {error}") from None
    return Told(file.parent.name, file, written, analyzer().analyze(AnalysisJob(segment(transcript), "en", DAY, lambda _: None)))


@cache
def analyzer() -> LocalAnalyzer:
    """The offline analyzer with its encoder. Raises Unusable without one."""
    reading.encoded()
    return LocalAnalyzer(Settings())
