"""The analyzer that needs no network and no key: a small text encoder, a feeling lexicon and rules. English only.

Precision goes before recall: what is found is worded plainly, and each mention quotes its words. `docs/taxonomy.md`
tells what it finds, with what confidence, and where it is weak.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from insight_journey import encoder
from insight_journey.analysis import actions, beliefs, challenges, crisis, emotions, evidence, feelings, head, insights, language, topics
from insight_journey.analysis.base import Analysis, AnalysisJob, Kind, Mention, Moment
from insight_journey.analysis.readings import Reading, read
from insight_journey.analysis.sentences import Sentence, quote
from insight_journey.analysis.statements import Statement
from insight_journey.settings import Settings
from insight_journey.transcription.base import PRACTITIONER

VERSION = "3"
LEXICON, RULE, MODEL = "lexicon", "rule", "model"
RULES_ONLY = "rules_only"
NO_HEAD = "no_emotion_head"


class LocalAnalyzer:
    """Deterministic: the same moments, language and day always give the same mentions."""

    def __init__(self, settings: Settings) -> None:
        """Without a usable encoder it works by lexicon and rules alone, and warns so (`rules_only`); without a head, `no_emotion_head`."""
        self.encoder = encoder.get(settings.encoder_model)
        self.head = head.get() if self.encoder else None

    def analyze(self, job: AnalysisJob) -> Analysis:
        """All mentions of a transcript. Other languages than English give none and a warning."""
        job.progress(0.0)
        spoken = [moment for moment in job.moments if moment.role != PRACTITIONER]
        foreign = language.warning(job.language, " ".join(moment.text for moment in spoken)) if spoken else None
        found = [] if foreign else list(self._find(spoken, job))
        mentions, dropped = evidence.verify(found, job.moments)
        mentions, warnings = evidence.restrict(mentions, job.moments, crisis.of(job))
        ours = (foreign, None if self.encoder else RULES_ONLY, NO_HEAD if self.encoder and not self.head else None)
        job.progress(1.0)
        return Analysis(
            analyzer="local", version=VERSION, language=job.language or (None if foreign or not spoken else "en"), moments=job.moments,
            mentions=mentions, model=encoder.NAME if self.encoder else None, dropped=dropped, warnings=(*warnings, *filter(None, ours)),
        )  # fmt: skip

    def _find(self, moments: list[Moment], job: AnalysisJob) -> Iterator[Mention]:
        today = date.fromisoformat(job.today)
        for done, reading in enumerate(read(moments, self.encoder)):
            yield from find(reading, today, self.head)
            job.progress(done / len(moments))


def find(reading: Reading, today: date, model: head.Model | None) -> Iterator[Mention]:
    """The mentions of one moment, in a fixed order of kinds."""
    moment, parts = reading.moment, reading.sentences
    yield from _emotions(reading, model)
    for topic in topics.find(parts, reading.vectors):
        span = quote(topic.sentence, topic.start, topic.end)
        yield _mention("topic", moment, span, topic.confidence, topic.engine, code=topic.code)
    for sentence in parts:
        yield from _statements(sentence, moment, today)


def _emotions(reading: Reading, model: head.Model | None) -> Iterator[Mention]:
    """Those that are named, then those that the head reads where none is."""
    moment = reading.moment
    for sentence in reading.sentences:
        for feeling in feelings.find(sentence):
            span = quote(sentence, feeling.start, feeling.end)
            yield _mention("emotion", moment, span, feeling.confidence, LEXICON, code=feeling.code, intensity=feeling.intensity)
    for guess in emotions.find(reading, model):
        sentence = reading.sentences[guess.sentence]
        span = quote(sentence, sentence.start, sentence.end)
        yield _mention("emotion", moment, span, guess.confidence, MODEL, code=guess.code, intensity=guess.intensity)


def _statements(sentence: Sentence, moment: Moment, today: date) -> Iterator[Mention]:
    text = moment.text
    found: dict[Kind, Iterator[Statement]] = {
        "belief": beliefs.find(sentence, text),
        "challenge": challenges.find(sentence, text),
        "insight": insights.find(sentence, text),
        "action_item": actions.find(sentence, text, today),
    }
    for kind, statements in found.items():
        for said in statements:
            span = quote(sentence, said.start, said.end)
            yield _mention(
                kind, moment, span, said.confidence, RULE,
                code=said.code, text=said.text, stance=said.stance, severity=said.severity, due_on=said.due_on,
            )  # fmt: skip


def _mention(kind: Kind, moment: Moment, span: tuple[int, int], confidence: float, engine: str, **fields: Any) -> Mention:
    start, end = span
    quoted = moment.text[start:end]
    return Mention(kind, moment.position, quoted, start, end, confidence, engine, start=moment.start, end=moment.end, **fields)
