"""The head's labels, each said or not by its own threshold; in GoEmotions' own groups too, and how well its probabilities hold."""

from collections.abc import Iterator
from pathlib import Path

import baseline
import goemotions
import reading
import tables
from figures import Array, Figure, calibration_error, macro_f1, micro

from insight_journey.analysis.head import best_margins

TASK = "emotions"


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Labels that the file never has do not count; those that the head has not are named and left out."""
    rows = tables.read(path, "text", "labels")
    model = reading.model()
    reading.tell_unknown(TASK, (label for row in rows for label in tables.labels(row["labels"]) if label not in model.labels))
    true = goemotions.one_hot(rows, model.labels)
    here, texts = true.any(axis=0), [row["text"] for row in rows]
    if not here.any():
        raise tables.Unusable(f"{path} has none of the head's labels")
    logits = reading.logits(texts)
    said = (logits >= model.thresholds).astype(float)
    yield macro_f1(f"macro_f1_{len(model.labels)}", said[:, here], true[:, here])
    yield from micro(said[:, here], true[:, here], "micro_")
    yield _ekman(logits - model.thresholds, true, model.labels, model.ekman_thresholds)
    yield calibration_error("calibration_error_10_bins", model.probabilities(logits)[:, here], true[:, here])
    if baselines:
        yield from baseline.emotions(texts, true, model.labels, data)


def _ekman(margins: Array, true: Array, labels: tuple[str, ...], thresholds: Array) -> Figure:
    groups = goemotions.members(labels)
    said, really = best_margins(margins, groups) >= thresholds, goemotions.grouped(true, groups)
    here = really.any(axis=0)
    return macro_f1("macro_f1_ekman", said[:, here].astype(float), really[:, here])
