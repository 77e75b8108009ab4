"""What a moment is about: by how near its sentences come to the topics of the taxonomy, and by the taxonomy's cue words.

A topic is a vector: the centroid of what the encoder makes of its name and seeds. From the cosine with a sentence the
topic's own level is taken, the 90th percentile of its cosines with other people's sentences, so that topics that are
near to everything are found no oftener than others. How sure a mention is, is a logistic function of that margin, of its lead
over the next topic and of the cue words (Platt 1999, Probabilistic outputs for support vector machines), fitted on sentences that
were written and labelled for it. `weights/topics.npz` holds it all, made by `scripts/train-topics`; `weights/topics.md` tells how.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Literal

import numpy as np

from insight_journey import taxonomy
from insight_journey.analysis.phrases import Phrases
from insight_journey.analysis.sentences import Sentence
from insight_journey.encoder import Encoder, Floats

MOST = 3  # topics a moment
NEAREST = 2  # topics of a sentence that are looked at besides those whose cues it holds
LEAST = 0.5  # confidence below which a topic is left out: what is more likely wrong than right
BEST = 4  # sentences that a session's score of a topic is the mean of
CUES_ONLY = ((1.0, 0.55), (2.0, 0.7))  # confidence by weight of the cues, without an encoder


@dataclass(frozen=True)
class Topic:
    """A topic of a moment; the evidence is [start, end) in the moment's text, of `sentence`: a cue, or the whole of it."""

    code: str
    sentence: Sentence
    start: int
    end: int
    confidence: float
    engine: Literal["lexicon", "model"]


@dataclass(frozen=True)
class Topics:
    """What was made of the taxonomy. `vectors` [topics, 384] of length 1, `levels` [topics]; `fitted` [4]: constant, margin, lead, cue."""

    codes: tuple[str, ...]
    vectors: Floats
    levels: Floats
    fitted: Floats
    made_of: str  # `fingerprint` of the taxonomy
    encoder: str  # SHA-256 of the encoder

    def margins(self, vectors: Floats) -> Floats:
        """[sentences, topics]: how much nearer each sentence is to each topic than other people's sentences mostly are."""
        margins: Floats = vectors @ self.vectors.T - self.levels
        return margins

    def confidence(self, features: Floats) -> Floats:
        """[n, 3] of margin, lead and weight of cues -> [n]: the share that would be right, 0..1."""
        confidence: Floats = 1 / (1 + np.exp(-(self.fitted[0] + features @ self.fitted[1:])))
        return confidence

    def session(self, vectors: Floats) -> Floats:
        """[topics]: how much a session, [sentences, 384], is about each topic: the mean of its BEST sentences' margins."""
        margins = np.sort(self.margins(vectors), axis=0)
        best: Floats = margins[-BEST:].mean(axis=0)
        return best


@cache
def load() -> Topics:
    """The topics as shipped."""
    with as_file(files("insight_journey") / "weights" / "topics.npz") as path, np.load(path) as held:
        return Topics(
            tuple(map(str, held["codes"])), held["vectors"], held["levels"], held["fitted"], str(held["made_of"]), str(held["encoder"])
        )


def fingerprint() -> str:
    """Of all that the vectors are made of: another one means that `weights/topics.npz` must be made again."""
    tree = taxonomy.load("topics")
    made_of = [tree.version, [(code, *phrases(code)) for code in tree.leaves]]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def phrases(code: str) -> tuple[str, ...]:
    """The texts that a topic's vector is made of."""
    category = taxonomy.load("topics").get(code)
    return category.name, *category.seeds


def centroid(texts: Sequence[str], encoder: Encoder) -> Floats:
    """The direction that texts share: [384], of length 1."""
    mean: Floats = encoder.vectors(texts).mean(axis=0)
    return mean / np.linalg.norm(mean)


@cache
def cues() -> Phrases[str]:
    """Cue phrase -> topic code, from the taxonomy."""
    categories = taxonomy.load("topics").categories.values()
    return Phrases((cue, category.code) for category in categories for cue in category.cues)


@dataclass(frozen=True)
class Cue:
    """The words of a sentence that point at a topic by themselves; `weight` 1 for a lone word, 2 for a phrase or several."""

    start: int
    end: int
    weight: float


def cues_of(sentence: Sentence) -> dict[str, Cue]:
    """Topic code -> its best cue in the sentence, with the weight of all of them together."""
    found: dict[str, Cue] = {}
    for first, last, code in cues().find(sentence.tokens):
        weight = 2.0 if last - first > 1 else 1.0
        here, before = Cue(sentence.tokens[first].start, sentence.tokens[last - 1].end, weight), found.get(code)
        best = before if before and before.weight >= weight else here
        found[code] = Cue(best.start, best.end, min(2.0, weight + (before.weight if before else 0.0)))
    return found


def find(sentences: Sequence[Sentence], vectors: Floats | None = None) -> list[Topic]:
    """The few topics of a moment, surest first; ties in the order they were said. `vectors` [sentences, 384], None without an encoder."""
    if vectors is None or not len(sentences):
        found = (topic for sentence in sentences for topic in _by_cues(sentence))
    else:
        rows = load().margins(vectors)
        found = (topic for sentence, row in zip(sentences, rows, strict=True) for topic in _by_meaning(sentence, row))
    return _surest(found)


def _surest(found: Iterable[Topic]) -> list[Topic]:
    best: dict[str, Topic] = {}
    for topic in found:
        if topic.code not in best or topic.confidence > best[topic.code].confidence:
            best[topic.code] = topic
    return sorted(best.values(), key=lambda topic: -topic.confidence)[:MOST]


def _by_cues(sentence: Sentence) -> Iterator[Topic]:
    for code, cue in cues_of(sentence).items():
        confidence = [value for least, value in CUES_ONLY if cue.weight >= least][-1]
        yield Topic(code, sentence, cue.start, cue.end, confidence, "lexicon")


def _by_meaning(sentence: Sentence, margins: Floats) -> Iterator[Topic]:
    known, said = load(), cues_of(sentence)
    codes = looked_at(known, margins, said)
    sure = known.confidence(features(known, margins, codes, said))
    for code, confidence in zip(codes, sure.tolist(), strict=True):
        if confidence >= LEAST:
            yield _topic(code, sentence, said.get(code), round(confidence, 3))


def looked_at(known: Topics, margins: Floats, said: Mapping[str, Cue]) -> list[str]:
    """The topics that a sentence may be about, by its margins [topics]: those whose cues it holds, and the nearest above their level."""
    near = [known.codes[place] for place in np.argsort(-margins)[:NEAREST] if margins[place] > 0]
    return list(dict.fromkeys([*said, *near]))


def features(known: Topics, margins: Floats, codes: Sequence[str], said: Mapping[str, Cue]) -> Floats:
    """[codes, 3]: of each topic its margin in a sentence, its lead over the best other one, and the weight of its cues."""
    places = [known.codes.index(code) for code in codes]
    first, second = np.sort(margins)[::-1][:2]
    leads = [margins[place] - (second if margins[place] == first else first) for place in places]
    weights = [said[code].weight if code in said else 0.0 for code in codes]
    return np.array([margins[places], leads, weights], np.float32).T.reshape(len(codes), 3)


def _topic(code: str, sentence: Sentence, cue: Cue | None, confidence: float) -> Topic:
    if cue:
        return Topic(code, sentence, cue.start, cue.end, confidence, "lexicon")
    return Topic(code, sentence, sentence.tokens[0].start, sentence.tokens[-1].end, confidence, "model")
