"""What the feeling lexicon alone is worth on labelled texts: how often a reader gave the text a feeling of the same group."""

from collections.abc import Iterator, Sequence

import numpy as np
from figures import Array, Figure, calibration_error, share

from insight_journey import taxonomy
from insight_journey.analysis import feelings
from insight_journey.analysis.emotions import LABELS
from insight_journey.analysis.feelings import Feeling
from insight_journey.analysis.sentences import sentences


def found(texts: Sequence[str]) -> list[list[Feeling]]:
    """The feelings that the lexicon finds in each text."""
    return [[feeling for sentence in sentences(text) for feeling in feelings.find(sentence)] for text in texts]


def measured(texts: Sequence[str], true: Array, labels: Sequence[str]) -> Iterator[Figure]:
    """Over all hits; nothing where there are none. `true`: [texts, labels] of 0 and 1."""
    hits = [(feeling, _agrees(feeling, row, labels)) for each, row in zip(found(texts), true, strict=True) for feeling in each]
    if hits:
        right = np.array([float(agrees) for _, agrees in hits])
        yield share("lexicon_precision", right)
        confidences = np.array([feeling.confidence for feeling, _ in hits])
        yield calibration_error("lexicon_calibration_error_10_bins", confidences[:, None], right[:, None])


def by_frame(texts: Sequence[str], true: Array, labels: Sequence[str]) -> Iterator[Figure]:
    """The precision of each frame: what `feelings.CONFIDENCE` stands on, on the train split."""
    hits = [(feeling.frame, _agrees(feeling, row, labels)) for each, row in zip(found(texts), true, strict=True) for feeling in each]
    for frame in sorted({frame for frame, _ in hits}):
        yield share(f"lexicon_precision_{frame}", np.array([float(agrees) for each, agrees in hits if each == frame]))


def _agrees(feeling: Feeling, row: Array, labels: Sequence[str]) -> bool:
    emotions = taxonomy.load("emotions")
    codes = (emotions.labels[LABELS][label] for label, true in zip(labels, row, strict=True) if true)
    return emotions.get(feeling.code).group in {emotions.get(code).group for code in codes if code}
