"""The whole offline analyzer on one sentence at a time: which groups of feeling it files, as pairs of sentence and group."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import reading
import tables
from figures import Array, Figure, micro

from insight_journey import taxonomy
from insight_journey.analysis.base import Analysis, AnalysisJob, Moment
from insight_journey.analysis.local import LEXICON, MODEL, LocalAnalyzer
from insight_journey.settings import Settings

TASK = "session-emotions"


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Rows with a label that is no word for a feeling are named and left out: what they should be is not known."""
    rows = tables.read(path, "text", "emotions")
    labelled = [
        (row["text"], [label for label in tables.labels(row["emotions"].replace("/", ",")) if label not in reading.NOTHING]) for row in rows
    ]
    reading.tell_unknown(TASK, (label for _, labels in labelled for label in labels if reading.group(label) is None))
    judged = [(text, labels) for text, labels in labelled if text.strip() and all(map(reading.group, labels))]
    if not judged:
        raise tables.Unusable(f"{path} has no row that can be judged")
    true = _table([{str(reading.group(label)) for label in labels} for _, labels in judged])
    texts = [text for text, _ in judged]
    found = {engine: _found(texts, engine) for engine in (LEXICON, MODEL)}
    yield from micro(np.maximum(*found.values()), true)
    if baselines:
        yield from micro(found[LEXICON], true, "lexicon_alone_")
        yield from micro(found[MODEL], true, "added_by_head_")


def _found(texts: Sequence[str], engine: str) -> Array:
    """The groups that this engine of the analyzer files of each text: [texts, groups]."""
    emotions, groups = taxonomy.load("emotions"), [set[str | None]() for _ in texts]
    for mention in _analysis(tuple(texts)).mentions:
        if mention.kind == "emotion" and mention.engine == engine:
            groups[mention.moment].add(emotions.get(str(mention.code)).group)
    return _table(groups)


@cache
def _analysis(texts: tuple[str, ...]) -> Analysis:
    moments = tuple(Moment(n, text, 0, len(text)) for n, text in enumerate(texts))
    return LocalAnalyzer(Settings()).analyze(AnalysisJob(moments, "en", "2025-01-01", lambda _: None))


def _table(groups: Sequence[set[str] | set[str | None]]) -> Array:
    return np.array([[float(group in each) for group in taxonomy.GROUPS] for each in groups])
