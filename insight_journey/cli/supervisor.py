"""Which processes the product is made of. Circus starts and watches them; the order of the end and the reasons are ours."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from circus.arbiter import Arbiter
from circus.exc import ConflictError
from circus.watcher import Watcher
from tornado.ioloop import IOLoop

from insight_journey.cli.output import Prefixed
from insight_journey.settings import Settings

API_TRIES = 5
API_SECONDS = 120
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class Part:
    """One process of the product: `insight-journey run ARGS`.

    `grace`: seconds between the polite and the rude end. `engine`: others need it, so it starts first and ends last.
    """

    name: str
    args: tuple[str, ...]
    grace: float
    engine: bool = False


@dataclass
class State:
    """What happened so far."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    api_ends: int = 0
    problem: str = ""

    def fail(self, problem: str) -> None:
        self.problem = problem
        self.stopping.set()


class CleanWatcher(Watcher):  # type: ignore[misc] # circus has no types
    """Circus forgets to stop listening to the output of a process that ended by itself; once the number of its pipe is
    used again, nothing could be started any more.
    """

    def reap_process(self, pid: int, status: int | None = None) -> None:
        process = self.processes.get(pid)
        pipes = self.stream_redirector.get_process_pipes(process) if process and self.stream_redirector else ()
        numbers = [pipe.fileno() for _, pipe in pipes if not pipe.closed]
        super().reap_process(pid, status)
        if pid not in self.processes:
            for number in numbers:
                self.stream_redirector.remove_fd(number)


def parts(settings: Settings) -> list[Part]:
    """What belongs to this installation. An engine that the settings name is somebody else's to run."""
    engines = [
        *([Part("redis", ("redis",), 5, engine=True)] if settings.embeds_redis else []),
        *([Part("graph", ("graph",), 12, engine=True)] if settings.embeds_graph else []),
    ]
    workers = [
        Part(f"worker-{queue}{f'-{number}' if number > 1 else ''}", ("worker", queue), 15)
        for queue, count in (("media", settings.media_workers), ("analysis", settings.analysis_workers))
        for number in range(1, count + 1)
    ]
    return [*engines, Part("api", ("api",), 8), *workers, Part("search", ("search",), 5), Part("cron", ("cron",), 3)]


async def supervise(settings: Settings, folder: Path, *, quiet: bool = False) -> str:
    """Run all parts until a signal or a failure; returns the failure, if any. `folder`: empty, private, with a short path."""
    state = State()
    chosen = parts(settings)
    width = max(len(part.name) for part in chosen)
    outputs = {part.name: Prefixed(part.name, width, quiet=quiet) for part in chosen}
    watchers = {part.name: _watcher(part, settings, outputs[part.name], state) for part in chosen}
    arbiter = Arbiter(list(watchers.values()), f"ipc://{folder}/control", f"ipc://{folder}/events", loop=IOLoop.current())
    for signum in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signum, state.stopping.set)
    watching = asyncio.create_task(_see_api_up(settings, state, Prefixed("up", width)))
    await arbiter.start()
    await state.stopping.wait()
    watching.cancel()
    await _stop(arbiter, [watchers[part.name] for part in chosen if not part.engine])
    if state.problem:
        for output in outputs.values():
            output.show()
    return state.problem


async def _stop(arbiter: Arbiter, first: list[Watcher]) -> None:
    arbiter.ctrl.caller.stop()  # nothing is to be started again; circus would try, and complain
    await _when_free(partial(arbiter.stop_watchers, watcher_iter_func=lambda reverse=True: first))
    await _when_free(arbiter.stop)


def _watcher(part: Part, settings: Settings, output: Prefixed, state: State) -> Watcher:
    def ended(watcher: Watcher, exit_code: int | None, **_: Any) -> bool:
        if not state.stopping.is_set():
            output.say(f"ended ({_reason(exit_code)}), starting again")
            state.api_ends += part.name == "api"
        return True

    command = [sys.executable, "-m", "insight_journey.cli", "run", "--parent", str(os.getpid()), *part.args]
    return CleanWatcher(
        part.name,
        shlex.join(command),
        priority=2 if part.engine else 1,
        graceful_timeout=part.grace,
        stdout_stream={"stream": output},
        stderr_stream={"stream": output},
        copy_env=True,
        env={"PYTHONUNBUFFERED": "1", "IJ_PORT": str(settings.port)},
        hooks={"after_reap": (ended, True)},
    )


def _reason(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


async def _when_free(command: Callable[[], Any]) -> None:
    """Circus refuses a command while it does something else; that takes moments."""
    while True:
        try:
            await command()
        except ConflictError:
            await asyncio.sleep(0.05)
        else:
            return


async def _see_api_up(settings: Settings, state: State, output: Prefixed) -> None:
    """Say so when the API answers; give up when it never does."""
    for _ in range(API_SECONDS * 2):
        if await _healthy(settings):
            output.say(f"ready: http://{settings.host}:{settings.port}/docs")
            return
        if state.api_ends >= API_TRIES:
            break
        await asyncio.sleep(0.5)
    state.fail("The API did not start; the lines above say why")


async def _healthy(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    try:
        reader, writer = await asyncio.open_connection(host, settings.port)
        try:
            writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            status = await asyncio.wait_for(reader.readline(), 5)
        finally:
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
