"""Make the weights of the second net for words of crisis: a logistic regression on sentence vectors.

Learns from tests/data/crisis_more.tsv, our own words, and from comments of GoEmotions' train split (Demszky et al. 2020, CC BY 4.0)
that no rule touches, which count as harmless; a few are not. The threshold lets through all but some per thousand of the dev split.
tests/data/crisis.tsv is not read.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from insight_journey import encoder
from insight_journey.analysis import crisis
from insight_journey.encoder import Encoder

Array = npt.NDArray[np.float64]

ROOT = Path(__file__).parent.parent.parent
SENTENCES = ROOT / "tests" / "data" / "crisis_more.tsv"
SEED = 20250601
COMMENTS = 9000
WEIGHT = 0.2  # of a comment, where a sentence of ours has 1
SCALE, PENALTY = 8.0, 3.0  # of the vectors, and on the squares of their weights
STEPS = 25
PER_THOUSAND = 10  # comments of the dev split that may be withheld


def main() -> int:
    arguments = _parser().parse_args()
    encodes = encoder.get(None)
    missing = [name for name in ("goemotions_train.tsv", "goemotions_dev.tsv") if not (arguments.data / name).is_file()]
    if encodes is None or missing:
        print(f"train-crisis: {'the encoder is not usable' if encodes is None else f'{missing[0]} is missing'}", file=sys.stderr)
        return 2
    made, told = make(encodes, arguments.data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.out / "crisis.npz", **made)
    (arguments.out / "crisis.md").write_text(CARD.format(encoder=encoder.NAME, per_thousand=PER_THOUSAND, told=told), encoding="utf-8")
    print(told)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/train-crisis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with goemotions_train.tsv and goemotions_dev.tsv (column text)")
    parser.add_argument("--out", type=Path, default=ROOT / "insight_journey" / "weights", help="folder to write into")
    return parser


def make(encodes: Encoder, data: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of crisis.npz, and how good they are by cross-validation."""
    rows = _rows(SENTENCES)
    labels = np.array([float(row["label"]) for row in rows])
    sets = np.array([row["notes"][: len("set a")] for row in rows])
    vectors = encodes.vectors([row["text"] for row in rows])
    harmless = encodes.vectors(_comments(data / "goemotions_train.tsv"))
    dev = encodes.vectors([row["text"] for row in _rows(data / "goemotions_dev.tsv")])
    found = np.zeros(len(rows), bool)
    for name in np.unique(sets):
        learnt, held_out = sets != name, sets == name
        direction, threshold = _fitted(vectors[learnt], labels[learnt], harmless, dev)
        found[held_out] = vectors[held_out] @ direction >= threshold
    direction, threshold = _fitted(vectors, labels, harmless, dev)
    told = f"recall {found[labels == 1].mean():.3f}, withheld per 1,000 of those that only sound so {1000 * found[labels == 0].mean():.0f}"
    made = {"direction": direction, "threshold": np.array(threshold, np.float32), "encoder": np.array(encoder.SHA256)}
    return made, f"{told}; {len(np.unique(sets))} sets, {len(rows)} sentences"


def _fitted(vectors: np.ndarray, labels: Array, harmless: np.ndarray, dev: np.ndarray) -> tuple[np.ndarray, float]:
    """A direction [384] and the threshold on it."""
    inputs = np.concatenate([vectors, harmless])
    weights = np.concatenate([np.ones(len(labels)), np.full(len(harmless), WEIGHT)])
    direction = regression(inputs, np.concatenate([labels, np.zeros(len(harmless))]), weights).astype(np.float32)
    return direction, float(np.quantile(dev @ direction, 1 - PER_THOUSAND / 1000))


def regression(inputs: np.ndarray, labels: Array, weights: Array) -> Array:
    """Weighted logistic regression by Newton's method: the direction [384]; the threshold stands for the bias."""
    ones = np.column_stack([inputs.astype(float) * SCALE, np.ones(len(inputs))])
    penalty = np.diag([*[PENALTY] * inputs.shape[1], 1e-6])
    fitted = np.zeros(ones.shape[1])
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-np.clip(ones @ fitted, -30, 30)))
        slope = ones.T @ (weights * (shares - labels)) + penalty @ fitted
        curve = (ones.T * (weights * shares * (1 - shares))) @ ones + penalty
        fitted = fitted - np.linalg.solve(curve, slope)
    direction: Array = fitted[:-1] * SCALE
    return direction


def _comments(path: Path) -> list[str]:
    """Some thousand comments, always the same ones, without those that the rules touch."""
    texts = [row["text"] for row in _rows(path)]
    drawn = np.random.default_rng(SEED).permutation(len(texts))[:COMMENTS]
    return [texts[place] for place in drawn if not crisis.judge(texts[place])[0]]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


CARD = """# crisis.npz

A direction in the space of sentence vectors and a threshold on it: sentences beyond it hint at self-harm or crisis and are kept from
outside models. They raise no flag. Made by `scripts/train-crisis --data DIR`, always the same.

| | |
|---|---|
| encoder | {encoder}, Apache-2.0; the file holds its SHA-256 |
| learnt from | `tests/data/crisis_more.tsv`: our own words, written and labelled by a language model |
| and from | comments of GoEmotions' train split (Demszky et al. 2020), CC BY 4.0, that no rule touches, as harmless |
| threshold | {per_thousand} of 1,000 comments of GoEmotions' dev split lie beyond it |
| licence | Apache-2.0, as the project; none of the comments is in the file |

The model alone, without the rules, each set of sentences judged by what was learnt from the others:

{told}

A language model wrote and labelled the sentences, no clinician looked at them. It is no diagnosis and must not be used as one.
"""


if __name__ == "__main__":
    sys.exit(main())
