"""Mentions with their element, moment and session. The order is total, so that pages neither overlap nor skip.

`$hidden`: ids of sessions that are gone and still here; nothing of theirs is in an answer, their wordings neither.
"""

from insight_journey.graph.model import MENTIONS, WORDED_MENTIONS

# The wording of an element's earliest mention: what the element is called, whatever order sessions arrived in.
EARLIEST = f"""COLLECT {{
  MATCH (e)<-[r1:{WORDED_MENTIONS}]-(m1:Moment {{owner: $owner}})<-[:HAS_MOMENT]-(s1:Session {{owner: $owner}})
  WHERE NOT s1.id IN $hidden
  WITH r1, s1, m1 ORDER BY s1.at, s1.id, m1.position, r1.span_start, r1.span_end, r1.id LIMIT 1
  RETURN {{id: r1.id, wording: r1.wording}}
}}"""

# looked up once an element, however many mentions of it are asked for
_COLUMNS = f"""WITH e, collect({{s: s, m: m, r: r}}) AS found
WITH e, found, {EARLIEST} AS earliest
UNWIND found AS row
WITH e, earliest, row.s AS s, row.m AS m, row.r AS r
RETURN r.id AS id, type(r) AS type, properties(r) AS mention, e.id AS element_id, e.code AS code, e.status AS status,
  m.id AS moment_id, m.position AS moment_position, m.at AS at, s.id AS session_id, earliest"""

_PERIOD = f"""
MATCH (s:Session {{owner: $owner}})-[:HAS_MOMENT]->(m:Moment {{owner: $owner}})-[r:{MENTIONS}]->(e {{owner: $owner}})
WHERE m.at >= $since AND m.at < $until AND type(r) IN $types AND NOT s.id IN $hidden"""

# A row a mention of one session, in the order of its words.
OF_SESSION = f"""
MATCH (s:Session {{owner: $owner, id: $session}})-[:HAS_MOMENT]->(m:Moment {{owner: $owner}})-[r:{MENTIONS}]->(e {{owner: $owner}})
WHERE type(r) IN $types
{_COLUMNS}
ORDER BY moment_position, r.span_start, r.span_end, id
"""

# A row a mention of a person in a period, newest moment first: one page.
OF_PERSON = f"""{_PERIOD}
WITH s, m, r, e ORDER BY m.at DESC, s.id, m.position DESC, r.span_start, r.span_end, r.id SKIP $skip LIMIT $limit
{_COLUMNS}
ORDER BY at DESC, session_id, moment_position DESC, r.span_start, r.span_end, id
"""

# One row: how many mentions all pages of OF_PERSON hold.
COUNT_OF_PERSON = f"{_PERIOD}\nRETURN count(r) AS total"

# A row a relationship type: the distinct elements of a session.
ELEMENTS_OF_SESSION = f"""
MATCH (:Session {{owner: $owner, id: $session}})-[:HAS_MOMENT]->(:Moment {{owner: $owner}})-[r:{MENTIONS}]->(e {{owner: $owner}})
RETURN type(r) AS type, count(DISTINCT e) AS n
"""
