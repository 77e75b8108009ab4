"""The engines of the stack under test: each is there, and is what it should be."""

import neo4j
import redis
import sqlalchemy as sa

from insight_journey.settings import Settings
from tests import engines
from tests.engines import GraphEngine


def test_it_works(settings: Settings):
    database = sa.create_engine(settings.database_url)
    assert sa.inspect(database).has_table("alembic_version")
    assert database.dialect.name == ("postgresql" if engines.STACK == "grown" else "sqlite")
    database.dispose()
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        assert client.ping()
        assert client.dbsize() == 0


def test_both_graphs(both_graphs: GraphEngine):
    with neo4j.GraphDatabase.driver(both_graphs.url, auth=(both_graphs.user, both_graphs.password)) as driver:
        assert driver.execute_query("RETURN 1 AS one", database_=both_graphs.database).records[0]["one"] == 1
        agent = driver.get_server_info().agent
    assert ("compatible" in agent) == (both_graphs.kind == "arcadedb")
