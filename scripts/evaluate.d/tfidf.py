"""The classic to compare with: words and pairs of words, weighed by TF-IDF, and a logistic regression a label. Numpy alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insight_journey.analysis.sentences import TOKEN, plain

Array = npt.NDArray[np.float64]
LEAST, EPOCHS, BATCH, RATE, SEED = 3, 8, 256, 0.5, 1


@dataclass(frozen=True)
class Terms:
    """A text's terms by number, and their weights, of length 1 together."""

    places: npt.NDArray[np.int64]
    weights: Array


class Classic:
    """Fitted to texts and their labels [texts, labels]."""

    def __init__(self, texts: Sequence[str], true: Array) -> None:
        known = Counter(term for text in texts for term in set(_terms(text)))
        common = sorted(term for term, times in known.items() if times >= LEAST)
        self.places = {term: place for place, term in enumerate(common)}
        self.rarity = np.log((1 + len(texts)) / (1 + np.array([known[term] for term in common]))) + 1
        self.weights = np.zeros((len(common), true.shape[1]))
        self.bias = np.full(true.shape[1], -3.0)
        self._fit([self._weighed(text) for text in texts], true)

    def logits(self, texts: Sequence[str]) -> Array:
        """[texts, labels]."""
        found = (self._weighed(text) for text in texts)
        return np.stack([terms.weights @ self.weights[terms.places] for terms in found]) + self.bias

    def _weighed(self, text: str) -> Terms:
        counted = Counter(self.places[term] for term in _terms(text) if term in self.places)
        places = np.fromiter(counted, np.int64, len(counted))
        weights = (1 + np.log(np.fromiter(counted.values(), float, len(counted)))) * self.rarity[places]
        return Terms(places, weights / max(float(np.linalg.norm(weights)), 1e-9))

    def _fit(self, texts: list[Terms], true: Array) -> None:
        """Stochastic gradient descent, the rate falling to nothing."""
        chance = np.random.default_rng(SEED)
        batches = [batch for _ in range(EPOCHS) for batch in np.array_split(chance.permutation(len(texts)), max(1, len(texts) // BATCH))]
        for step, batch in enumerate(batches):
            owner = np.repeat(np.arange(len(batch)), [len(texts[n].places) for n in batch])
            places, weights = (np.concatenate([getattr(texts[n], name) for n in batch]) for name in ("places", "weights"))
            logits = np.zeros((len(batch), true.shape[1]))
            np.add.at(logits, owner, weights[:, None] * self.weights[places])
            wrong = 1 / (1 + np.exp(-(logits + self.bias))) - true[batch]
            touched, inverse = np.unique(places, return_inverse=True)
            slope = np.zeros((len(touched), true.shape[1]))
            np.add.at(slope, inverse, weights[:, None] * wrong[owner])
            rate = RATE * (1 - step / len(batches))
            self.weights[touched] -= rate * slope
            self.bias -= rate * wrong.mean(axis=0)


def _terms(text: str) -> list[str]:
    words = TOKEN.findall(plain(text))
    return words + [f"{first} {second}" for first, second in zip(words, words[1:], strict=False)]
