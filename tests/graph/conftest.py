"""Alice and Charlie on each graph. Nothing in a graph is shared between people, so each test takes new ones."""

import os
from collections.abc import Iterator

import pytest

from insight_journey.crypto import Key
from insight_journey.extensions import new_id
from insight_journey.graph.client import Graph
from insight_journey.settings import Settings
from tests.engines import GraphEngine


def settings_of(engine: GraphEngine, **changes: object) -> Settings:
    named = {"graph_url": engine.url, "graph_user": engine.user, "graph_password": engine.password, "graph_database": engine.database}
    return Settings.model_validate({**named, **changes})


@pytest.fixture
def graph(both_graphs: GraphEngine) -> Iterator[Graph]:
    graph = Graph(settings_of(both_graphs))
    yield graph
    graph.close()


@pytest.fixture
def alice() -> Key:
    return new_key()


@pytest.fixture
def charlie() -> Key:
    return new_key()


def new_key() -> Key:
    return Key(new_id(), os.urandom(32))
