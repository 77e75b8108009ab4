"""`up`: the whole product as one supervised group of processes."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from insight_journey.cli.migrate import prepare_database
from insight_journey.embedded.endpoints import is_free, prepare
from insight_journey.embedded.files import private_folder
from insight_journey.errors import Conflict, EngineError, InsightJourneyError
from insight_journey.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of HTTP, instead of IJ_PORT.")
@click.option("--quiet", is_flag=True, help="Show the parts' output only when something went wrong.")
def up(port: int | None, quiet: bool) -> None:
    """Run everything in the foreground: engines, API, workers, clock. Ctrl-C ends it."""
    os.umask(0o077)
    try:
        _up({"port": port} if port else {}, quiet)
    except InsightJourneyError as error:
        raise click.ClickException(error.message) from error


def _up(overrides: dict[str, int], quiet: bool) -> None:
    from insight_journey.cli.stores import check_stores
    from insight_journey.cli.supervisor import supervise  # the supervisor is this command's alone

    settings = Settings.from_env(**overrides)
    private_folder(settings.home)
    with _only_one(settings.home):
        if not is_free(settings.port, settings.host):
            raise EngineError(f"Port {settings.port} of {settings.host} is taken: set IJ_PORT to another", code="port_taken")
        check_stores(settings)
        prepare(settings.home, graph=settings.embeds_graph, redis=settings.embeds_redis)
        settings = Settings.from_env(**overrides)
        prepare_database(settings)
        with tempfile.TemporaryDirectory(prefix="ij-") as folder:  # short: the path of a socket has little room
            problem = asyncio.run(supervise(settings, Path(folder), quiet=quiet))
    if problem:
        raise EngineError(problem, code="start_failed")


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Insight Journey is already running in {home}", code="already_running") from None
        yield
