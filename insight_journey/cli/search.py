"""`search`: indexes of sessions that have none, or one of another encoder."""

import click

from insight_journey.cli.graph import in_app, of_user, users
from insight_journey.cli.sentences import Sentences
from insight_journey.errors import InsightJourneyError


@click.group(cls=Sentences)
def search() -> None:
    """Look after what search looks into."""


@search.command()
@of_user
@click.option("--all", "everything", is_flag=True, help="Those too that are as they should be")
@in_app
def reindex(who: str | None, everything: bool) -> None:
    """Make the indexes that are missing, damaged or of another encoder, from the sealed analyses.

    Prints user and session of each that could not be made, and ends with 1 where there are any. Safe beside a running product.
    """
    from insight_journey.extensions import db
    from insight_journey.sessions import indexing

    made = failed = 0
    for user in users(who):
        for session_id in indexing.wanting(user.id, everything=everything):
            try:
                made += indexing.remake(user.id, session_id)
                db.session.commit()
            except InsightJourneyError as error:
                db.session.rollback()
                failed += 1
                click.echo(f"{user.id} {session_id} {error.code}")
    click.echo(f"{made} sessions indexed, {failed} failed", err=True)
    if failed:
        raise click.exceptions.Exit(1)
