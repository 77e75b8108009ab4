"""Errors of the product as one sentence on stderr and exit code 1, not as a traceback."""

from typing import Any

import click

from insight_journey.errors import InsightJourneyError


class Sentences(click.Group):
    """A group whose commands may raise the product's errors."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InsightJourneyError as error:
            raise click.ClickException(error.message) from error
