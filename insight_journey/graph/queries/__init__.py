"""All Cypher of the product, one file a subject; each constant has a line above that says what it returns.

One dialect: what runs the same on Neo4j 5 and on the embedded graph (`docs/graph.md` lists the rules). Three habits recur:
every pattern names `owner` on both ends; what reads all nodes of an owner says `id IS NOT NULL`, because Neo4j uses the
composite constraint only when each of its properties is named; and a pattern begins at the end that is already known,
because the embedded graph follows it as it is written.
"""
