"""Make the vectors of the topics, the level of each, and what their confidence is calculated with.

Levels come from comments of GoEmotions (Demszky et al. 2020, CC BY 4.0) and from small talk of this folder. The confidence is
fitted on this folder's labelled sentences, which were written for it. Nothing else is read.
"""

import argparse
import sys
from pathlib import Path

import calibration
import numpy as np

from insight_journey import encoder, taxonomy
from insight_journey.analysis import topics

HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / "insight_journey" / "weights"
SEED = 20250601
COMMENTS = 9000
FEWEST_WORDS = 4
PERCENTILE = 90


def main() -> int:
    arguments = _parser().parse_args()
    encodes = encoder.get(None)
    comments = arguments.data / "goemotions_train.tsv"
    if encodes is None or not comments.is_file():
        print(f"train-topics: {'the encoder is not usable' if encodes is None else f'{comments} is missing'}", file=sys.stderr)
        return 2
    made, told = make(encodes, _comments(comments))
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.out / "topics.npz", **made)
    (arguments.out / "topics.md").write_text(_card(told), encoding="utf-8")
    print(told.lines())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/train-topics", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with goemotions_train.tsv (columns text, labels)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder to write into")
    return parser


def make(encodes: encoder.Encoder, comments: list[str]) -> tuple[dict[str, np.ndarray], calibration.Told]:
    """The arrays of topics.npz, and how good the confidence is."""
    codes = taxonomy.load("topics").leaves
    vectors = np.stack([topics.centroid(topics.phrases(code), encodes) for code in codes])
    levels = _levels(vectors, encodes.vectors(comments), encodes.vectors(_lines("small-talk.txt")))
    unfitted = topics.Topics(codes, vectors, levels, np.zeros(4, np.float32), topics.fingerprint(), encoder.SHA256)
    fitted, told = calibration.fit(unfitted, calibration.read(HERE / "sentences.tsv"), encodes)
    made = {"codes": np.array(codes), "vectors": vectors, "levels": levels, "fitted": fitted}
    return {**made, "made_of": np.array(unfitted.made_of), "encoder": np.array(unfitted.encoder)}, told


def _levels(vectors: np.ndarray, comments: np.ndarray, talk: np.ndarray) -> np.ndarray:
    """[topics]: each topic's percentile over comments and, weighing a third as much as them, small talk."""
    times = max(1, len(comments) // (3 * len(talk)))
    cosines = np.concatenate([comments @ vectors.T, np.repeat(talk @ vectors.T, times, axis=0)])
    return np.percentile(cosines, PERCENTILE, axis=0).astype(np.float32)


def _comments(path: Path) -> list[str]:
    """Some thousand comments, always the same ones; those of a few words are left out."""
    rows = path.read_text(encoding="utf-8").splitlines()[1:]
    texts = [text for row in rows if len((text := row.split("\t")[0]).split()) >= FEWEST_WORDS]
    drawn = np.random.default_rng(SEED).permutation(len(texts))[:COMMENTS]
    return [texts[place] for place in drawn]


def _lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def _card(told: calibration.Told) -> str:
    tree = taxonomy.load("topics")
    return CARD.format(topics=len(tree.leaves), version=tree.version, comments=COMMENTS, encoder=encoder.NAME, figures=told.lines())


CARD = """# topics.npz

Vectors of the {topics} topics of the taxonomy, version {version}, the background level of each, and four numbers that make a
confidence of a margin. Made by `scripts/train-topics --data DIR`; nothing is left to chance but which comments, and that by a fixed seed.

| | |
|---|---|
| encoder | {encoder}, Apache-2.0; the file holds its SHA-256 |
| levels from | {comments} comments of GoEmotions' train split (Demszky et al. 2020), CC BY 4.0; small talk in our own words |
| confidence from | `scripts/train-topics.d/sentences.tsv`: our own words, written and labelled by a language model |
| licence | Apache-2.0, as the project; the levels are figures about the comments, and none of these is in the file |

Measured on those sentences by ten-fold cross-validation: the topics of a sentence that were looked at, against its labels.

{figures}
"""


if __name__ == "__main__":
    sys.exit(main())
