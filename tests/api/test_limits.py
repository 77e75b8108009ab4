"""Rate limits: the headers, who is counted with whom, and what happens without Redis. Counts are of days: none ends in a test."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from insight_journey.app import create_app
from insight_journey.errors import Invalid
from insight_journey.settings import Settings
from tests import engines
from tests.api.conftest import PASSWORD, close, register

V1 = "/api/v1"
AMPLE = "auth=99/day;login=3/day;public=4/day;read=3/day;write=5/day;upload=2/day"


def make(settings: Settings, redis_url: str, limits: str = AMPLE, **fields: Any) -> Flask:
    return create_app(settings.model_copy(update={"redis_url": Settings(redis_url=redis_url).redis_url, "rate_limits": limits, **fields}))


@pytest.fixture
def app(settings: Settings, own_redis_url: str) -> Iterator[Flask]:
    app = make(settings, own_redis_url)
    yield app
    close(app)
    app.extensions["redis"].close()


def left(answer: Any) -> int:
    return int(answer.headers["X-RateLimit-Remaining"])


def refused(answer: Any) -> None:
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 86400
    assert left(answer) == 0


def test_it_works(client: FlaskClient) -> None:
    alice = register(client, "Alice")
    answers = [client.get(f"{V1}/users/me", headers=alice.headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [left(answer) for answer in answers] == [2, 1, 0, 0]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert 0 < int(answers[0].headers["X-RateLimit-Reset"]) - time.time() <= 86400
    refused(answers[-1])


def test_people_are_counted_each_for_herself(client: FlaskClient) -> None:
    alice, bob = register(client, "Alice"), register(client, "Bob")
    for _ in range(4):
        last = client.get(f"{V1}/sessions", headers=alice.headers)
    refused(last)
    assert client.get(f"{V1}/sessions", headers=bob.headers).status_code == 200
    assert client.post(f"{V1}/sessions", json={"title": "a"}, headers=alice.headers).status_code == 201


def test_uploads_are_counted_apart(client: FlaskClient) -> None:
    alice = register(client, "Alice")
    session = client.post(f"{V1}/sessions", json={"title": "a"}, headers=alice.headers).json["data"]["id"]
    for part in ("text", "content"):
        assert client.post(f"{V1}/sessions/{session}/{part}", json={}, headers=alice.headers).status_code == 422
    refused(client.post(f"{V1}/sessions/{session}/text", json={"text": "I feel sad."}, headers=alice.headers))


def test_guesses_at_one_password_are_few(client: FlaskClient) -> None:
    register(client, "Alice"), register(client, "Bob")
    guess = {"email": "alice@example.com", "password": "wrong"}
    assert [client.post(f"{V1}/auth/login", json=guess).status_code for _ in range(3)] == [401] * 3
    refused(client.post(f"{V1}/auth/login", json={**guess, "email": " Alice@EXAMPLE.com "}))
    assert client.post(f"{V1}/auth/login", json={**guess, "email": "bob@example.com"}).status_code == 401
    elsewhere = client.post(f"{V1}/auth/login", json={**guess, "password": PASSWORD}, environ_overrides={"REMOTE_ADDR": "198.51.100.7"})
    assert elsewhere.status_code == 200  # nobody can lock her out from afar


def test_strangers_are_counted_by_address(client: FlaskClient) -> None:
    asked = ("/openapi.json", "/docs", f"{V1}/no/such/thing", f"{V1}/sessions")
    assert [left(client.get(path)) for path in asked] == [3, 2, 1, 0]
    refused(client.get("/docs"))
    assert client.get("/docs", environ_overrides={"REMOTE_ADDR": "198.51.100.7"}).status_code == 200
    assert client.get("/healthz").status_code == 200  # whoever probes it may restart us


def test_a_household_of_ipv6_is_one(client: FlaskClient) -> None:
    got = [left(client.get("/docs", environ_overrides={"REMOTE_ADDR": f"2001:db8:1:1::{n}"})) for n in (1, 2)]
    assert got == [3, 2]
    assert left(client.get("/docs", environ_overrides={"REMOTE_ADDR": "2001:db8:1:2::1"})) == 3


def test_a_forwarded_address_is_believed_of_a_proxy_only(settings: Settings, own_redis_url: str, client: FlaskClient) -> None:
    told = [left(client.get("/docs", headers={"X-Forwarded-For": f"198.51.100.{n}"})) for n in (1, 2)]
    assert told == [3, 2]
    behind = make(settings, own_redis_url, proxies=1)
    told = [left(behind.test_client().get("/docs", headers={"X-Forwarded-For": f"6.6.6.6, 198.51.100.{n}"})) for n in (1, 2)]
    assert told == [3, 3]
    close(behind)


def test_an_empty_table_limits_nothing(settings: Settings, own_redis_url: str) -> None:
    app = make(settings, own_redis_url, limits="")
    answers = [app.test_client().get("/docs") for _ in range(9)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers
    close(app)


def test_nothing_personal_is_in_redis(app: Flask, client: FlaskClient) -> None:
    alice = register(client, "Alice")
    client.post(f"{V1}/auth/login", json={"email": alice.email, "password": "wrong"})
    client.get(f"{V1}/sessions", headers=alice.headers)
    kept = b" ".join(app.extensions["redis"].keys("ij:rate:*"))
    assert b"ij:rate:login:" in kept and b"ij:rate:read:" in kept
    assert not [told for told in (alice.email, alice.id, "127.0.0.1") if told.encode() in kept]
    assert all(app.extensions["redis"].ttl(key) > 0 for key in kept.split())


# -- Redis away ------------------------------------------------------------------------------------------------------


def test_without_redis_people_go_on_and_guessing_does_not(
    settings: Settings, client: FlaskClient, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    alice = register(client, "Alice")
    app = make(settings, f"unix://{tmp_path}/nobody.sock")
    alone = app.test_client()
    answers = [alone.get(f"{V1}/users/me", headers=alice.headers) for _ in range(9)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers
    alerts = [line for line in capfd.readouterr().err.splitlines() if "rate_limits_off" in line and "alert" in line]
    assert 1 <= len(alerts) < 9
    for path, body in (
        ("login", {"email": alice.email, "password": PASSWORD}),
        ("register", {"email": "b@example.com", "password": PASSWORD, "display_name": "Bob"}),
        ("refresh", {"refresh_token": alice.refresh_token}),
    ):
        answer = alone.post(f"{V1}/auth/{path}", json=body)
        assert (answer.status_code, answer.json["error"]["code"]) == (503, "limits_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert alone.post(f"{V1}/auth/logout", headers=alice.headers).status_code == 200  # to end a login is no guess
    close(app)


def test_counts_outlive_a_lost_connection(settings: Settings, tmp_path: Path) -> None:
    with engines.redis_server(tmp_path / "redis") as url:
        app = make(settings, url)
        client = app.test_client()
        assert left(client.get("/docs")) == 3
        with Redis.from_url(url) as admin:
            admin.client_kill_filter(_type="normal", skipme=True)  # connections die, as in a restart
        assert left(client.get("/docs")) == 2
        close(app)


# -- the table -------------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_table_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IJ_RATE_LIMITS", "read=many;write=0/minute;chat=3/hour;auth=1/fortnight;login=2/day;login=3/day")
    monkeypatch.setenv("IJ_PORT", "0")
    with pytest.raises(Invalid) as caught:
        Settings.from_env()
    for told in ("IJ_PORT", "IJ_RATE_LIMITS", "`read=many`", "`write`", "`chat`", "`fortnight`", "`login` is there twice"):
        assert told in caught.value.message


def test_the_default_lets_a_person_work(tmp_path: Path) -> None:
    rates = Settings(home=tmp_path).rates
    assert set(rates) == {"auth", "login", "public", "read", "write", "upload"}
    assert rates["read"].count >= 600 and rates["read"].seconds == 60
