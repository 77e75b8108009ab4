"""Moments as the local analyzer reads them: their sentences and, where there is an encoder, what each sentence became.

A session is encoded once, in chunks: the heavy token states live as long as their chunk is looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from insight_journey.analysis.base import Moment
from insight_journey.analysis.sentences import Sentence, sentences
from insight_journey.encoder import Encoder, Floats

CHUNK = 128  # sentences encoded together, at least


@dataclass(frozen=True)
class Reading:
    """A moment and its sentences. Per sentence, or empty without an encoder: `tokens` [t, 384] and a row of `vectors` [n, 384]."""

    moment: Moment
    sentences: list[Sentence]
    tokens: Sequence[Floats] = ()
    vectors: Floats | None = None


def read(moments: Sequence[Moment], encoder: Encoder | None) -> Iterator[Reading]:
    """Each moment's reading, in order."""
    chunk: list[Reading] = []
    for moment in moments:
        chunk.append(Reading(moment, sentences(moment.text)))
        if sum(len(reading.sentences) for reading in chunk) >= CHUNK:
            yield from _encoded(chunk, encoder)
            chunk = []
    yield from _encoded(chunk, encoder)


def _encoded(chunk: list[Reading], encoder: Encoder | None) -> Iterator[Reading]:
    if encoder is None or not chunk:
        yield from chunk
        return
    encoded = encoder.encode([reading.moment.text[s.start : s.end] for reading in chunk for s in reading.sentences])
    first = 0
    for reading in chunk:
        last = first + len(reading.sentences)
        yield Reading(reading.moment, reading.sentences, encoded.tokens[first:last], encoded.vectors[first:last])
        first = last
