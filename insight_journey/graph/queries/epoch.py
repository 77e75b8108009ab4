"""The installation's own node: how far it has counted. It stands beside the people's, joined to nothing."""

# One row, or none where this installation never counted here.
COUNTER = "MATCH (i:Installation {owner: $owner, id: $owner}) RETURN i.counter AS counter"

# Nothing. Never counts backwards: the node is written first, so that of two that count at once the second sees the first.
COUNT = """
MERGE (i:Installation {owner: $owner, id: $owner}) SET i.revision = coalesce(i.revision, 0) + 1
WITH i, coalesce(i.counter, 0) AS seen
SET i.counter = CASE WHEN seen > $counter THEN seen ELSE $counter END
"""
