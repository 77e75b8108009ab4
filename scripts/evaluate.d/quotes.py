"""Whether each quote stands, character by character, in its moment and in what was written down."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tables
import transcripts
from figures import Figure, share

from insight_journey.analysis.base import Mention, Moment


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    """White space counts as one space: lines are wrapped where they were written. `dropped`: elements without a proof, never shown."""
    right, dropped = [], 0
    for told in transcripts.read(path):
        moments, written = {moment.position: moment for moment in told.analysis.moments}, " ".join(told.written.split())
        dropped += told.analysis.dropped
        right += [_stands(mention, moments[mention.moment], written) for mention in told.analysis.mentions]
    if not right:
        raise tables.Unusable(f"nothing was found in {path}, so there is no quote")
    yield share("verbatim", np.array(right, float))
    yield Figure("dropped", float(dropped), len(right) + dropped)


def _stands(mention: Mention, moment: Moment, written: str) -> bool:
    return moment.text[mention.quote_start : mention.quote_end] == mention.quote and " ".join(mention.quote.split()) in written
