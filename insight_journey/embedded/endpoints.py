"""Where the embedded engines listen, and their passwords: `engines.json` under the home folder, 0600."""

import fcntl
import json
import random
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from insight_journey.embedded.files import private_folder, write_private
from insight_journey.errors import EngineError
from insight_journey.settings import ENGINES_FILE, read_engines

LOOPBACK = "127.0.0.1"
# Below every system's ephemeral range: a client that keeps knocking at a closed ephemeral port can end up connected to itself.
_PORTS = range(20000, 32000)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether something could listen on `host`:`port` now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that nothing listens on. Raises EngineError when none is found."""
    for port in random.sample(_PORTS, 200):
        if is_free(port):
            return port
    raise EngineError("No free port was found on this machine", code="no_port")


def port_of(url: str) -> int:
    """The port in a URL. Raises EngineError when it has none."""
    port = urlsplit(url).port
    if port is None:
        raise EngineError("An engine's address has no port", code="bad_engines_file")
    return port


def prepare(home: Path, *, graph: bool = True, redis: bool = True) -> dict[str, str]:
    """Addresses and passwords of the engines about to start, written to engines.json; see `settings.read_engines`.

    `graph` and `redis` say which of them are about to start: passwords and ports of earlier runs are kept, but a
    port that was taken meanwhile is chosen again. Do not ask for an engine that is running: its own port looks taken.
    """
    private_folder(home)
    with _locked(home):
        engines = read_engines(home)
        if graph:
            engines |= _graph(engines)
        if redis:
            engines |= _redis(engines)
        write_private(home / ENGINES_FILE, json.dumps(engines, indent=2))
    return engines


def _graph(known: dict[str, str]) -> dict[str, str]:
    return {
        "graph_url": f"bolt://{LOOPBACK}:{_kept_port(known.get('graph_url'))}",
        "graph_user": "journey_app",
        "graph_password": known.get("graph_password") or secrets.token_urlsafe(24),
        "graph_database": "journey",
    }


def _redis(known: dict[str, str]) -> dict[str, str]:
    url = known.get("redis_url", "")
    password = urlsplit(url).password or secrets.token_urlsafe(24)
    return {"redis_url": f"redis://:{password}@{LOOPBACK}:{_kept_port(url)}/0"}


def _kept_port(url: str | None) -> int:
    if url and is_free(port_of(url)):
        return port_of(url)
    return free_port()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / f".{ENGINES_FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
