"""`migrate`: the database at the newest version, for who runs the parts one by one."""

import os

import click

from insight_journey.errors import EngineError
from insight_journey.settings import Settings


@click.command()
def migrate() -> None:
    """Bring the database to the newest version. One process at a time does so; others wait."""
    os.umask(0o077)
    prepare_database(Settings.from_env())


def prepare_database(settings: Settings) -> None:
    """Raises Conflict (`database_newer`), and EngineError (`database_unavailable`) where it can't be reached."""
    from sqlalchemy.exc import SQLAlchemyError

    from insight_journey.database import upgrade

    try:
        upgrade(settings)
    except SQLAlchemyError as error:
        raise EngineError(f"The database can't be prepared ({type(error).__name__}): is it there?", code="database_unavailable") from error
