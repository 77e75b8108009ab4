"""Nodes and relationships, for drawing."""

from insight_journey.graph.model import MENTIONS

# A row a moment of a session; one row with null moment columns for a session without any.
SESSION = """
MATCH (s:Session {owner: $owner, id: $session})
OPTIONAL MATCH (s)-[:HAS_MOMENT]->(m:Moment {owner: $owner})
RETURN s.id AS session_id, s.at AS session_at, s.day AS day, s.version AS version, m.id AS id, m.position AS position,
  m.start AS start, m.end AS end, m.at AS at, m.speaker AS speaker
ORDER BY position, id
"""

# A row an element and a category it stands in, for the elements of one session.
CATEGORIES_OF_SESSION = f"""
MATCH (:Session {{owner: $owner, id: $session}})-[:HAS_MOMENT]->(:Moment {{owner: $owner}})-[:{MENTIONS}]->(e {{owner: $owner}})
WITH DISTINCT e
MATCH (e)-[:IN_CATEGORY]->(c:Category {{owner: $owner}})
RETURN e.id AS element_id, c.id AS category_id ORDER BY element_id, category_id
"""

# A row a category of a person, with the id of the one above or null.
CATEGORIES = """
MATCH (c:Category {owner: $owner}) WHERE c.id IS NOT NULL
OPTIONAL MATCH (c)-[:BROADER]->(above:Category {owner: $owner})
RETURN c.id AS id, c.taxonomy AS taxonomy, c.code AS code, above.id AS above ORDER BY id
"""
