"""`alive`: what a container's health check asks about the part that runs beside it."""

import socket
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

import click
from redis import Redis, RedisError

from insight_journey.errors import EngineError
from insight_journey.settings import Settings

FRESH_SECONDS = 120  # an idle worker and the clock give a sign of life at least each minute


@click.command()
@click.argument("part", type=click.Choice(["api", "worker", "search", "cron"]))
def alive(part: str) -> None:
    """End with exit code 1 unless PART runs on this host and gave a sign of life lately."""
    settings = Settings.from_env()
    try:
        lives = PARTS[part](settings)
    except (OSError, RedisError):
        lives = False
    if not lives:
        raise EngineError(f"There is no sign of life of {part} on this host.", code="no_life")


def _api(settings: Settings) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=5) as answer:  # noqa: S310 - ours
        return bool(answer.status == 200)


def _worker(settings: Settings) -> bool:
    from rq import Worker

    workers = Worker.all(connection=_redis(settings), serializer="json")
    return any(worker.hostname == socket.gethostname() and _is_fresh(worker.last_heartbeat) for worker in workers)


def _search(settings: Settings) -> bool:
    from insight_journey.search.line import ALIVE

    return bool(_redis(settings).exists(f"{ALIVE}:{socket.gethostname()}"))


def _cron(settings: Settings) -> bool:
    from rq.cron import CronScheduler

    clocks = CronScheduler.all(_redis(settings), cleanup=False)
    return any(clock.hostname == socket.gethostname() and _is_fresh(clock.last_heartbeat) for clock in clocks)


def _redis(settings: Settings) -> Redis:
    return Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=2, socket_timeout=5)


def _is_fresh(beat: datetime | None) -> bool:
    if beat is None:
        return False
    aware = beat if beat.tzinfo else beat.replace(tzinfo=UTC)
    return datetime.now(UTC).timestamp() - aware.timestamp() < FRESH_SECONDS


PARTS: dict[str, Callable[[Settings], bool]] = {"api": _api, "worker": _worker, "search": _search, "cron": _cron}
