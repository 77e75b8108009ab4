"""Kinds, labels and relationship types of the graph: the one table that names them."""

from insight_journey.analysis.base import CODED_KINDS, KINDS, Kind
from insight_journey.taxonomy import TAXONOMY_OF_KIND

LABEL_OF_KIND: dict[Kind, str] = {
    "emotion": "Emotion",
    "topic": "Topic",
    "belief": "Belief",
    "challenge": "Challenge",
    "insight": "Insight",
    "action_item": "ActionItem",
}
MENTION_OF_KIND: dict[Kind, str] = {  # relationship type from a moment to an element
    "emotion": "EXPRESSES",
    "topic": "ABOUT",
    "belief": "REVEALS",
    "challenge": "RAISES",
    "insight": "SPARKS",
    "action_item": "COMMITS_TO",
}
KIND_OF_LABEL: dict[str, Kind] = {label: kind for kind, label in LABEL_OF_KIND.items()}
KIND_OF_MENTION: dict[str, Kind] = {type_: kind for kind, type_ in MENTION_OF_KIND.items()}
LABELS = ("Person", "Session", "Moment", *LABEL_OF_KIND.values(), "Category")
BOOKKEEPING_LABELS = ("Writer", "Installation")  # of the writes, not of a person's life
TIMED_LABELS = ("Session", "Moment")  # asked for by period
MENTIONS = "|".join(MENTION_OF_KIND.values())
WORDED_MENTIONS = "|".join(MENTION_OF_KIND[kind] for kind in KINDS if kind not in CODED_KINDS)
FILED_KINDS = tuple(kind for kind in KINDS if kind in TAXONOMY_OF_KIND)  # their elements stand in categories

# Properties besides `owner`, in the order in which they are sent.
MOMENT_COLUMNS = ("id", "position", "start", "end", "at", "speaker")
ELEMENT_COLUMNS = ("id", "key", "code", "status")
MENTION_COLUMNS = (
    "id", "span_start", "span_end", "start", "end", "confidence", "engine",
    "intensity", "stance", "severity", "due_on", "category", "wording",
)  # fmt: skip
