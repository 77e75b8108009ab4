"""Liveness and readiness."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue, SimpleWorker

from insight_journey import tasks
from insight_journey.app import create_app
from insight_journey.graph.client import Graph
from insight_journey.search import line
from insight_journey.sessions import searching
from insight_journey.settings import Settings
from tests.api.conftest import close
from tests.engines import GraphEngine
from tests.stack import until

PARTS = {"analyzer", "sql", "keystore", "storage", "graph", "redis", "search", "workers"}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_it_lives(client: FlaskClient, prefix: str) -> None:
    answer = client.get(f"{prefix}/healthz")
    assert answer.status_code == 200
    assert answer.json["data"] == {"status": "ok"}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_without_graph_redis_and_workers_it_is_degraded(client: FlaskClient, prefix: str) -> None:
    answer = client.get(f"{prefix}/readyz")
    assert answer.status_code == 200
    data = answer.json["data"]
    assert data["status"] == "degraded"
    assert set(data["checks"]) == PARTS
    assert {name for name, part in data["checks"].items() if part["status"] == "ok"} == {"sql", "keystore", "storage", "analyzer"}
    assert {name for name, part in data["checks"].items() if part["status"] == "degraded"} == {"graph", "redis", "search", "workers"}
    assert all(part["latency_ms"] >= 0 for part in data["checks"].values())


def test_without_sql_it_is_not_ready(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/no/such/folder/x.sqlite"}))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "not_ready"
    assert answer.json["error"]["details"]["checks"]["sql"]["status"] == "down"
    assert answer.headers["Retry-After"]
    assert str(tmp_path) not in answer.get_data(as_text=True)
    assert app.test_client().get("/healthz").status_code == 200


def test_requests_without_sql_are_told_to_come_back(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/no/such/folder/x.sqlite"}))
    answer = app.test_client().post("/api/v1/auth/login", json={"email": "alice@example.com", "password": "plum tree"})
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "unavailable"


@pytest.fixture
def whole(settings: Settings, graph_engine: GraphEngine, own_redis_url: str) -> Flask:
    engines = {
        "redis_url": own_redis_url,
        "graph_url": graph_engine.url,
        "graph_user": graph_engine.user,
        "graph_password": graph_engine.password,
        "graph_database": graph_engine.database,
    }
    return create_app(Settings(home=settings.home, database_url=settings.database_url, **engines).resolved())


def _without_workers(app: Flask) -> Any:
    data = app.test_client().get("/readyz").json["data"]
    return data if data["checks"]["workers"]["status"] == "degraded" else None


def test_who_asks_often_does_not_ask_the_parts_each_time(app: Flask) -> None:
    asked: list[str] = []
    engine = app.extensions["db"][0]
    sa.event.listen(engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: app.test_client().get("/readyz").status_code, range(40)))
    assert answers == [200] * 40
    assert len(asked) < 40


def test_with_everything_it_is_ready(whole: Flask) -> None:
    connection = whole.extensions["redis"]
    queues = [Queue(name, connection=connection, serializer="json") for name in tasks.QUEUES]
    worker = SimpleWorker(queues, connection=connection, serializer="json")
    worker.register_birth()
    desk = searching.desk(whole)
    answering = threading.Thread(target=searching.serve, args=(whole, desk))
    answering.start()
    try:
        until(lambda: connection.exists(line.ALIVE))
        data = whole.test_client().get("/readyz").json["data"]
        assert data["status"] == "ok", data
        assert "media: 1" in data["checks"]["workers"]["detail"]
        assert data["checks"]["search"]["detail"].startswith("by meaning and words")
    finally:
        worker.register_death()
        desk.ended.set()
        answering.join()
    alone = until(lambda: _without_workers(whole))
    assert {name for name, part in alone["checks"].items() if part["status"] == "degraded"} == {"workers", "search"}
    assert alone["checks"]["redis"]["status"] == "ok"
    graph: Graph = whole.extensions["graph"]
    graph.close()
    connection.close()
    close(whole)
