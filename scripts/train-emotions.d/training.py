"""Training of the label-wise attention head, in plain numpy: its loss, the loss's gradient, and AdamW.

The head (`insight_journey/analysis/head.py` has what it computes) reads the frozen encoder's token states, so one
layer of weights is all there is to differentiate; `tests/analysis/test_emotions.py` checks the gradient against differences.

Label-wise attention after Mullenbach et al. (2018), Explainable prediction of medical codes from clinical text. AdamW:
Loshchilov and Hutter (2019), Decoupled weight decay regularization. One-cycle rate: Smith and Topin (2019),
Super-convergence.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from insight_journey.analysis.head import GELU, Floats, Head, Places, gelu, owners, shares, sizes

BATCH, EPOCHS, RATE, DECAY, DROPOUT = 128, 7, 2e-3, 0.02, 0.3
RISE = 0.3  # share of the steps in which the rate rises
BETAS, TINY = (0.9, 0.999), 1e-8
RARE = -3.0  # where the biases start: most labels are absent from most texts

STRETCH = 512  # texts looked at together
Gradient = dict[str, Floats]


@dataclass(frozen=True)
class Material:
    """Texts to learn from: `tokens` [all, 384], text i's are [starts[i], starts[i + 1]); `labels` [texts, labels] of 0 and 1."""

    tokens: npt.NDArray[np.float16]
    starts: Places
    labels: Floats


def train(material: Material, rows: Places, width: int, seed: int) -> Head:
    """A head fitted to the rows. The same material, rows, width and seed give the same head on the same machine."""
    chance = np.random.default_rng(seed)
    head = _start(material.tokens.shape[1], width, material.labels.shape[1], chance)
    moments = {name: (np.zeros_like(weights), np.zeros_like(weights)) for name, weights in _weights(head)}
    steps = EPOCHS * math.ceil(len(rows) / BATCH)
    for step, batch in enumerate(_batches(rows, chance), 1):
        tokens, starts = gathered(material, batch)
        masks = _mask(tokens.shape, chance), _mask((len(tokens), width), chance)
        _, gradient = loss_and_gradient(head, tokens, starts, material.labels[batch], masks)
        for name, weights in _weights(head):
            _adamw(weights, gradient[name], moments[name], step, _rate(step / steps))
    return head


def gathered(material: Material, rows: Places) -> tuple[Floats, Places]:
    """The token states of some texts, joined, and where each text's start."""
    spans = [(material.starts[row], material.starts[row + 1]) for row in rows]
    tokens = np.concatenate([material.tokens[first:last] for first, last in spans]).astype(np.float32)
    return tokens, np.cumsum([0, *(last - first for first, last in spans[:-1])])


def logits(head: Head, material: Material, rows: Places) -> Floats:
    """[rows, labels]."""
    stretches = [rows[start : start + STRETCH] for start in range(0, len(rows), STRETCH)]
    return np.concatenate([head.logits(*gathered(material, each)) for each in stretches])


def loss_and_gradient(head: Head, tokens: Floats, starts: Places, labels: Floats, masks: tuple[Floats, Floats]) -> tuple[float, Gradient]:
    """Binary cross-entropy, summed over labels and averaged over texts, and its gradient by each of the head's weights.

    `masks`: dropout of the states [all tokens, 384] and of the hidden units [all tokens, width], of mean 1.
    """
    text, size = owners(starts, len(tokens)), sizes(starts, len(tokens))
    states = tokens * masks[0]
    raw = states @ head.hidden + head.hidden_bias
    units = gelu(raw) * masks[1]
    share, values = shares(units @ head.attention, starts), units @ head.value
    attended, means = np.add.reduceat(share * values, starts), np.add.reduceat(units, starts) / size
    logits = attended + means @ head.mean + head.bias
    loss = float(np.sum(np.logaddexp(0, logits) - labels * logits)) / len(labels)

    by_logit = (1 / (1 + np.exp(-logits)) - labels) / np.float32(len(labels))
    by_value = share * by_logit[text]
    by_score = by_value * (values - attended[text])  # of a softmax: its share, times how much more it points at than the average
    by_units = by_score @ head.attention.T + by_value @ head.value.T + (by_logit @ head.mean.T / size)[text]
    by_raw = by_units * masks[1] * _gelu_slope(raw)
    return loss, {
        "hidden": states.T @ by_raw, "hidden_bias": by_raw.sum(axis=0), "attention": units.T @ by_score, "value": units.T @ by_value,
        "mean": means.T @ by_logit, "bias": by_logit.sum(axis=0),
    }  # fmt: skip


def _start(inputs: int, width: int, labels: int, chance: np.random.Generator) -> Head:
    def drawn(*shape: int) -> Floats:
        return chance.standard_normal(shape, np.float32) / np.float32(math.sqrt(shape[0]))

    return Head(
        hidden=drawn(inputs, width), hidden_bias=np.zeros(width, np.float32), attention=drawn(width, labels),
        value=drawn(width, labels), mean=drawn(width, labels), bias=np.full(labels, RARE, np.float32),
    )  # fmt: skip


def _weights(head: Head) -> list[tuple[str, Floats]]:
    return [(field.name, getattr(head, field.name)) for field in fields(head)]


def _batches(rows: Places, chance: np.random.Generator) -> Iterator[Places]:
    for _ in range(EPOCHS):
        mixed = chance.permutation(rows)
        yield from (mixed[start : start + BATCH] for start in range(0, len(mixed), BATCH))


def _mask(shape: tuple[int, ...], chance: np.random.Generator) -> Floats:
    kept = chance.random(shape, np.float32) >= DROPOUT
    return kept * np.float32(1 / (1 - DROPOUT))


def _rate(done: float) -> float:
    """One cycle: up along a cosine from a 25th of the rate, then down along another to nearly nothing."""
    low, far = (RATE / 25, done / RISE) if done < RISE else (RATE / 1e4, (1 - done) / (1 - RISE))
    return low + (RATE - low) * (1 - math.cos(math.pi * far)) / 2


def _adamw(weights: Floats, gradient: Floats, moments: tuple[Floats, Floats], step: int, rate: float) -> None:
    """One step of AdamW, in place."""
    first, second = moments
    first += (1 - BETAS[0]) * (gradient - first)
    second += (1 - BETAS[1]) * (gradient * gradient - second)
    size = np.sqrt(second / (1 - BETAS[1] ** step)) + TINY
    weights -= rate * (first / (1 - BETAS[0] ** step) / size + DECAY * weights)


def _gelu_slope(raw: Floats) -> Floats:
    bent = np.tanh(GELU * (raw + np.float32(0.044715) * raw * raw * raw))
    slope: Floats = 0.5 * (1 + bent) + 0.5 * raw * (1 - bent * bent) * GELU * (1 + np.float32(3 * 0.044715) * raw * raw)
    return slope
