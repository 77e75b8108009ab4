"""All of one person."""

from insight_journey.graph.model import LABELS

# A row a label: its nodes.
COUNT_NODES = "\nUNION ALL ".join(
    f"MATCH (n:{label} {{owner: $owner}}) WHERE n.id IS NOT NULL RETURN '{label}' AS name, count(n) AS n" for label in LABELS
)

# A row a label of the start node and a relationship type: the relationships.
COUNT_RELATIONSHIPS = "\nUNION ALL ".join(
    f"MATCH (n:{label} {{owner: $owner}})-[r]->({{owner: $owner}}) WHERE n.id IS NOT NULL RETURN type(r) AS name, count(r) AS n"
    for label in LABELS
)

# A row a node: its label and properties.
NODES = "\nUNION ALL ".join(
    f"MATCH (n:{label} {{owner: $owner}}) WHERE n.id IS NOT NULL RETURN '{label}' AS label, properties(n) AS properties" for label in LABELS
)

# A row a relationship: its type, the ids of its ends and its properties.
RELATIONSHIPS = "\nUNION ALL ".join(
    f"MATCH (n:{label} {{owner: $owner}})-[r]->(m {{owner: $owner}}) WHERE n.id IS NOT NULL "
    "RETURN type(r) AS type, n.id AS start, m.id AS end, properties(r) AS properties"
    for label in LABELS
)

# One row, or none where nothing was ever written: the highest fence that wrote.
FENCE = "MATCH (w:Writer {owner: $owner, id: $owner}) RETURN coalesce(w.fence, 0) AS fence"
