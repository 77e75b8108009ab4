"""What goes away."""

from insight_journey.graph.model import LABELS

# Nothing. The session itself, once its moments are gone.
SESSION = "MATCH (s:Session {owner: $owner, id: $session}) DETACH DELETE s"

# Nothing. A person without any session, so that a graph built anew is the same as one that shrank.
IDLE_PERSON = """
MATCH (p:Person {owner: $owner, id: $owner})
WHERE NOT EXISTS { MATCH (p)-[:HAS_SESSION]->(:Session {owner: $owner}) }
DETACH DELETE p
"""

# Nothing. What guards the order of writers: only for a person who is gone for good.
WRITER = "MATCH (w:Writer {owner: $owner, id: $owner}) DETACH DELETE w"

# One row: 1. Everything of one person; moments first, since nearly all relationships hang on them.
PERSON = (
    "".join(
        f"\nCALL () {{ MATCH (n:{label} {{owner: $owner}}) WHERE n.id IS NOT NULL DETACH DELETE n }}"
        for label in ("Moment", *(label for label in LABELS if label != "Moment"))
    )
    + "\nRETURN 1 AS done"
)
