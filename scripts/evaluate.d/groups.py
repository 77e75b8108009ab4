"""Forced choice: of the groups of feeling that the file has, the one whose label of the head lies farthest above its threshold."""

from collections.abc import Iterator
from pathlib import Path

import baseline
import goemotions
import numpy as np
import reading
import tables
from figures import Array, Figure, macro_f1, share

from insight_journey import taxonomy
from insight_journey.analysis.head import best_margins

TASK = "groups"
NEUTRAL = "neutral"


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Rows whose label is no group of feeling, nor a word for one, are named and left out."""
    rows = tables.read(path, "text", "label")
    named = [_group(row["label"]) for row in rows]
    reading.tell_unknown(TASK, (row["label"] for row, group in zip(rows, named, strict=True) if group is None))
    known = [(row["text"], group) for row, group in zip(rows, named, strict=True) if group]
    if not known:
        raise tables.Unusable(f"{path} has no label that is known")
    choices = [group for group in (*taxonomy.GROUPS, NEUTRAL) if group in {group for _, group in known}]
    true = _one_hot([choices.index(group) for _, group in known], choices)
    said = _chosen([text for text, _ in known], choices)
    yield macro_f1("macro_f1", said, true)
    yield share("accuracy", (said * true).sum(axis=1))
    for place, group in enumerate(choices):
        yield macro_f1(f"f1_{group}", said[:, [place]], true[:, [place]])
    if baselines:
        yield from baseline.groups([text for text, _ in known], members(goemotions.LABELS, choices), choices, true, data)


def _group(label: str) -> str | None:
    return NEUTRAL if label.strip().lower() in reading.NOTHING else reading.group(label)


def _chosen(texts: list[str], choices: list[str]) -> Array:
    model = reading.model()
    margins = reading.logits(texts) - model.thresholds
    return _one_hot(best_margins(margins, members(model.labels, choices)).argmax(axis=1).tolist(), choices)


def members(labels: tuple[str, ...], choices: list[str]) -> list[list[int]]:
    """The labels of each choice. Embarrassment and remorse are sadness, as GoEmotions groups them, where shame or guilt is no choice."""
    grouping = {label: group for group, members in goemotions.EKMAN.items() for label in members}
    for label, group in (("embarrassment", "shame"), ("remorse", "guilt")):
        if group in choices:
            grouping[label] = group
    return [[n for n, label in enumerate(labels) if grouping[label] == choice] for choice in choices]


def _one_hot(places: list[int], choices: list[str]) -> Array:
    return np.eye(len(choices))[places]
