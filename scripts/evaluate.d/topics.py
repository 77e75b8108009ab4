"""Which of a file's labels a text is about, told by their names and by seeds of our topics: nothing is learnt from the file.

A label is a topic like the taxonomy's, the centroid of its name and its seeds, and a text is ranked as a session is. `labels.json` says
which seeds stand for the labels of known collections. A label that it does not know gets the seeds of the topic that its name
is nearest to, where one is near enough. Labels have no background level: it takes text to have one.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import reading
import tables
from figures import Array, Figure, share

from insight_journey.analysis import topics
from insight_journey.analysis.sentences import sentences

LABELS = Path(__file__).parent / "labels.json"
NEAR = 0.3  # margin from which an unknown label takes a topic's seeds
FEW = 3


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    rows = [row for row in tables.read(path, "text", "topics") if row["text"].strip() and tables.labels(row["topics"])]
    if not rows:
        raise tables.Unusable(f"{path} has no row with a text and a topic")
    texts, labelled = [row["text"] for row in rows], [tables.labels(row["topics"]) for row in rows]
    labels = sorted({label for each in labelled for label in each})
    true = np.array([[float(label in each) for label in labels] for each in labelled])
    yield from _ranked(_scores(texts, _as_topics(labels, [seeds(label) for label in labels])), true)
    if baselines:
        yield from _ranked(np.tile(true.sum(axis=0), (len(true), 1)), true, "most_frequent_")
        yield from _ranked(_scores(texts, _as_topics(labels, [[label] for label in labels])), true, "names_alone_")


def seeds(label: str) -> list[str]:
    """All that a label's vector is made of, its name first."""
    known = json.loads(LABELS.read_text(encoding="utf-8"))["labels"].get(label)
    codes = _nearest(label) if known is None else known.get("topics", [])
    return [label, *(text for code in codes for text in topics.phrases(code)), *(known or {}).get("phrases", [])]


def _nearest(label: str) -> list[str]:
    shipped = topics.load()
    margins = shipped.margins(reading.encoded().vectors([label]))[0]
    return [shipped.codes[int(margins.argmax())]] if margins.max() >= NEAR else []


def _as_topics(labels: Sequence[str], texts: Sequence[Sequence[str]]) -> topics.Topics:
    vectors, shipped = np.stack([topics.centroid(each, reading.encoded()) for each in texts]), topics.load()
    return topics.Topics(tuple(labels), vectors, np.zeros(len(labels), np.float32), shipped.fitted, shipped.made_of, shipped.encoder)


def _scores(texts: Sequence[str], known: topics.Topics) -> Array:
    """[texts, labels]: a text's score is its sentences', as a session's is."""
    parts = [[text[part.start : part.end] for part in sentences(text)] or [text] for text in texts]
    vectors = reading.encoded().vectors([part for each in parts for part in each])
    return np.stack([known.session(each) for each in np.split(vectors, np.cumsum([len(each) for each in parts])[:-1])])


def _ranked(scores: Array, true: Array, prefix: str = "") -> Iterator[Figure]:
    right = np.take_along_axis(true, np.argsort(-scores, axis=1, kind="stable"), axis=1)
    yield share(f"{prefix}top_1", right[:, 0])
    yield share(f"{prefix}top_{FEW}", right[:, :FEW].max(axis=1))
