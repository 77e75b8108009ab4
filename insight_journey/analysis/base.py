"""What every analyzer is, what it answers, and the literal table of those that exist."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["emotion", "topic", "belief", "challenge", "insight", "action_item"]
KINDS: tuple[Kind, ...] = ("emotion", "topic", "belief", "challenge", "insight", "action_item")
CODED_KINDS: tuple[Kind, ...] = ("emotion", "topic")  # identity is a taxonomy code; the others are free text


@dataclass(frozen=True)
class Moment:
    """A span of the transcript: the unit of evidence.

    `char_start`, `char_end` count in `Transcript.text`; `text` is exactly that slice. `start`, `end` in seconds.
    `role` is one of transcription.base.ROLES.
    """

    position: int
    text: str
    char_start: int
    char_end: int
    speaker: str | None = None
    role: str = "client"
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Mention:
    """One occurrence of an element in a moment, proven by words of it.

    `quote_start`, `quote_end` are character offsets in the moment's text and `quote` is exactly that slice.
    `code` is the taxonomy code: the element itself for emotions and topics, the category for beliefs, else None.
    `text` is the wording of a free-text element (belief, challenge, insight, action item), None for coded kinds.
    `start`, `end` are the quote's own seconds where words are timed, else the moment's.
    """

    kind: Kind
    moment: int  # position of the moment
    quote: str
    quote_start: int
    quote_end: int
    confidence: float  # 0..1
    engine: str  # "lexicon" | "rule" | "model" | "llm"
    code: str | None = None
    text: str | None = None
    intensity: int | None = None  # emotions: 1 weakly, 2 plainly, 3 strongly worded
    stance: str | None = None  # beliefs: "holds" | "doubts" | "rejects"
    severity: int | None = None  # challenges: 1..3
    due_on: str | None = None  # action items: ISO day, where the person named one
    start: float | None = None
    end: float | None = None


def prominence(found: Iterable[tuple[str, float]]) -> dict[str, float]:
    """How much a session is about each of its elements: (code or id, confidence) of every mention -> their sum, the greatest first."""
    sums: dict[str, float] = {}
    for element, confidence in found:
        sums[element] = sums.get(element, 0.0) + confidence
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


@dataclass(frozen=True)
class Usage:
    """What an outside model took. `cost_usd` by the prices of the settings."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens, self.cost_usd + other.cost_usd)


@dataclass(frozen=True)
class Analysis:
    """The immutable result of one analyzer over one transcript. `warnings` are codes that the run shows."""

    analyzer: str  # "local" | "openai"
    version: str
    language: str | None
    moments: tuple[Moment, ...]
    mentions: tuple[Mention, ...]
    model: str | None = None
    dropped: int = 0  # elements whose quote was not in their moment
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()
    care: tuple[int, ...] = ()  # positions of moments, as of Care: flagged ...
    withheld: tuple[int, ...] = ()  # ... and withheld


@dataclass(frozen=True)
class Care:
    """Where a transcript speaks of self-harm or crisis: positions of moments, found by `crisis.find`.

    `flagged`: the person says it of herself. `touched`: those, and all that only mention it: denied, or said of somebody else.
    `hinted`: those that may mean it by no wording of the rules (`hints.widen`).
    """

    flagged: frozenset[int] = frozenset()
    touched: frozenset[int] = frozenset()
    hinted: frozenset[int] = frozenset()

    @property
    def withheld(self) -> frozenset[int]:
        """What may not leave this machine: the touched moments, those beside them, and the hinted ones."""
        return self.hinted | {position + step for position in self.touched for step in (-1, 0, 1)}


@dataclass(frozen=True)
class AnalysisJob:
    """What an analyzer gets. `today` (ISO day, the person's time zone) resolves "tomorrow" in due dates.

    `care` None: nobody has looked yet, the analyzer does.
    """

    moments: tuple[Moment, ...]
    language: str | None
    today: str
    progress: Callable[[float], None]  # called with 0..1; raises Cancelled to stop
    spend: Callable[[Usage], None] = lambda usage: None  # called with what each answer of an outside model took, from any thread
    care: Care | None = None


class Analyzer(Protocol):
    """Finds mentions in moments. Raises AnalysisFailed (see `transient`)."""

    def __init__(self, settings: Any) -> None: ...

    def analyze(self, job: AnalysisJob) -> Analysis: ...


ANALYZERS = {
    "local": "insight_journey.analysis.local:LocalAnalyzer",
    "openai": "insight_journey.analysis.openai:OpenAIAnalyzer",
}
