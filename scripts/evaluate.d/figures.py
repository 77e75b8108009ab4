"""Figures with their bootstrap intervals (Efron and Tibshirani 1993, An introduction to the bootstrap: percentiles)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
DRAWS, SEED = 1000, 20250601
AT_A_TIME = 50  # draws made together: bounds memory


@dataclass(frozen=True)
class Figure:
    """A measured value. `low`, `high`: its 95% interval, nothing where none can be given (seconds, megabytes, published figures)."""

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.4f}, {self.high:.4f}]"
        return f"{self.name} {self.value:.4f}{interval} n={self.n}"


def figure(name: str, parts: Array, statistic: Callable[[Array], Array]) -> Figure:
    """A figure with its interval, of a statistic that can be told from sums over rows.

    `parts` [rows, k]: what each row adds to the k sums. `statistic`: sums [draws, k] -> values [draws].
    """
    value, drawn = float(statistic(parts.sum(axis=0)[None])[0]), statistic(_drawn_sums(parts))
    if np.isnan(drawn).all():
        return Figure(name, value, len(parts))
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Figure(name, value, len(parts), float(low), float(high))


def share(name: str, right: Array) -> Figure:
    """The mean of a value a row [rows], such as 1 for right and 0 for wrong."""
    return figure(name, np.stack([right, np.ones_like(right)], axis=1), lambda sums: sums[:, 0] / sums[:, 1])


def macro_f1(name: str, said: Array, true: Array) -> Figure:
    """Mean over labels of F1; `said`, `true` [rows, labels] of 0 and 1. Labels that nobody has and nobody is given do not count."""
    return figure(name, _counts(said, true), lambda sums: _mean(f1(sums)))


def precision(name: str, said: Array, true: Array) -> Figure:
    """Over all rows and labels together, the share of what was said that is true."""
    parts = np.stack([(said * true).sum(axis=1), said.sum(axis=1)], axis=1)
    return figure(name, parts, lambda sums: _ratio(sums[:, 0], sums[:, 1]))


def micro(said: Array, true: Array, prefix: str = "") -> list[Figure]:
    """Precision, recall and F1 over all rows and labels together; precision where nothing was said is not a number."""
    counts = _counts(said, true)
    both, ours, theirs = (counts[:, start::3].sum(axis=1) for start in range(3))
    parts = np.stack([both, ours, theirs], axis=1)
    return [
        figure(f"{prefix}precision", parts, lambda sums: _ratio(sums[:, 0], sums[:, 1])),
        figure(f"{prefix}recall", parts, lambda sums: _ratio(sums[:, 0], sums[:, 2])),
        figure(f"{prefix}f1", parts, lambda sums: _ratio(2 * sums[:, 0], sums[:, 1] + sums[:, 2])),
    ]


def f1(sums: Array) -> Array:
    """F1 of each label, [draws, labels], from sums of `_counts`; not a number where a label is neither there nor said."""
    return _ratio(2 * sums[:, 0::3], sums[:, 1::3] + sums[:, 2::3])


def _counts(said: Array, true: Array) -> Array:
    """[rows, 3 x labels]: for each label whether it is both, said, true."""
    return np.stack([said * true, said, true], axis=2).reshape(len(said), -1).astype(float)


def _mean(values: Array) -> Array:
    """Of each draw, over the labels that have a value."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1).astype(float))


def _ratio(over: Array, under: Array) -> Array:
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def _drawn_sums(parts: Array) -> Array:
    """[DRAWS, k]: sums over as many rows as there are, drawn with putting back."""
    chance, rows = np.random.default_rng(SEED), len(parts)
    times = (chance.multinomial(rows, np.full(rows, 1 / rows), AT_A_TIME) for _ in range(DRAWS // AT_A_TIME))
    return np.concatenate([each @ parts for each in times])


def calibration_error(name: str, probabilities: Array, true: Array, counted: Array | None = None, bins: int = 10) -> Figure:
    """Expected calibration error over all rows and columns: in bins of equal width, how far the mean probability is from the share
    that is true, weighed by how many lie there (Guo et al. 2017, On calibration of modern neural networks). `counted`: 0 leaves out."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    inside = (place[:, :, None] == np.arange(bins)).astype(float)
    inside = inside if counted is None else inside * counted[:, :, None]
    gaps, sizes = np.einsum("rcb,rc->rb", inside, probabilities - true), inside.sum(axis=1)
    parts = np.concatenate([gaps, sizes], axis=1)
    return figure(name, parts, lambda sums: _ratio(np.abs(sums[:, :bins]).sum(axis=1), sums[:, bins:].sum(axis=1)))
