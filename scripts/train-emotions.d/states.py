"""The frozen encoder's token states of all texts, made once and kept on disk: the head is trained on them alone."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from insight_journey import encoder

STRETCH = 1024  # texts a process encodes at a time


@dataclass(frozen=True)
class States:
    """`tokens`: [all tokens, 384] float16, a text's after the one before. `starts`: [n + 1], where each text's begin."""

    tokens: npt.NDArray[np.float16]
    starts: npt.NDArray[np.int64]


def states(texts: Sequence[str], cache: Path, processes: int) -> States:
    """The states of texts, from the cache where these texts have been encoded by this encoder before."""
    key = hashlib.sha256("\0".join([encoder.SHA256, *texts]).encode()).hexdigest()[:16]
    tokens, starts = cache / f"{key}.tokens.npy", cache / f"{key}.starts.npy"
    if not starts.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _encode(texts, tokens, starts, processes)
    return States(np.load(tokens), np.load(starts))


def _encode(texts: Sequence[str], tokens: Path, starts: Path, processes: int) -> None:
    stretches = [texts[start : start + STRETCH] for start in range(0, len(texts), STRETCH)]
    with ProcessPoolExecutor(processes) as pool:
        encoded = list(pool.map(_stretch, stretches))
    lengths = [length for _, each in encoded for length in each]
    np.save(tokens, np.concatenate([joined for joined, _ in encoded]))
    np.save(starts, np.concatenate([[0], np.cumsum(lengths)]))


def _stretch(texts: Sequence[str]) -> tuple[npt.NDArray[np.float16], list[int]]:
    model = encoder.get(None)
    if model is None:
        raise SystemExit("train-emotions: the encoder is not usable, see encoder_not_usable in the log")
    tokens = model.encode(texts).tokens
    return np.concatenate(tokens).astype(np.float16), [len(each) for each in tokens]
