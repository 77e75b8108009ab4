"""Writes of one session's subgraph, in one transaction: what it held goes, what is true now is created, what nothing holds is pruned.

Rows of moments and mentions are lists, values in the order of the model's columns: names would be most of what is sent.
"""

from insight_journey.graph.model import (
    ELEMENT_COLUMNS,
    FILED_KINDS,
    LABEL_OF_KIND,
    MENTION_COLUMNS,
    MENTION_OF_KIND,
    MENTIONS,
    MOMENT_COLUMNS,
)

# Written first, so that writers of one person follow each other; then read: whose fence is lower than one seen before is refused.
_FENCE = """
MERGE (w:Writer {owner: $owner, id: $owner}) SET w.revision = coalesce(w.revision, 0) + 1
WITH w, coalesce(w.fence, 0) AS seen
SET w.fence = CASE WHEN seen > $fence THEN seen ELSE $fence END
WITH seen > $fence AS refused"""

# One row: whether the writer is refused. Held until the transaction ends.
FENCE = f"{_FENCE}\nRETURN refused"

# One row: whether the writer is refused, and the mention type and id of each element that the session held. Its moments are gone.
CLEAR = f"""{_FENCE}
OPTIONAL MATCH (:Session {{owner: $owner, id: $session}})-[:HAS_MOMENT]->(m:Moment {{owner: $owner}})
OPTIONAL MATCH (m)-[r:{MENTIONS}]->(e {{owner: $owner}})
WITH refused, collect(DISTINCT m) AS moments, collect(DISTINCT CASE WHEN e IS NOT NULL THEN [type(r), e.id] END) AS held
FOREACH (m IN moments | DETACH DELETE m)
RETURN refused, held
"""


def _values(row: str, columns: tuple[str, ...], first: int = 0) -> str:
    """A map of properties, from the values of a row."""
    return "{owner: $owner, " + ", ".join(f"{name}: {row}[{n}]" for n, name in enumerate(columns, first)) + "}"


_MENTIONS = "".join(
    f"""
  FOREACH (row IN moment.{kind} |
    MERGE (e:{label} {{owner: $owner, id: row[0]}}) ON CREATE SET e.key = row[1], e.code = row[2], e.status = row[3]
    CREATE (m)-[:{MENTION_OF_KIND[kind]} {_values("row", MENTION_COLUMNS, len(ELEMENT_COLUMNS))}]->(e))"""
    for kind, label in LABEL_OF_KIND.items()
)

# Nothing. Person, session, moments; each moment comes with its mentions by kind, a row the element's values and then its own.
CONTENT = f"""
MERGE (p:Person {{owner: $owner, id: $owner}})
MERGE (s:Session {{owner: $owner, id: $session}}) SET s.at = $at, s.day = $day, s.version = $version
MERGE (p)-[:HAS_SESSION]->(s)
FOREACH (moment IN $moments |
  CREATE (s)-[:HAS_MOMENT]->(m:Moment {_values("moment.row", MOMENT_COLUMNS)}){_MENTIONS})
"""

_FILED = """
CALL () {
  UNWIND $%(kind)s AS row
  MATCH (e:%(label)s {owner: $owner, id: row[0]})
  MATCH (c:Category {owner: $owner, id: row[1]})
  MERGE (e)-[:IN_CATEGORY]->(c)
}"""

# One row: 1. `$categories` holds parents before children; each kind's rows are (element, category).
CATEGORIES = f"""
CALL () {{
  UNWIND $categories AS row
  MERGE (c:Category {{owner: $owner, id: row.id}}) SET c.taxonomy = row.taxonomy, c.code = row.code
  WITH c, row WHERE row.parent IS NOT NULL
  MATCH (above:Category {{owner: $owner, id: row.parent}})
  MERGE (c)-[:BROADER]->(above)
}}{"".join(_FILED % {"kind": kind, "label": LABEL_OF_KIND[kind]} for kind in FILED_KINDS)}
RETURN 1 AS done
"""

_UNHELD = """
CALL () {
  UNWIND $%(kind)s AS id
  MATCH (e:%(label)s {owner: $owner, id: id}) WHERE NOT EXISTS { MATCH (e)<-[:%(type)s]-(:Moment {owner: $owner}) }
  DETACH DELETE e
}"""

# One row: 1. Of the elements named by kind, those that nothing holds go. A belief leaves the categories that none of its mentions names,
# and categories go that no element stands in or below.
PRUNE = f"""{"".join(_UNHELD % {"kind": kind, "label": label, "type": MENTION_OF_KIND[kind]} for kind, label in LABEL_OF_KIND.items())}
CALL () {{
  UNWIND $belief AS id
  MATCH (b:Belief {{owner: $owner, id: id}})-[filed:IN_CATEGORY]->(c:Category {{owner: $owner}})
  WHERE NOT EXISTS {{ MATCH (b)<-[held:REVEALS]-(:Moment {{owner: $owner}}) WHERE held.category = c.code }}
  DELETE filed
}}
CALL () {{
  MATCH (c:Category {{owner: $owner}})
  WHERE c.id IS NOT NULL
    AND NOT EXISTS {{ MATCH (c)<-[:BROADER*0..8]-(:Category {{owner: $owner}})<-[:IN_CATEGORY]-({{owner: $owner}}) }}
  DETACH DELETE c
}}
RETURN 1 AS done
"""
