"""Whether words of self-harm and crisis are told from words that only sound so. Label 1: a person says it of herself; else 0."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tables
from figures import Array, Figure, share

from insight_journey import encoder
from insight_journey.analysis import crisis, hints
from insight_journey.analysis.base import Care, Moment

YES, NO = ("1", "true", "yes", "crisis", "positive"), ("0", "false", "no", "none", "negative")


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """Rows with another label make the file unusable. A file may have one of the labels alone.

    What is withheld by the rules alone is told, and what stays here together with the encoder's hints, where there is an encoder.
    """
    rows = tables.read(path, "text", "label")
    true = np.array([_is_crisis(row["label"], path) for row in rows])
    judged = np.array([crisis.judge(row["text"]) for row in rows], dtype=float)
    touched, flagged = judged[:, 0], judged[:, 1]
    hinted = np.maximum(touched, _hinted([row["text"] for row in rows]))
    if true.any():
        yield share("recall", flagged[true])
        yield share("recall_of_withholding", touched[true])
        yield share("recall_of_withholding_with_hints", hinted[true])
    if not true.all():
        yield _per_thousand("false_positives_per_1000", flagged[~true])
        yield _per_thousand("withheld_per_1000", touched[~true])
        yield _per_thousand("withheld_with_hints_per_1000", hinted[~true])


def _hinted(texts: list[str]) -> Array:
    moments = [Moment(place, text, 0, len(text)) for place, text in enumerate(texts)]
    found = hints.widen(Care(), moments, encoder.get(None)).hinted
    return np.array([float(place in found) for place in range(len(texts))])


def _is_crisis(label: str, path: Path) -> bool:
    plain = label.strip().lower()
    if plain not in (*YES, *NO):
        raise tables.Unusable(f"{path}: a label is 1 or 0, not {label!r}")
    return plain in YES


def _per_thousand(name: str, wrong: Array) -> Figure:
    return share(name, wrong * 1000)
