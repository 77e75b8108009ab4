"""Addresses and passwords of the embedded engines."""

import json
import socket
import stat
from pathlib import Path

from insight_journey.embedded.endpoints import free_port, is_free, port_of, prepare
from insight_journey.settings import Settings


def test_it_works(tmp_path: Path):
    engines = prepare(tmp_path)
    assert set(engines) == {"graph_url", "graph_user", "graph_password", "graph_database", "redis_url"}
    assert json.loads((tmp_path / "engines.json").read_text()) == engines
    assert stat.S_IMODE((tmp_path / "engines.json").stat().st_mode) == 0o600

    settings = Settings(home=tmp_path).resolved()
    assert settings.graph_url == engines["graph_url"]
    assert settings.redis_url.get_secret_value() == engines["redis_url"]
    assert settings.embeds_graph
    assert settings.embeds_redis


def test_they_are_kept(tmp_path: Path):
    assert prepare(tmp_path) == prepare(tmp_path)


def test_taken_port_is_chosen_again(tmp_path: Path):
    before = prepare(tmp_path)
    with socket.create_server(("127.0.0.1", port_of(before["graph_url"]))):
        after = prepare(tmp_path)
    assert after["graph_url"] != before["graph_url"]
    assert after["graph_password"] == before["graph_password"]
    assert after["redis_url"] == before["redis_url"]


def test_only_the_engine_that_starts_is_touched(tmp_path: Path):
    before = prepare(tmp_path)
    with socket.create_server(("127.0.0.1", port_of(before["graph_url"]))):
        assert prepare(tmp_path, graph=False) == before


def test_named_engines_are_not_ours(tmp_path: Path):
    prepare(tmp_path)
    settings = Settings(home=tmp_path, graph_url="bolt://127.0.0.1:7687", redis_url="redis://127.0.0.1:6379/0").resolved()
    assert settings.graph_url == "bolt://127.0.0.1:7687"
    assert not settings.embeds_graph
    assert not settings.embeds_redis


def test_ports_are_loopback_and_free():
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
