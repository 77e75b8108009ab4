import os
import socket
from contextlib import closing

import pytest
from neo4j.exceptions import ClientError

from insight_journey.crypto import Key
from insight_journey.errors import GraphUnavailable
from insight_journey.graph.client import Graph
from insight_journey.settings import Settings
from tests.engines import GraphEngine
from tests.graph.conftest import settings_of


def test_it_works(graph: Graph) -> None:
    assert graph.read("RETURN $a + 1 AS b", a=1) == [{"b": 2}]
    assert graph.check() > 0


def test_makes_nothing_before_the_first_use(both_graphs: GraphEngine) -> None:
    assert not Graph(settings_of(both_graphs))._drivers


def test_a_read_that_writes_is_rolled_back(graph: Graph, alice_owner: str) -> None:
    with pytest.raises((RuntimeError, ClientError), match="(?i)writ"):
        graph.read("CREATE (n:Person {owner: $owner, id: $owner})", owner=alice_owner)
    assert graph.read("MATCH (n:Person {owner: $owner}) RETURN n", owner=alice_owner) == []


def test_statements_are_all_or_nothing(graph: Graph, alice_owner: str) -> None:
    create = ("CREATE (n:Person {owner: $owner, id: $owner})", {"owner": alice_owner})
    with pytest.raises(ClientError):
        graph.write([create, ("RETURN 1 / $zero AS x", {"zero": 0})])
    assert graph.read("MATCH (n:Person {owner: $owner}) RETURN n", owner=alice_owner) == []


def test_a_wrong_password_is_said_so_and_is_not_transient(both_graphs: GraphEngine) -> None:
    with closing(Graph(settings_of(both_graphs, graph_password="wrong"))) as graph, pytest.raises(GraphUnavailable) as caught:  # noqa: S106
        graph.check()
    assert (caught.value.code, caught.value.transient) == ("graph_refused", False)


def test_an_address_without_a_graph_is_transient() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = Settings.model_validate({"graph_url": f"bolt://127.0.0.1:{taken.getsockname()[1]}"})
    with closing(Graph(settings)) as graph, pytest.raises(GraphUnavailable) as caught:
        graph.check()
    assert (caught.value.code, caught.value.transient) == ("graph_unavailable", True)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1", "nonsense"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(GraphUnavailable, match="graph"):
        Graph(Settings.model_validate({"graph_url": url})).check()


def test_a_forked_child_opens_its_own_connections(graph: Graph) -> None:
    graph.check()
    child = os.fork()
    if child == 0:
        rows = graph.read("RETURN 1 AS one")
        os._exit(0 if rows == [{"one": 1}] and len(graph._drivers) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert graph.read("RETURN 2 AS two") == [{"two": 2}]


@pytest.fixture
def alice_owner(alice: Key) -> str:
    return alice.graph_id("person", str(alice.owner))
