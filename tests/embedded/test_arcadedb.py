"""The embedded graph server: starts, is private, refuses, ends."""

import neo4j

from tests.engines import GraphEngine


def test_it_works(graphs):
    engine: GraphEngine = graphs("arcadedb")
    with neo4j.GraphDatabase.driver(engine.url, auth=(engine.user, engine.password)) as driver:
        answer = driver.execute_query("RETURN 1 AS one", database_=engine.database)
    assert answer.records[0]["one"] == 1
