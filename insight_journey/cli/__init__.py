"""The command line: one group a file; each parses, calls, prints. The same commands are there as `insight-journey X` and `flask X`.

A new group is a line in `COMMANDS`.
"""

from typing import Any

import click
from flask import Flask

from insight_journey.cli.run import run
from insight_journey.cli.sentences import Sentences
from insight_journey.cli.up import up


@click.group(cls=Sentences)
@click.version_option(package_name="insight-journey")
def main() -> None:
    """Insight Journey: reflections become one evidence graph."""


COMMANDS: tuple[click.Command, ...] = (run, up)
for _command in COMMANDS:
    main.add_command(_command)


def init_app(app: Flask) -> None:
    """Register the commands under `flask`, too. Flask has a `run` of its own: ours is `run-part` there."""
    names: dict[Any, str] = {"run": "run-part"}
    for command in COMMANDS:
        app.cli.add_command(command, names.get(command.name, command.name))
