"""The command line: one group a file; each parses, calls, prints. The same commands are there as `insight-journey X` and `flask X`.

A new group is a line in `COMMANDS`. A command's module is imported when it is called, so that an engine's process
does not carry the web stack.
"""

import importlib
from typing import TYPE_CHECKING

import click

from insight_journey.cli.sentences import Sentences

if TYPE_CHECKING:
    from flask import Flask

COMMANDS = {
    "alive": "insight_journey.cli.alive:alive",
    "demo": "insight_journey.cli.demo:demo",
    "graph": "insight_journey.cli.graph:graph",
    "migrate": "insight_journey.cli.migrate:migrate",
    "run": "insight_journey.cli.run:run",
    "search": "insight_journey.cli.search:search",
    "up": "insight_journey.cli.up:up",
}


class Commands(Sentences):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=Commands)
@click.version_option(package_name="insight-journey")
def main() -> None:
    """Insight Journey: reflections become one evidence graph."""


def init_app(app: "Flask") -> None:
    """Put the commands under `flask`, too. Flask's own `run` hides ours there: `insight-journey run` is the way to it."""
    app.cli = Commands(app.name, commands=dict(app.cli.commands))
