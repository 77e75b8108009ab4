"""The analyzer that asks a language model: windows of moments out, elements back, nothing believed without its quote.

Moments go out in windows, several at a time. A window that is too long for the model is halved, down to one moment;
one that is still too long is left out, with the warning `moments_left_out`. A window that fails fails the analysis: the
pipeline tries again, nothing is silently missing. Practitioner's words go along as context and are never cited.

Moments that touch self-harm or crisis, those beside them, and those that hint at it stay on this machine (`Care.withheld`):
the local analyzer reads them instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from insight_journey import encoder
from insight_journey.analysis import crisis, hints
from insight_journey.analysis.base import CODED_KINDS, KINDS, Analysis, AnalysisJob, Care, Mention, Moment, Usage
from insight_journey.analysis.evidence import restrict, verify
from insight_journey.analysis.local import LocalAnalyzer
from insight_journey.analysis.prompts import VERSION, Answer, Element, find_elements
from insight_journey.errors import AnalysisFailed
from insight_journey.llm import complete, estimate
from insight_journey.openai_api import ContextTooLong, Endpoint, Tokens
from insight_journey.settings import Settings
from insight_journey.taxonomy import TAXONOMY_OF_KIND, Taxonomy, load
from insight_journey.transcription.base import PRACTITIONER

ENGINE = "llm"
WINDOW_TOKENS = 2500  # of moments; rules and codes take another 2000
PLAINLY = 2  # how intense or severe what the model left open is
LINE_TOKENS = 15  # around the words of a moment
MOMENTS_LEFT_OUT = "moments_left_out"

Window = tuple[Moment, ...]


@dataclass(frozen=True)
class Found:
    """What one window gave: mentions with proven quotes, elements dropped, moments that the model could not take."""

    mentions: tuple[Mention, ...] = ()
    dropped: int = 0
    left_out: int = 0

    def __add__(self, other: "Found") -> "Found":
        return Found(self.mentions + other.mentions, self.dropped + other.dropped, self.left_out + other.left_out)


class OpenAIAnalyzer:
    """Any OpenAI-compatible endpoint, as the settings name it. Sends the words of moments, their roles and today's date."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def analyze(self, job: AnalysisJob) -> Analysis:
        """Raises AnalysisFailed (codes in `openai_api` and `llm`)."""
        care = hints.widen(crisis.of(job), job.moments, encoder.get(self.settings.encoder_model))
        job = replace(job, care=care)
        sent = [moment for moment in job.moments if moment.position not in care.withheld]
        planned = tuple(windows(sent))
        if not planned:
            job.progress(1.0)
            return self._analysis(job, self._find_here(job, care), Tokens())
        with Endpoint(self.settings, AnalysisFailed, lambda taken: job.spend(_usage(taken, self.settings))) as endpoint:
            return self._analysis(job, _find_all(endpoint, planned, job) + self._find_here(job, care), endpoint.spent)

    def _find_here(self, job: AnalysisJob, care: Care) -> Found:
        """What the local analyzer finds in the moments that are withheld."""
        kept = tuple(moment for moment in job.moments if moment.position in care.withheld)
        if not kept:
            return Found()
        analysis = LocalAnalyzer(self.settings).analyze(replace(job, moments=kept, progress=lambda _: None))
        return Found(analysis.mentions, analysis.dropped)

    def _analysis(self, job: AnalysisJob, found: Found, spent: Tokens) -> Analysis:
        care = crisis.of(job)
        mentions, warnings = restrict(sorted(found.mentions, key=_place), job.moments, care)
        return Analysis(
            analyzer="openai", version=VERSION, language=job.language, moments=job.moments, mentions=mentions,
            model=self.settings.openai_model, dropped=found.dropped, usage=_usage(spent, self.settings),
            warnings=warnings + ((MOMENTS_LEFT_OUT,) if found.left_out else ()), withheld=tuple(sorted(care.withheld)),
        )  # fmt: skip


def windows(moments: Sequence[Moment], limit: int = WINDOW_TOKENS) -> Iterator[Window]:
    """Whole moments in order, as many as `limit` tokens hold, at least one; windows without anything to cite are skipped."""
    window: list[Moment] = []
    size = 0
    for moment in moments:
        tokens = estimate(moment.text) + LINE_TOKENS
        if window and size + tokens > limit:
            yield from _worth_asking(window)
            window, size = [], 0
        window.append(moment)
        size += tokens
    yield from _worth_asking(window)


def _worth_asking(window: Sequence[Moment]) -> Iterator[Window]:
    if any(_citable(moment) for moment in window):
        yield tuple(window)


def _citable(moment: Moment) -> bool:
    return moment.role != PRACTITIONER and bool(moment.text.strip())


def _find_all(endpoint: Endpoint, planned: Sequence[Window], job: AnalysisJob) -> Found:
    found = sum(endpoint.each(lambda window: _find(endpoint, window, job.today), planned, job.progress), Found())
    if found.left_out == sum(_citable(moment) for window in planned for moment in window):
        raise AnalysisFailed("The language model takes in too little text at once.", code="llm_context_too_small")
    return found


def _find(endpoint: Endpoint, window: Window, today: str) -> Found:
    try:
        answer, _ = complete(endpoint, find_elements(window, today), Answer)
    except ContextTooLong:
        if len(window) == 1:
            return Found(left_out=1)
        half = len(window) // 2
        parts = (*_worth_asking(window[:half]), *_worth_asking(window[half:]))
        return sum((_find(endpoint, part, today) for part in parts), Found())
    return _proven(answer, window)


def _proven(answer: Answer, window: Window) -> Found:
    citable = [moment for moment in window if _citable(moment)]
    proposed = [mention for element in answer.elements if (mention := _mention(element))]
    mentions, dropped = verify(proposed, citable)
    return Found(tuple(sorted(mentions, key=_place)), dropped + len(answer.elements) - len(proposed))


def _place(mention: Mention) -> tuple[int, int, int, int, str]:
    return mention.moment, mention.quote_start, mention.quote_end, KINDS.index(mention.kind), mention.code or mention.text or ""


def _mention(element: Element) -> Mention | None:
    """The element as a mention whose quote is still to be proven; None for a feeling or topic that no code names."""
    kind = element.kind
    code = resolve(element.code, load(TAXONOMY_OF_KIND[kind])) if kind in TAXONOMY_OF_KIND else None
    if kind in CODED_KINDS and code is None:
        return None
    mention = Mention(kind, element.moment, element.quote, 0, 0, min(max(element.confidence, 0.01), 1.0), ENGINE, code)
    if kind == "emotion":
        return replace(mention, intensity=_level(element.intensity))
    if kind == "topic":
        return mention
    return _worded(mention, element)


def _worded(mention: Mention, element: Element) -> Mention:
    text = " ".join((element.text or element.quote).split())
    return replace(
        mention, text=text,
        stance=element.stance or "holds" if mention.kind == "belief" else None,
        severity=_level(element.severity) if mention.kind == "challenge" else None,
        due_on=_day(element.due_on) if mention.kind == "action_item" else None,
    )  # fmt: skip


def resolve(code: str | None, taxonomy: Taxonomy) -> str | None:
    """The taxonomy's code that is meant: itself, or the one leaf whose last part or name it is. None when there is no such one."""
    wanted = (code or "").strip().casefold()
    if taxonomy.belongs(wanted):
        return wanted
    meant = [leaf for leaf in taxonomy.leaves if wanted in (leaf.rpartition(".")[2], taxonomy.get(leaf).name.casefold())]
    return meant[0] if len(meant) == 1 else None


def _level(value: int | None) -> int:
    return min(max(value or PLAINLY, 1), 3)


def _day(text: str | None) -> str | None:
    try:
        return date.fromisoformat((text or "")[:10]).isoformat()
    except ValueError:
        return None


def _usage(spent: Tokens, settings: Settings) -> Usage:
    return Usage(spent.input, spent.output, spent.cost(settings))
