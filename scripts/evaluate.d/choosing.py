"""What is chosen after training: thresholds and calibration, on logits of texts that their heads had not learnt from."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CANDIDATES = 200
PRIOR = 1.0  # how firmly slope 1 and offset 0 are expected, in texts: rare labels have few
STEPS = 50


def thresholds(scores: Array, true: Array) -> Array:
    """Of each column, the score from which on saying yes gives the best F1. `scores`, `true`: [texts, columns]."""
    return np.array([_threshold(scores[:, n], true[:, n]) for n in range(scores.shape[1])])


def _threshold(scores: Array, true: Array) -> float:
    candidates = np.unique(np.quantile(scores, 1 - np.geomspace(0.5, 2 / len(scores), CANDIDATES)))
    said = scores[:, None] >= candidates
    return float(candidates[np.argmax(2 * (true @ said) / (said.sum(axis=0) + true.sum()))])


def platt(scores: Array, true: Array) -> Array:
    """Slope and offset of each column, [columns, 2]: logistic regression by Newton's steps, drawn a little to 1 and 0."""
    return np.array([_platt(scores[:, n], true[:, n]) for n in range(scores.shape[1])])


def _platt(scores: Array, true: Array) -> Array:
    inputs, expected = np.stack([scores, np.ones_like(scores)], axis=1), np.array([1.0, 0.0])
    found = expected
    for _ in range(STEPS):
        odds = 1 / (1 + np.exp(-(inputs @ found)))
        slope = inputs.T @ (odds - true) + PRIOR * (found - expected)
        bend = (inputs * (odds * (1 - odds))[:, None]).T @ inputs + PRIOR * np.eye(2)
        found = found - np.linalg.solve(bend, slope)
    return found


def folds(ids: Sequence[str], count: int) -> npt.NDArray[np.int64]:
    """Which fold a text is in, by its id alone: the same whatever the order of the file."""
    return np.array([int.from_bytes(sha256(each.encode()).digest()[:8]) % count for each in ids])
