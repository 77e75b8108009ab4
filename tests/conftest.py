"""Engines and settings for all tests. Engines are real and start once a run; databases are fresh for each test.

The graph is shared: every test's people are new, and nothing in a graph is shared between people.
"""

import itertools
import shutil
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import redis as redis_client

from insight_journey.embedded.endpoints import free_port
from insight_journey.settings import Settings
from tests import engines
from tests.engines import GraphEngine
from tests.stack import Stack, running

T = TypeVar("T")
_numbers = itertools.count(1)


def enter(stack: ExitStack, engine: AbstractContextManager[T]) -> T:
    """Start an engine; one that is missing fails the run in CI and elsewhere skips the test, saying why."""
    try:
        return stack.enter_context(engine)
    except engines.Missing as missing:
        (pytest.fail if engines.CI else pytest.skip)(str(missing))
        raise AssertionError from missing


# -- engines ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start either graph by its kind, each at most once a run."""
    running: dict[str, GraphEngine] = {}
    kinds = {"arcadedb": engines.arcadedb_graph, "neo4j": engines.neo4j_graph}
    with ExitStack() as stack:

        def get(kind: str) -> GraphEngine:
            if kind not in running:
                running[kind] = enter(stack, kinds[kind](tmp_path_factory.mktemp(kind)))
            return running[kind]

        yield get


@pytest.fixture(scope="session")
def graph_engine(graphs: Any) -> GraphEngine:
    """The graph of the stack under test: url, user, password, database, kind."""
    return graphs("neo4j" if engines.STACK == "grown" else "arcadedb")


@pytest.fixture(scope="session", params=["arcadedb", "neo4j"])
def both_graphs(request: pytest.FixtureRequest, graphs: Any) -> GraphEngine:
    """Each graph we run on, one after the other: for what must hold on both."""
    return graphs(request.param)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ExitStack() as stack:
        yield enter(stack, engines.redis_server(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What each test's database is copied from: a SQLite file's path, or a PostgreSQL socket's folder."""
    from insight_journey.database import upgrade

    home = tmp_path_factory.mktemp("migrated")
    with ExitStack() as stack:
        if engines.STACK == "grown":
            kept = enter(stack, engines.postgresql())
            _administer(kept, "CREATE DATABASE migrated")
            url = _postgresql_url(kept, "migrated")
        else:
            kept = str(home / "migrated.sqlite")
            url = f"sqlite:///{kept}"
        upgrade(Settings(home=home, database_url=url).resolved())
        yield kept


# -- one test's own --------------------------------------------------------------------------------------------------


@pytest.fixture
def database_url(migrated: str, tmp_path: Path) -> Iterator[str]:
    """A database of this test alone, with all tables."""
    with fresh_database(migrated, tmp_path) as url:
        yield url


@contextmanager
def fresh_database(migrated: str, folder: Path, *, empty: bool = False) -> Iterator[str]:
    """A copy of the migrated database, or one with nothing in it."""
    if engines.STACK != "grown":
        if not empty:
            shutil.copy(migrated, folder / "insight.sqlite")
        yield f"sqlite:///{folder / 'insight.sqlite'}"
        return
    name = f"test_{next(_numbers)}"
    _administer(migrated, f"CREATE DATABASE {name} TEMPLATE {'template1' if empty else 'migrated'}")
    yield _postgresql_url(migrated, name)
    _administer(migrated, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_redis_url(redis_url: str) -> str:
    """A logical Redis database that is empty now; numbers are used again after a while, 0 never."""
    url = f"{redis_url.rsplit('/', 1)[0]}/{next(_numbers) % 15 + 1}"
    with redis_client.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def settings(tmp_path: Path, database_url: str, own_redis_url: str, graph_engine: GraphEngine) -> Settings:
    """Settings of an installation of this test alone: its own home, database and Redis; small limits and short pauses."""
    return small_settings(tmp_path, database_url, own_redis_url, graph_engine)


def small_settings(home: Path, database_url: str, redis_url: str, graph_engine: GraphEngine) -> Settings:
    return Settings(
        home=home,
        port=free_port(),
        database_url=database_url,
        redis_url=redis_url,
        graph_url=graph_engine.url,
        graph_user=graph_engine.user,
        graph_password=graph_engine.password,
        graph_database=graph_engine.database,
        upload_limit_mb=8,
        text_limit_kb=256,
        media_limit_minutes=5,
        whisper_threads=1,
        openai_base_url="http://127.0.0.1:9/v1",
        openai_timeout_seconds=5,
        retry_seconds=0.05,
        lease_seconds=5,
        slow_socket_seconds=2,
        rate_limits="auth=100000/minute;login=100000/minute;public=100000/minute;read=100000/minute;write=100000/minute;upload=100000/minute",
    ).resolved()


# -- the product as processes ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def stack(migrated: str, redis_url: str, graph_engine: GraphEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One installation for all flows: API, a media and an analysis worker, the clock. Its people are new in each test."""
    home = tmp_path_factory.mktemp("home")
    with fresh_database(migrated, home) as database_url:
        settings = small_settings(home, database_url, redis_url, graph_engine)
        with running(settings, home / "stack.log") as stack:
            yield stack


# -- manners ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Whatever a test does, this process talks to this machine alone."""
    plain, plain_ex = socket.socket.connect, socket.socket.connect_ex

    def connect(self: socket.socket, address: Any) -> None:
        _refuse_far(self, address)
        plain(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_far(self, address)
        return plain_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        yield


def _refuse_far(used: socket.socket, address: Any) -> None:
    if used.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    if not host.startswith("127.") and host not in ("::1", "localhost", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        raise PermissionError(f"a test tried to connect to {host}: tests have no network")


def _administer(folder: str, statement: str) -> None:
    with psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)


def _postgresql_url(folder: str, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"
