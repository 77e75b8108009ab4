"""Waiting for engines: whoever needs them waits a bounded while at its start, then goes on and copes."""

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from insight_journey.embedded import redis
from insight_journey.settings import Settings

BOLT_PORT = 7687
log = structlog.get_logger()


def ready_file(home: Path) -> Path:
    """Exists while the embedded graph takes its user's queries. Bolt opens earlier, and logins refused then would lock the user out."""
    return home / "graph" / "ready"


def wait_for_engines(settings: Settings, seconds: float = 30) -> bool:
    """Return when Redis and the graph answer, or after `seconds`; says whether all do."""
    deadline = time.monotonic() + seconds
    told = False
    while missing := missing_engines(settings):
        if time.monotonic() > deadline:
            log.warning("going_on_without_engines", engines=missing)
            return False
        if not told:
            log.info("waiting_for_engines", engines=missing)
            told = True
        time.sleep(0.1)
    return True


def missing_engines(settings: Settings) -> list[str]:
    """Which of `redis` and `graph` do not answer now."""
    answers = {"redis": redis.answers(settings.redis_url.get_secret_value()), "graph": _graph_answers(settings)}
    return [name for name, there in answers.items() if not there]


def _graph_answers(settings: Settings) -> bool:
    if settings.embeds_graph and not ready_file(settings.home).exists():
        return False
    address = urlsplit(settings.graph_url)
    try:
        socket.create_connection((address.hostname or "", address.port or BOLT_PORT), timeout=2).close()
    except OSError:
        return False
    return True
