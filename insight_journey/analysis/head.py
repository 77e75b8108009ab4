"""The emotion head: label-wise attention over the encoder's token states, in numpy.

Each label weighs the tokens of a text by itself, and reads what it attends to (after Mullenbach et al. 2018, Explainable
prediction of medical codes from clinical text). `scripts/train-emotions` makes the weights file, `weights/emotions.md` is
its card. It belongs to one version of the encoder, and is used with no other.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import structlog

from insight_journey import encoder

log = structlog.get_logger()

Floats = npt.NDArray[np.floating]
Places = npt.NDArray[np.int64]
GELU = np.float32(np.sqrt(2 / np.pi))
NAMES = ("labels", "groups")
NUMBERS = ("thresholds", "calibration", "group_calibration", "ekman_thresholds")


@dataclass(frozen=True)
class Head:
    """Weights of one head: `hidden` [384, width], `hidden_bias` [width]; `attention`, `value`, `mean` [width, labels]; `bias` [labels]."""

    hidden: Floats
    hidden_bias: Floats
    attention: Floats
    value: Floats
    mean: Floats
    bias: Floats

    def logits(self, tokens: Floats, starts: Places) -> Floats:
        """[texts, labels] of texts whose token states are joined to [all tokens, 384], each beginning at its start."""
        units = gelu(tokens @ self.hidden + self.hidden_bias)
        attended = np.add.reduceat(shares(units @ self.attention, starts) * (units @ self.value), starts)
        means = np.add.reduceat(units, starts) / sizes(starts, len(tokens))
        logits: Floats = attended + means @ self.mean + self.bias
        return logits


def gelu(raw: Floats) -> Floats:
    """Hendrycks and Gimpel (2016), Gaussian error linear units, in the form with tanh."""
    smooth: Floats = 0.5 * raw * (1 + np.tanh(GELU * (raw + np.float32(0.044715) * raw * raw * raw)))
    return smooth


def shares(scores: Floats, starts: Places) -> Floats:
    """Softmax of each column over the tokens of each text: [all tokens, labels]."""
    text = owners(starts, len(scores))
    risen = np.exp(scores - np.maximum.reduceat(scores, starts)[text])
    softmax: Floats = risen / np.add.reduceat(risen, starts)[text]
    return softmax


def sizes(starts: Places, tokens: int) -> Floats:
    """How many tokens each text has: [texts, 1]."""
    return np.diff([*starts, tokens]).astype(np.float32)[:, None]


def owners(starts: Places, tokens: int) -> Places:
    """The text of each token: [all tokens]."""
    return np.repeat(np.arange(len(starts)), np.diff([*starts, tokens]))


@dataclass(frozen=True)
class Model:
    """Heads that vote, and what was chosen for them on texts that they had not learnt from.

    `thresholds` [labels]: the logit from which on saying the label gives the best F1; a margin is how far a logit lies above.
    `calibration` [labels, 2] and `group_calibration` [groups, 2]: slope and offset that make a logit, and the best margin in a
    group, the log odds that a reader agrees (Platt 1999, Probabilistic outputs for support vector machines).
    """

    heads: tuple[Head, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    thresholds: Floats
    calibration: Floats
    group_calibration: Floats
    ekman_thresholds: Floats

    def logits(self, tokens: Sequence[Floats]) -> Floats:
        """[texts, labels]: the mean of the heads' logits. No text may be without tokens."""
        joined, starts = np.concatenate(tokens), np.cumsum([0, *(len(each) for each in tokens[:-1])])
        mean: Floats = np.mean([head.logits(joined, starts) for head in self.heads], axis=0)
        return mean

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated, of each label: [texts, labels]."""
        return calibrated(logits, self.calibration)

    def group_probabilities(self, logits: Floats, members: Sequence[Sequence[int]]) -> Floats:
        """Calibrated, of each group: [texts, groups]. `members`: the labels of each, by number."""
        return calibrated(best_margins(logits - self.thresholds, members), self.group_calibration)


def calibrated(scores: Floats, calibration: Floats) -> Floats:
    """Probabilities of scores [texts, columns], by slope and offset a column."""
    odds: Floats = 1 / (1 + np.exp(-(scores * calibration[:, 0] + calibration[:, 1])))
    return odds


def best_margins(margins: Floats, members: Sequence[Sequence[int]]) -> Floats:
    """[texts, groups]: of each group, the margin of its best label."""
    return np.stack([margins[:, list(group)].max(axis=1) for group in members], axis=1)


@cache
def get() -> Model | None:
    """The shipped model. None where its file is missing, broken, or made for another encoder; the log says so."""
    return load(Path(str(files("insight_journey") / "weights" / "emotions.npz")))


def load(path: Path) -> Model | None:
    """A model from its file, or None as for `get`."""
    try:
        with path.open("rb") as source, np.load(source) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if str(arrays.pop("encoder")) == encoder.SHA256:
            return _model(arrays)
        log.warning("emotion_head_not_usable", reason="made for another encoder")
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        log.warning("emotion_head_not_usable", reason=type(error).__name__)
    return None


def save(path: Path, model: Model) -> None:
    """The file of a model: weights rounded to half precision, which changes no figure by more than rounding."""
    weights = {field.name: np.stack([getattr(head, field.name) for head in model.heads]).astype(np.float16) for field in fields(Head)}
    names = {name: np.array(getattr(model, name)) for name in NAMES}
    numbers = {name: np.asarray(getattr(model, name), np.float32) for name in NUMBERS}
    np.savez_compressed(path, allow_pickle=False, encoder=np.array(encoder.SHA256), **weights, **names, **numbers)


def _model(arrays: dict[str, npt.NDArray[np.generic]]) -> Model:
    stacked = {field.name: arrays[field.name].astype(np.float32) for field in fields(Head)}
    heads = tuple(Head(**{name: each[n] for name, each in stacked.items()}) for n in range(len(stacked["bias"])))
    labels, groups = (tuple(map(str, arrays[name])) for name in NAMES)
    return Model(heads, labels, groups, *(arrays[name].astype(np.float32) for name in NUMBERS))
