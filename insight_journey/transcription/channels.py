"""Stereo that holds one voice a channel: how it is told, and how each voice is taken out of it.

The two channels are compared in frames of 30 ms. A channel leads a frame when it is loud enough to be a voice and
12 dB louder than the other. Two voices it is when either leads in at least 70% of the frames where anybody is heard,
and each leads in at least 5% of them and for two seconds in all. Microphones in one room hear both people nearly
alike, and a song or a doubled mono channel has no leader, so these stay one stream.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 16_000
FRAME = RATE * 30 // 1000
LOUD = 10 ** (-50 / 20) * 32768  # -50 dBFS, root mean square
LEAD = 10 ** (12 / 20)
LED_SHARE, OWN_SHARE, OWN_SECONDS = 0.70, 0.05, 2.0
HANGOVER = 10  # frames before and after a lead that are its voice's too
BLOCK = FRAME * 2000  # one minute


def hold_one_voice_each(left: Samples, right: Samples) -> bool:
    """Whether two people speak, each on a channel of their own."""
    a, b = loudness(left), loudness(right)
    heard = int(np.count_nonzero(np.maximum(a, b) > LOUD))
    led = [int(np.count_nonzero(_leads(x, y))) for x, y in ((a, b), (b, a))]
    enough = max(OWN_SHARE * heard, OWN_SECONDS * RATE / FRAME)
    return sum(led) >= LED_SHARE * heard and min(led) >= enough


def apart(own: Samples, other: Samples) -> Samples:
    """One voice alone: silence wherever only the other one is heard, so that what leaks over is not transcribed twice."""
    mine, theirs = loudness(own), loudness(other)
    they_lead = _leads(theirs, mine)
    i_speak = _around(_leads(mine, theirs)) | ((mine > LOUD) & ~they_lead)
    kept = own.copy()
    for start, end in _stretches(_around(they_lead) & ~i_speak):
        kept[start * FRAME : end * FRAME] = 0
    return kept


def together(left: Samples, right: Samples) -> Samples:
    """Both channels as one. Where they cancel each other out (one has the wrong polarity) or one is mute, the louder."""
    mixed = np.empty_like(left)
    for at in range(0, len(left), BLOCK):
        part = slice(at, at + BLOCK)
        mixed[part] = (left[part].astype(np.int32) + right[part]) // 2
    loudest = max((left, right), key=_level)
    return loudest if _level(mixed) < 0.6 * _level(loudest) else mixed


def loudness(samples: Samples) -> NDArray[np.float32]:
    """Root mean square of each frame of 30 ms; a rest shorter than a frame is left out."""
    whole = len(samples) // FRAME * FRAME
    blocks = [samples[at : min(at + BLOCK, whole)].astype(np.float32).reshape(-1, FRAME) for at in range(0, whole, BLOCK)]
    return np.concatenate([np.sqrt((block**2).mean(axis=1)) for block in blocks] or [np.zeros(0, np.float32)]).astype(np.float32)


def _leads(own: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    return (own > LOUD) & (own > LEAD * other)


def _around(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.convolve(mask, np.ones(2 * HANGOVER + 1), mode="same") > 0 if len(mask) else mask


def _level(samples: Samples) -> float:
    frames = loudness(samples)
    return float(np.sqrt((frames.astype(np.float64) ** 2).mean())) if len(frames) else 0.0


def _stretches(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
