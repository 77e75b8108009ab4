"""A logistic regression of "this topic is right" on margin, lead and cues, and how well it is calibrated."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from insight_journey.analysis import topics
from insight_journey.analysis.sentences import sentences
from insight_journey.encoder import Encoder

FOLDS, BINS, RIDGE, STEPS = 10, 5, 1.0, 50

Labelled = list[tuple[str, frozenset[str]]]


@dataclass(frozen=True)
class Told:
    """By cross-validation. `error`: expected calibration error (Naeini et al. 2015), in BINS bins of equal width."""

    sentences: int
    candidates: int
    precision: float
    recall: float
    error: float
    brier: float

    def lines(self) -> str:
        return (
            f"sentences {self.sentences}, topics looked at {self.candidates}, kept from confidence {topics.LEAST:g}\n"
            f"precision {self.precision:.3f}, recall {self.recall:.3f}, expected calibration error {self.error:.3f}, Brier {self.brier:.3f}"
        )


def read(path: Path) -> Labelled:
    """Sentences with the codes of what they are about, none, one or several."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(text, frozenset(filter(None, codes.split(",")))) for text, codes in rows]


def fit(known: topics.Topics, labelled: Labelled, encoder: Encoder) -> tuple[np.ndarray, Told]:
    """The four numbers of `Topics.fitted`, and what they are worth."""
    features, right, rows = _candidates(known, labelled, encoder)
    sure, fold = np.zeros(len(right)), rows % FOLDS
    for held in range(FOLDS):
        sure[fold == held] = _sure(_logistic(features[fold != held], right[fold != held]), features[fold == held])
    kept, labels = sure >= topics.LEAST, sum(len(codes) for _, codes in labelled)
    told = Told(
        len(labelled), len(right), right[kept].mean(), right[kept].sum() / labels, _error(sure, right), float(((sure - right) ** 2).mean())
    )
    return _logistic(features, right).astype(np.float32), told


def _candidates(known: topics.Topics, labelled: Labelled, encoder: Encoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all topics that are looked at: features [n, 3], whether each is right [n], the row of its sentence [n]."""
    margins = known.margins(encoder.vectors([text for text, _ in labelled]))
    features, right, rows = [], [], []
    for row, (text, labels) in enumerate(labelled):
        for sentence in sentences(text):
            said = topics.cues_of(sentence)
            codes = topics.looked_at(known, margins[row], said)
            features.extend(topics.features(known, margins[row], codes, said))
            right.extend(code in labels for code in codes)
            rows.extend([row] * len(codes))
    return np.array(features, float), np.array(right, float), np.array(rows)


def _logistic(features: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Constant and weights by Newton's method, with a little ridge on standardised features."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    inputs = np.c_[np.ones(len(features)), (features - mean) / spread]
    ridge, weights = np.diag([0.0] + [RIDGE] * features.shape[1]), np.zeros(features.shape[1] + 1)
    for _ in range(STEPS):
        sure = 1 / (1 + np.exp(-inputs @ weights))
        curve = inputs.T @ (inputs * (sure * (1 - sure))[:, None]) + ridge
        weights -= np.linalg.solve(curve, inputs.T @ (sure - right) + ridge @ weights)
    slopes = weights[1:] / spread
    return np.r_[weights[0] - slopes @ mean, slopes]


def _sure(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(weights[0] + features @ weights[1:])))


def _error(sure: np.ndarray, right: np.ndarray) -> float:
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs(sure[places == n].sum() - right[places == n].sum()) for n in range(BINS)) / len(sure))
