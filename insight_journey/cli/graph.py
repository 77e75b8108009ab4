"""`graph`: is it true, make it anew, and what could not be written."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from insight_journey.cli.sentences import Sentences
from insight_journey.errors import Conflict, EngineError, NotFound

if TYPE_CHECKING:
    from insight_journey.accounts.models import User

T = TypeVar("T")
PATIENCE_SECONDS = 60.0  # for a relay at work on the same person

of_user = click.option("--user", "who", metavar="EMAIL|ID", help="One person; all without it")


def in_app(command: Callable[..., T]) -> Callable[..., T]:
    """Run a command inside an app."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with _app_context():
                return command(*args, **options)
        except SQLAlchemyError as error:
            sentence = "The database can't be reached or is not ready: has `insight-journey up` run here?"
            raise EngineError(sentence, code="database_unavailable") from error

    return run


@click.group(cls=Sentences)
def graph() -> None:
    """Look after the graph: compare, rebuild, retry."""


@graph.command()
@of_user
@click.pass_context
@in_app
def verify(context: click.Context, who: str | None) -> None:
    """Compare SQL, the sealed analyses and the graph, and print each difference: user, session, store, what, which.

    Ends with 1 where there are any. Prints ids, never words.
    """
    from insight_journey.sessions import verification

    people = differences = 0
    for user in users(who):
        user_id = user.id
        people += 1
        for found in _patiently(lambda user_id=user_id: verification.verify(user_id)):  # type: ignore[misc]
            differences += 1
            click.echo(f"{user_id} {found.session or '-'} {found.store} {found.what} {found.thing}")
    click.echo(f"{differences} differences in {people} graphs", err=True)
    if differences:
        context.exit(1)


@graph.command()
@of_user
@click.option("--yes", is_flag=True, help="Do not ask")
@in_app
def rebuild(who: str | None, yes: bool) -> None:
    """Drop a person's graph, or each one, and make it again from the sealed analyses.

    Until a person's graph is there again, reads of it show less than there is.
    """
    from insight_journey.extensions import db
    from insight_journey.sessions import relay

    user_ids = [user.id for user in users(who)]
    if not yes:
        click.confirm(f"Drop and rebuild {len(user_ids)} graphs?", abort=True)
    for user_id in user_ids:
        relay.mark_person_stale(user_id)
        db.session.commit()
        _work_off(user_id)
        click.echo(f"{user_id} rebuilt")
    _say_what_failed()


@graph.command()
@of_user
@in_app
def failed(who: str | None) -> None:
    """List what could not be written and was set aside: user, session, code, attempts, since when."""
    from insight_journey.sessions import relay

    for mark in relay.set_aside(_only(who)):
        since = mark.set_aside_at.isoformat(timespec="seconds") if mark.set_aside_at else "-"
        click.echo(f"{mark.user_id} {mark.session_id} {mark.error_code} {mark.attempts} {since}")


@graph.command()
@of_user
@in_app
def retry(who: str | None) -> None:
    """Try again what was set aside."""
    from insight_journey.extensions import db
    from insight_journey.sessions import relay

    marks = relay.set_aside(_only(who))
    for mark in marks:
        relay.retry(mark)
    user_ids = {mark.user_id for mark in marks}
    db.session.commit()
    for user_id in sorted(user_ids):
        _work_off(user_id)
    click.echo(f"{len(marks)} tried again")
    _say_what_failed()


def _work_off(user_id: UUID) -> None:
    from insight_journey.sessions import relay

    def once() -> None:
        if not relay.reconcile(user_id):
            raise Conflict("This person's graph is being written right now.", code="relay_busy")

    _patiently(once)


def _say_what_failed() -> None:
    """Raises EngineError where something could not be written."""
    import sqlalchemy as sa

    from insight_journey.extensions import db
    from insight_journey.sessions.models import StaleMark

    left = db.session.scalar(sa.select(sa.func.count()).where(StaleMark.error_code.is_not(None))) or 0
    if left:
        raise EngineError(f"{left} sessions could not be written. `graph failed` lists those that were set aside.", code="graph_incomplete")


def _patiently(work: Callable[[], T]) -> T:
    """Do it once no relay is at work on the same person."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except Conflict as error:
            if error.code != "relay_busy" or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def users(who: str | None) -> Iterator["User"]:
    """One, or all by id. Raises NotFound."""
    import sqlalchemy as sa

    from insight_journey.accounts.models import User
    from insight_journey.extensions import db

    if who is None:
        ids = list(db.session.scalars(sa.select(User.id).order_by(User.id)))
        yield from (user for user_id in ids if (user := db.session.get(User, user_id)))
    else:
        yield _user(who)


def _only(who: str | None) -> UUID | None:
    return _user(who).id if who else None


def _user(who: str) -> "User":
    from insight_journey.accounts import service
    from insight_journey.accounts.models import User
    from insight_journey.extensions import db

    try:
        user = db.session.get(User, UUID(who))
    except ValueError:
        user = service.find_by_email(who)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _app_context() -> AbstractContextManager[Any]:
    """The app at hand (under `flask`), or one of the environment's settings."""
    from flask import has_app_context

    from insight_journey.cli.stores import check_stores
    from insight_journey.tasks import current_worker_app

    if has_app_context():
        return nullcontext()
    app = current_worker_app()
    check_stores(app.extensions["settings"])
    context: AbstractContextManager[Any] = app.app_context()
    return context
