"""Writes of one session's subgraph. Each runs inside one transaction with the others; none depends on what was there before.

`$projection` is a fresh mark of the running transaction: what a session holds and does not bear it is no longer true.
"""

from insight_journey.graph.model import LABEL_OF_KIND, MENTION_OF_KIND, MENTIONS

# Written first, so that writers of one person follow each other; then read: whose fence is lower than one seen before is refused.
_FENCE = """
MERGE (w:Writer {owner: $owner, id: $owner}) SET w.revision = coalesce(w.revision, 0) + 1
WITH w, coalesce(w.fence, 0) AS seen
SET w.fence = CASE WHEN seen > $fence THEN seen ELSE $fence END
WITH seen > $fence AS refused"""

# One row: whether the writer is refused. Held until the transaction ends.
FENCE = f"{_FENCE}\nRETURN refused"

# One row: whether the writer is refused. Person, session and moments.
SESSION = f"""{_FENCE}
MERGE (p:Person {{owner: $owner, id: $owner}})
MERGE (s:Session {{owner: $owner, id: $session}}) SET s.at = $at, s.day = $day, s.version = $version
MERGE (p)-[:HAS_SESSION]->(s)
FOREACH (row IN $moments |
  MERGE (m:Moment {{owner: $owner, id: row.id}}) SET m += row, m.projection = $projection
  MERGE (s)-[:HAS_MOMENT]->(m))
RETURN refused
"""

_CATEGORIES = """
CALL () {
  UNWIND $categories AS row
  MERGE (c:Category {owner: $owner, id: row.id}) SET c.taxonomy = row.taxonomy, c.code = row.code
  WITH c, row WHERE row.parent IS NOT NULL
  MATCH (above:Category {owner: $owner, id: row.parent})
  MERGE (c)-[:BROADER]->(above)
}"""

_MENTIONS = """
CALL () {
  UNWIND $%(kind)s AS row
  MATCH (m:Moment {owner: $owner, id: row.moment})
  MERGE (e:%(label)s {owner: $owner, id: row.element}) ON CREATE SET e.key = row.key, e.code = row.code, e.status = row.status
  MERGE (m)-[r:%(type)s {id: row.id}]->(e) SET r += row.mention, r.owner = $owner, r.projection = $projection
  WITH e, row WHERE row.category IS NOT NULL
  MATCH (c:Category {owner: $owner, id: row.category})
  MERGE (e)-[:IN_CATEGORY]->(c)
}"""

# One row: 1. `$categories` holds parents before children; the mentions of each kind stand in a parameter of its name.
MENTIONS_OF_SESSION = (
    _CATEGORIES
    + "".join(_MENTIONS % {"kind": kind, "label": label, "type": MENTION_OF_KIND[kind]} for kind, label in LABEL_OF_KIND.items())
    + "\nRETURN 1 AS done"
)

# Nothing. Takes away the session's mentions that are no longer true, then elements that nothing holds any more. A belief leaves
# the categories that none of its mentions names.
STALE_MENTIONS = f"""
MATCH (:Session {{owner: $owner, id: $session}})-[:HAS_MOMENT]->(:Moment {{owner: $owner}})-[r:{MENTIONS}]->(e {{owner: $owner}})
WHERE r.projection <> $projection OR e:Belief
WITH e, collect(CASE WHEN r.projection <> $projection THEN r END) AS stale
FOREACH (r IN stale | DELETE r)
WITH e, COLLECT {{ MATCH (e)<-[held:REVEALS]-(:Moment {{owner: $owner}}) RETURN held.category }} AS held
OPTIONAL MATCH (e)-[left:IN_CATEGORY]->(c:Category {{owner: $owner}}) WHERE e:Belief AND NOT c.code IN held
DELETE left
WITH DISTINCT e
WHERE NOT EXISTS {{ MATCH (e)<-[:{MENTIONS}]-(:Moment {{owner: $owner}}) }}
DETACH DELETE e
"""

# One row: 1. Takes away the session's moments that are no longer true, and categories that no element stands in or below.
STALE_MOMENTS = """
CALL () {
  MATCH (:Session {owner: $owner, id: $session})-[:HAS_MOMENT]->(m:Moment {owner: $owner})
  WHERE m.projection <> $projection
  DETACH DELETE m
}
CALL () {
  MATCH (c:Category {owner: $owner})
  WHERE c.id IS NOT NULL
    AND NOT EXISTS { MATCH (c)<-[:BROADER*0..8]-(:Category {owner: $owner})<-[:IN_CATEGORY]-({owner: $owner}) }
  DETACH DELETE c
}
RETURN 1 AS done
"""
