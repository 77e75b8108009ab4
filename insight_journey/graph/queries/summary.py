"""A person over a period: what recurs, and what goes with what."""

from insight_journey.graph.model import MENTIONS
from insight_journey.graph.queries.mentions import EARLIEST

_PERIOD = """
MATCH (s:Session {owner: $owner})-[:HAS_MOMENT]->(m:Moment {owner: $owner})
WHERE m.at >= $since AND m.at < $until AND NOT s.id IN $hidden"""

# One row: the moments of the period, those that hold any element, and the sessions they belong to: the denominators.
TOTALS = f"""{_PERIOD}
RETURN count(m) AS moments, count(DISTINCT s) AS sessions,
  sum(CASE WHEN EXISTS {{ MATCH (m)-[:{MENTIONS}]->({{owner: $owner}}) }} THEN 1 ELSE 0 END) AS moments_with_elements
"""

# A row an element mentioned in the period, the `$top` most mentioned of each label.
ELEMENTS = f"""{_PERIOD}
MATCH (m)-[r:{MENTIONS}]->(e {{owner: $owner}})
WITH labels(e)[0] AS label, e, count(r) AS mentions, count(DISTINCT m) AS moments, count(DISTINCT s) AS sessions,
  avg(r.intensity) AS intensity, min(m.at) AS first, max(m.at) AS last
ORDER BY label, moments DESC, mentions DESC, e.id
WITH label, collect({{e: e, mentions: mentions, moments: moments, sessions: sessions, intensity: intensity, first: first, last: last}})
  AS found
UNWIND found[0..$top] AS row
WITH label, row, row.e AS e
RETURN label, e.id AS id, e.code AS code, e.status AS status, row.mentions AS mentions, row.moments AS moments,
  row.sessions AS sessions, row.intensity AS intensity, row.first AS first, row.last AS last, {EARLIEST} AS earliest,
  COLLECT {{ MATCH (e)-[:IN_CATEGORY]->(c:Category {{owner: $owner}}) RETURN c.id }} AS categories
ORDER BY label, moments DESC, mentions DESC, id
"""

# A row a pair of elements that share moments of the period, most shared first. `$wanted` maps element ids to true.
TOGETHER = f"""{_PERIOD}
MATCH (m)-[:{MENTIONS}]->(e {{owner: $owner}})
WHERE $wanted[e.id] IS NOT NULL
WITH DISTINCT m, e ORDER BY e.id
WITH m, collect(e.id) AS ids
UNWIND range(0, size(ids) - 2) AS i
UNWIND range(i + 1, size(ids) - 1) AS j
RETURN ids[i] AS start, ids[j] AS end, count(*) AS moments
ORDER BY moments DESC, start, end LIMIT $limit
"""
