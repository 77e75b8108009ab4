"""A second net for words of crisis: sentences that mean despair without a wording of the rules. Nothing of theirs leaves the machine.

A logistic regression on the sentence vectors of the text encoder. It tells far less exactly than the rules what only sounds so,
so that it raises no flag and files nothing otherwise: all that it does is to keep a moment from outside models, where too much
costs little. `scripts/train-crisis` makes the weights, `weights/crisis.md` is their card, docs/safety.md has the figures.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt

from insight_journey import encoder
from insight_journey.analysis.base import Care, Moment
from insight_journey.analysis.sentences import sentences
from insight_journey.encoder import Encoder, Floats

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hints:
    """The weights: `direction` [384] and `threshold`, the least score of a hint."""

    direction: Floats
    threshold: float

    def found(self, vectors: Floats) -> npt.NDArray[np.bool_]:
        """[n, 384] -> [n]: which sentences hint at it."""
        hints: npt.NDArray[np.bool_] = vectors @ self.direction >= self.threshold
        return hints


@cache
def load() -> Hints:
    """The weights as shipped. Raises ValueError where they belong to another encoder."""
    with as_file(files("insight_journey") / "weights" / "crisis.npz") as path, np.load(path) as held:
        if str(held["encoder"]) != encoder.SHA256:
            raise ValueError("crisis.npz was made with another encoder: run scripts/train-crisis")
        return Hints(held["direction"], float(held["threshold"]))


def widen(care: Care, moments: Sequence[Moment], encodes: Encoder | None) -> Care:
    """The same with the moments that hint at it; unchanged without an encoder.

    Never raises. Where it fails, every moment counts as hinting, so that all stay here.
    """
    if encodes is None:
        return care
    try:
        return replace(care, hinted=frozenset(_hinting(moments, encodes)))
    except Exception as error:  # the words must not be lost, nor get out
        log.error("safety_failed", extra={"error": type(error).__name__})
        return replace(care, hinted=frozenset(moment.position for moment in moments))


def _hinting(moments: Sequence[Moment], encodes: Encoder) -> set[int]:
    parts = [(moment.position, moment.text[s.start : s.end]) for moment in moments for s in sentences(moment.text)]
    found = load().found(encodes.vectors([text for _, text in parts]))
    return {position for (position, _), hints in zip(parts, found, strict=True) if hints}
