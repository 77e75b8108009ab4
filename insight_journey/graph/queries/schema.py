"""Constraints and indexes."""

from insight_journey.graph.model import BOOKKEEPING_LABELS, LABELS, TIMED_LABELS

# Nothing. Every label is merged by (owner, id). A second index that begins with `owner` alone would win over the constraint in
# the embedded graph's planner and turn each look-up into a scan of the person.
CONSTRAINTS = tuple(
    f"CREATE CONSTRAINT {label.lower()}_owner_id IF NOT EXISTS FOR (n:{label}) REQUIRE (n.owner, n.id) IS UNIQUE"
    for label in (*LABELS, *BOOKKEEPING_LABELS)
)

# Nothing. Moments and sessions of a period.
INDEXES = tuple(f"CREATE INDEX {label.lower()}_owner_at IF NOT EXISTS FOR (n:{label}) ON (n.owner, n.at)" for label in TIMED_LABELS)
