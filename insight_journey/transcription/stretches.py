"""Where to cut a long recording: in parts of a bounded length, each ending where it is quietest near its end."""

from collections.abc import Iterator

import numpy as np

from insight_journey.transcription.channels import FRAME, RATE, Samples, loudness

LONGEST = 600 * RATE
SEARCH = 30 * RATE  # the end of a part, at most a third of it, in which its cut is looked for
THIRD_OF_A_SECOND = 10  # frames


def stretches(samples: Samples, longest: int = LONGEST) -> Iterator[tuple[int, int]]:
    """Parts [start, end) of at most `longest` samples, in order and without gaps."""
    start = 0
    while len(samples) - start > longest:
        end = _quietest(samples, start + longest - min(SEARCH, longest // 3), start + longest)
        yield start, end
        start = end
    yield start, len(samples)


def _quietest(samples: Samples, start: int, end: int) -> int:
    energy = np.convolve(loudness(samples[start:end]), np.ones(THIRD_OF_A_SECOND), mode="valid")
    return start + (int(energy.argmin()) + THIRD_OF_A_SECOND // 2) * FRAME
