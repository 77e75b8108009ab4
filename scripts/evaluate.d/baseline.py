"""Simpler methods, and a published one, to compare the emotion head with."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import choosing
import goemotions
import lexicon
import numpy as np
import tables
from figures import Array, Figure, macro_f1, share
from tfidf import Classic

from insight_journey import taxonomy
from insight_journey.analysis.feelings import Feeling
from insight_journey.analysis.head import best_margins

TRAIN = "goemotions_train.tsv"
HELD_OUT = 10  # one text of so many is for the thresholds


def emotions(texts: Sequence[str], true: Array, labels: tuple[str, ...], data: Path | None) -> Iterator[Figure]:
    """The lexicon alone, TF-IDF, and BERT as published (on the test split)."""
    here, groups = true.any(axis=0), goemotions.members(labels)
    truly = goemotions.grouped(true, groups)
    codes = taxonomy.load("emotions").labels["goemotions"]
    found = [{feeling.code for feeling in each} for each in lexicon.found(texts)]
    said = np.array([[float(codes[label] in each) for label in labels] for each in found])
    yield macro_f1("lexicon_alone_macro_f1_28", said[:, here], true[:, here])
    yield macro_f1("lexicon_alone_macro_f1_ekman", _ekman(found, groups, labels), truly)
    if fitted := _classic(data, labels):
        classic, thresholds, coarse = fitted
        margins = classic.logits(texts) - thresholds
        yield macro_f1("tfidf_macro_f1_28", (margins[:, here] >= 0).astype(float), true[:, here])
        yield macro_f1("tfidf_macro_f1_ekman", (best_margins(margins, groups) >= coarse).astype(float), truly)
    for name, value in goemotions.BERT.items():
        yield Figure(f"bert_published_{name}", value, goemotions.TEST_ROWS)


def groups(texts: Sequence[str], members: list[list[int]], choices: list[str], true: Array, data: Path | None) -> Iterator[Figure]:
    """Forced choice by the lexicon alone (none found: the commonest choice), and by TF-IDF."""
    commonest = choices[int(true.sum(axis=0).argmax())]
    said = _one_hot([choices.index(_first(each, choices) or commonest) for each in lexicon.found(texts)], choices)
    yield macro_f1("lexicon_alone_macro_f1", said, true)
    yield share("lexicon_alone_accuracy", (said * true).sum(axis=1))
    if fitted := _classic(data, goemotions.LABELS):
        classic, thresholds, _ = fitted
        best = best_margins(classic.logits(texts) - thresholds, members).argmax(axis=1)
        yield macro_f1("tfidf_macro_f1", _one_hot(best.tolist(), choices), true)


def _ekman(found: list[set[str]], groups: list[list[int]], labels: tuple[str, ...]) -> Array:
    """GoEmotions has no shame and guilt: both are sadness there. Nothing found is neutral."""
    emotions = taxonomy.load("emotions")
    grouped = [{emotions.get(code).group for code in codes} for codes in found]
    named = [{"sadness" if group in ("shame", "guilt") else group for group in each} or {"neutral"} for each in grouped]
    return np.array([[float(name in each) for name in goemotions.EKMAN] for each in named])


def _first(found: list[Feeling], choices: list[str]) -> str | None:
    emotions = taxonomy.load("emotions")
    return next((group for feeling in found if (group := emotions.get(feeling.code).group) in choices), None)


def _classic(data: Path | None, labels: tuple[str, ...]) -> tuple[Classic, Array, Array] | None:
    """TF-IDF with its thresholds, of labels and of Ekman's groups, chosen on texts that it had not learnt from."""
    if data is None or not (data / TRAIN).exists():
        print(f"evaluate: no TF-IDF baseline: it learns from {TRAIN} in --data DIR", file=sys.stderr)
        return None
    rows = tables.read(data / TRAIN, "text", "labels", "id")
    kept = choosing.folds([row["id"] for row in rows], HELD_OUT) == 0
    texts, true = np.array([row["text"] for row in rows], dtype=object), goemotions.one_hot(rows, labels)
    classic = Classic(texts[~kept].tolist(), true[~kept])
    logits, groups = classic.logits(texts[kept].tolist()), goemotions.members(labels)
    thresholds = choosing.thresholds(logits, true[kept])
    coarse = choosing.thresholds(best_margins(logits - thresholds, groups), goemotions.grouped(true[kept], groups))
    return classic, thresholds, coarse


def _one_hot(places: Sequence[int], choices: list[str]) -> Array:
    return np.eye(len(choices))[list(places)]
