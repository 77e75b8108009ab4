"""`run PART`: one part of the product as one process, under `up` or under a supervisor of the operator's own.

What a part needs is imported when it runs: an engine's process is up before the web stack would be imported.
"""

import gc
import logging
import os
import signal
import sys
from typing import NoReturn

import click

from insight_journey import logs
from insight_journey.cli.sentences import Sentences
from insight_journey.embedded.endpoints import is_free, port_of, prepare
from insight_journey.embedded.parent import die_with
from insight_journey.errors import EngineError
from insight_journey.settings import Settings, read_engines

GRACE_SECONDS = 5  # for requests and open sockets, when the API ends


@click.group(cls=Sentences)
@click.option("--parent", type=int, hidden=True, help="Process id of the supervisor: end when it is gone")
@click.pass_context
def run(context: click.Context, parent: int | None) -> None:
    """Run one part in the foreground."""
    os.umask(0o077)
    context.obj = parent
    if parent:
        die_with(parent)


@run.command()
@click.pass_obj
def graph(parent: int | None) -> None:
    """The embedded graph."""
    from insight_journey.embedded import arcadedb
    from insight_journey.embedded.waiting import ready_file

    settings = _settings()
    known = read_engines(settings.home) if parent else prepare(settings.home, redis=False)
    plan = arcadedb.Plan(settings.home / "graph", port_of(known["graph_url"]), known["graph_user"], known["graph_password"])
    arcadedb.serve(plan, ready_file(settings.home))


@run.command()
@click.pass_obj
def redis(parent: int | None) -> None:
    """The embedded Redis."""
    from insight_journey.embedded import redis as embedded

    settings = _settings()
    known = read_engines(settings.home) if parent else prepare(settings.home, graph=False)
    command = embedded.command(embedded.Plan(settings.home / "redis", known["redis_url"]))
    _become(*command)


@run.command()
@click.pass_obj
def api(parent: int | None) -> None:
    """The HTTP API and its sockets."""
    from insight_journey.embedded.waiting import wait_for_engines

    settings = _checked_settings(parent)
    if not is_free(settings.port, settings.host):
        raise EngineError(f"Port {settings.port} of {settings.host} is taken: set IJ_PORT to another", code="port_taken")
    wait_for_engines(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _become(
        *(sys.executable, "-m", "gunicorn", "--bind", f"{host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(settings.http_threads)),
        *("--graceful-timeout", str(GRACE_SECONDS), "--no-control-socket", "--log-level", "warning"),
        "insight_journey.app:create_server_app()",
    )


@run.command()
@click.argument("queues", nargs=-1, required=True, type=click.Choice(["media", "analysis"]))
@click.pass_obj
def worker(parent: int | None, queues: tuple[str, ...]) -> None:
    """A process that works on QUEUES, the first one first."""
    if parent:  # a worker that is told politely would finish its job, for hours maybe, with its engines gone
        die_with(parent, signal.SIGKILL)
    work(queues, _checked_settings(parent))


def work(queues: tuple[str, ...], settings: Settings | None = None) -> None:
    """Work on `queues` until SIGTERM, which the job at work hears too: it finishes, or hands its run back.

    Jobs run in forked children, which inherit the app and die with this process.
    """
    from redis import Redis

    from insight_journey.cli.worker import PoliteWorker, import_work
    from insight_journey.embedded.waiting import wait_for_engines
    from insight_journey.tasks import current_worker_app

    settings = settings or _checked_settings(None)
    wait_for_engines(settings)
    current_worker_app()
    import_work(settings, queues)
    gc.collect()
    gc.freeze()  # a child that collects garbage would write to, and so copy, what it shares with us
    pid = os.getpid()
    os.register_at_fork(after_in_child=lambda: die_with(pid, signal.SIGKILL) if os.getppid() == pid else None)
    PoliteWorker(
        list(queues),
        connection=Redis.from_url(settings.redis_url.get_secret_value()),
        serializer="json",
        worker_ttl=60,
        job_monitoring_interval=5,
        maintenance_interval=30,
        log_job_description=False,
    ).work(with_scheduler=True, logging_level="WARNING")


@run.command()
@click.pass_obj
def search(parent: int | None) -> None:
    """The process that searches: the text encoder, and in memory what is searched."""
    from insight_journey.embedded.waiting import wait_for_engines
    from insight_journey.sessions import searching
    from insight_journey.tasks import current_worker_app

    wait_for_engines(_checked_settings(parent))
    app = current_worker_app()
    desk = searching.desk(app)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: desk.ended.set())
    searching.serve(app, desk)


@run.command()
def cron() -> None:
    """The clock: sends the periodic jobs."""
    from insight_journey.cli.cron import run_cron
    from insight_journey.embedded.waiting import wait_for_engines

    settings = _settings()
    wait_for_engines(settings)
    run_cron(settings)


def _settings() -> Settings:
    settings = Settings.from_env()
    logs.configure(settings.log_level)
    logging.getLogger("rq").setLevel(logging.WARNING)  # it tells of every heartbeat
    return settings


def _checked_settings(parent: int | None) -> Settings:
    """Settings whose stores we may write to; under a supervisor of ours it has looked already."""
    from insight_journey.cli.stores import check_stores

    settings = _settings()
    if not parent:
        check_stores(settings)
    return settings


def _become(*command: str) -> NoReturn:
    """Turn this process into `command`: same pid, so that signals and the wish to die with the parent stay."""
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
