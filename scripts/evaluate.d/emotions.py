"""The head's labels, each said or not by its own threshold; in GoEmotions' own groups too, and how well its probabilities hold."""

from collections.abc import Iterator
from pathlib import Path

import baseline
import goemotions
import lexicon
import reading
import tables
from figures import Array, Figure, calibration_error, macro_f1, micro, precision, share

from insight_journey.analysis.emotions import FINE, GROUP, feelings_of, members
from insight_journey.analysis.head import Model, best_margins

TASK = "emotions"


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Labels that the file never has do not count; those that the head has not are named and left out."""
    rows = tables.read(path, "text", "labels")
    model = reading.model()
    reading.tell_unknown(TASK, (label for row in rows for label in tables.labels(row["labels"]) if label not in model.labels))
    true = goemotions.one_hot(rows, model.labels)
    if not true.any():
        raise tables.Unusable(f"{path} has none of the head's labels")
    texts = [row["text"] for row in rows]
    yield from measured(model, reading.logits(texts), true)
    yield from lexicon.measured(texts, true, model.labels)
    if baselines:
        yield from lexicon.by_frame(texts, true, model.labels)
        yield from baseline.emotions(texts, true, model.labels, data)


def measured(model: Model, logits: Array, true: Array) -> Iterator[Figure]:
    """The figures of logits [texts, labels] against what is true of the texts."""
    here, feelings = true.any(axis=0), sorted(feelings_of(model.labels))
    said, probabilities = (logits >= model.thresholds).astype(float), model.probabilities(logits)
    yield macro_f1(f"macro_f1_{len(model.labels)}", said[:, here], true[:, here])
    yield from micro(said[:, here], true[:, here], "micro_")
    yield _ekman(logits - model.thresholds, true, model)
    yield calibration_error("calibration_error_10_bins", probabilities[:, here], true[:, here])
    sure = (probabilities[:, feelings] >= FINE).astype(float)
    yield precision("sure_precision", sure, true[:, feelings])
    yield calibration_error("sure_calibration_error_10_bins", probabilities[:, feelings], true[:, feelings], counted=sure)
    yield share("sure_share_of_texts", sure.max(axis=1))
    groups = members(model.labels)
    chances, really = model.group_probabilities(logits, groups), goemotions.grouped(true, groups)
    sure = (chances >= GROUP).astype(float)
    yield precision("sure_group_precision", sure, really)
    yield calibration_error("sure_group_calibration_error_10_bins", chances, really, counted=sure)
    yield share("sure_group_share_of_texts", sure.max(axis=1))


def _ekman(margins: Array, true: Array, model: Model) -> Figure:
    groups = goemotions.members(model.labels)
    said, really = best_margins(margins, groups) >= model.ekman_thresholds, goemotions.grouped(true, groups)
    here = really.any(axis=0)
    return macro_f1("macro_f1_ekman", said[:, here].astype(float), really[:, here])
