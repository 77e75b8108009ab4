"""Train the emotion head on GoEmotions, with the encoder frozen. Needs no more than the product itself: numpy.

The train split is cut in FOLDS. For each fold heads are trained on the others, and what they say of it is what thresholds
and calibration are chosen on. The heads that are shipped are trained on the whole train split. The dev split is looked at
for the card only.
"""

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import card
import choosing
import goemotions
import numpy as np
import tables
import training
from states import States, states

from insight_journey import taxonomy
from insight_journey.analysis import emotions
from insight_journey.analysis.head import Head, Model, Places, best_margins, save

WEIGHTS = Path(__file__).parents[2] / "insight_journey" / "weights"
FOLDS, VOTERS, WIDTH, SEED = 5, 2, 256, 1
SHIPPED = FOLDS  # the fold that no text is in


def main() -> None:
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="train-emotions-") as made:
        cache = arguments.cache or Path(made)
        learnt, dev = (tables.read(arguments.data / f"goemotions_{split}.tsv", "text", "labels", "id") for split in ("train", "dev"))
        material = _material(learnt, cache, arguments.processes)
        fold = choosing.folds([row["id"] for row in learnt], FOLDS)
        heads = _heads(material, fold, arguments.processes)
        model = _model(heads, material, fold)
        save(arguments.out / "emotions.npz", model)
        aside = _material(dev, cache, arguments.processes)
        facts = {name.lower(): getattr(training, name) for name in ("BATCH", "EPOCHS", "RATE", "DECAY", "DROPOUT")}
        facts |= {"learnt": len(learnt), "folds": FOLDS, "seeds": f"{SEED}..{SEED + VOTERS - 1}"}
        (arguments.out / "emotions.md").write_text(card.written(model, _logits(model.heads, aside), aside.labels, **facts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/train-emotions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with goemotions_train.tsv and goemotions_dev.tsv")
    parser.add_argument("--cache", type=Path, help="folder to keep token states in for the next time (650 MB)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder to write to; default: the package's own")
    parser.add_argument("--processes", type=int, default=2)
    return parser


def _material(rows: list[tables.Row], cache: Path, processes: int) -> training.Material:
    found: States = states([row["text"] for row in rows], cache, processes)
    return training.Material(found.tokens, found.starts, goemotions.one_hot(rows, goemotions.LABELS).astype(np.float32))


def _heads(material: training.Material, fold: Places, processes: int) -> dict[tuple[int, int], Head]:
    """By (fold left out, voter)."""
    wanted = [(out, voter) for out in range(FOLDS + 1) for voter in range(VOTERS)]
    with ProcessPoolExecutor(processes, initializer=_share, initargs=(material, fold)) as pool:
        return dict(zip(wanted, pool.map(_head, wanted), strict=True))


def _share(material: training.Material, fold: Places) -> None:
    global shared
    shared = material, fold


def _head(wanted: tuple[int, int]) -> Head:
    (out, voter), (material, fold) = wanted, shared
    head = training.train(material, np.flatnonzero(fold != out), WIDTH, seed=SEED + voter)
    print(f"trained: voter {voter + 1}, " + ("on everything" if out == SHIPPED else f"without fold {out + 1} of {FOLDS}"), flush=True)
    return head


def _model(heads: dict[tuple[int, int], Head], material: training.Material, fold: Places) -> Model:
    voters = [tuple(heads[out, voter] for voter in range(VOTERS)) for out in range(FOLDS + 1)]
    logits = np.zeros((len(fold), len(goemotions.LABELS)))
    for out in range(FOLDS):
        rows = np.flatnonzero(fold == out)
        logits[rows] = _logits(voters[out], material, rows)
    return chosen(voters[SHIPPED], logits, material.labels.astype(float))


def _logits(heads: tuple[Head, ...], material: training.Material, rows: Places | None = None) -> choosing.Array:
    wanted = np.arange(len(material.labels)) if rows is None else rows
    return np.mean([training.logits(head, material, wanted) for head in heads], axis=0)


def chosen(heads: tuple[Head, ...], logits: choosing.Array, true: choosing.Array) -> Model:
    """The model of these heads, with thresholds and calibration by logits [texts, labels] of texts not learnt from."""
    thresholds = choosing.thresholds(logits, true)
    margins, ekman, ours = logits - thresholds, goemotions.members(goemotions.LABELS), emotions.members(goemotions.LABELS)
    return Model(
        heads, goemotions.LABELS, taxonomy.GROUPS, thresholds, choosing.platt(logits, true),
        choosing.platt(best_margins(margins, ours), goemotions.grouped(true, ours)),
        choosing.thresholds(best_margins(margins, ekman), goemotions.grouped(true, ekman)),
    )  # fmt: skip


if __name__ == "__main__":
    main()
