"""Is the graph there?"""

# One row: 1.
PING = "RETURN 1 AS one"
