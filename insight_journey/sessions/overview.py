"""Sessions as their owner sees them, a page of them or one: two statements, each built once, however many there are.

Columns and dicts instead of objects, for lists are what is asked for most.
"""

import functools
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis.base import KINDS
from insight_journey.crypto import Key
from insight_journey.errors import NotFound
from insight_journey.extensions import db
from insight_journey.sessions import care
from insight_journey.sessions.models import Identity, Media, MomentText, Run, Session
from insight_journey.sessions.service import SESSION

SESSIONS, MEDIA, RUNS, MOMENTS, IDENTITIES = (model.__table__ for model in (Session, Media, Run, MomentText, Identity))
SORTS = ("occurred_at", "created_at", "updated_at")
OF_SESSION = (
    "id",
    "journey_id",
    "occurred_at",
    "language",
    "speakers",
    "status",
    "created_at",
    "updated_at",
    "version",
    "sealed",
    "analysis_id",
    "care",
)
OF_MEDIA = ("kind", "media_type", "size", "seconds")
OF_RUN = (
    "id", "number", "status", "stage", "progress", "attempts", "waiting_for", "error_code", "error_message", "warnings", "report",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
MOMENT = "moment"
COUNTED = (MOMENT, *KINDS)


def list_sessions(
    user: User, offset: int, limit: int, *, journey_id: UUID | None = None, status: str | None = None, sort: str = "-occurred_at"
) -> tuple[list[dict[str, Any]], int]:
    """One page and how many there are in all, sorted by a name of SORTS, with `-` in front for newest first.

    Each is a dict: `id`, `title` in the clear, `media` and `latest_run` (None where there is none), `care` (whether she spoke of
    self-harm or crisis), `counts` of moments, always, and of distinct elements of each kind that there is, and the columns of
    OF_SESSION. Deleted meanwhile: left out.
    """
    query, count = _page(journey_id is not None, status is not None, sort)
    asked = {"user_id": user.id, "journey_id": journey_id, "status": status}
    rows = db.session.execute(query, {**asked, "offset": offset, "limit": limit}).all()
    total = rows[0][-1] if rows else db.session.scalar(count, asked) if offset else 0
    return _opened(user, rows), total or 0


def show(user: User, session_id: UUID) -> dict[str, Any]:
    """One of the user's sessions, as `list_sessions` gives it. Raises NotFound."""
    found = _opened(user, db.session.execute(ONE, {"user_id": user.id, "session_id": session_id}).all())
    if not found:
        raise NotFound("There is no such session.")
    return found[0]


def _opened(user: User, rows: Any) -> list[dict[str, Any]]:
    if not rows:
        return []
    keys = keystore.sessions_of(user.id, [row[0] for row in rows])
    return [_session(user, keys[row[0]], iter(row)) for row in rows if row[0] in keys]


def _session(user: User, key: Key, values: Any) -> dict[str, Any]:
    """A row's `values` as dicts; what the names leave over stays unread."""
    session, media, run, counts = (dict(zip(names, values)) for names in (OF_SESSION, OF_MEDIA, OF_RUN, COUNTED))  # noqa: B905
    session["title"] = key.open_text(SESSION, session["id"], session.pop("version"), session.pop("sealed"))
    session["care"] = care.is_shown(user, key, session.pop("analysis_id"), session["care"])
    session["media"] = media if media["kind"] else None
    session["latest_run"] = SimpleNamespace(session_id=session["id"], **run) if run["id"] else None
    session["counts"] = {name: count for name, count in counts.items() if count or name == MOMENT}
    return session


@functools.cache
def _page(by_journey: bool, by_status: bool, sort: str) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """(a page of sessions, each with the count of all as its last column; that count alone, which an empty page can't tell)."""
    mine = [SESSIONS.c.user_id == sa.bindparam("user_id")]
    mine += [SESSIONS.c.journey_id == sa.bindparam("journey_id")] if by_journey else []
    mine += [SESSIONS.c.status == sa.bindparam("status")] if by_status else []
    count = sa.select(sa.func.count()).select_from(SESSIONS).where(*mine)
    offset, limit = (sa.bindparam(name, type_=sa.Integer()) for name in ("offset", "limit"))
    page = _sorted(sa.select(*(SESSIONS.c[name] for name in OF_SESSION)).where(*mine), SESSIONS, sort)
    shown = page.offset(offset).limit(limit).subquery("page")
    return _sorted(_shown(shown).add_columns(count.scalar_subquery()), shown, sort), count


def _sorted(query: sa.Select[Any], columns: sa.FromClause, sort: str) -> sa.Select[Any]:
    by = (columns.c[sort.removeprefix("-")], columns.c.id)
    return query.order_by(*(column.desc() if sort.startswith("-") else column for column in by))


def _shown(sessions: sa.FromClause) -> sa.Select[Any]:
    """OF_SESSION, OF_MEDIA, OF_RUN of the newest run, COUNTED."""
    of_session = {table: table.c.session_id == sessions.c.id for table in (MEDIA, RUNS, MOMENTS, IDENTITIES)}
    others = RUNS.alias()
    newest = sa.select(sa.func.max(others.c.number)).where(others.c.session_id == sessions.c.id).scalar_subquery()
    joined = sessions.outerjoin(MEDIA, of_session[MEDIA]).outerjoin(RUNS, sa.and_(of_session[RUNS], RUNS.c.number == newest))
    elements = sa.select(sa.func.count(IDENTITIES.c.element_key.distinct())).where(of_session[IDENTITIES])
    moments = sa.select(sa.func.count()).select_from(MOMENTS).where(of_session[MOMENTS])
    counts = [moments, *(elements.where(IDENTITIES.c.kind == kind) for kind in KINDS)]
    named = ((sessions, OF_SESSION), (MEDIA, OF_MEDIA), (RUNS, OF_RUN))
    columns = [table.c[name] for table, names in named for name in names]
    return sa.select(*columns, *(count.scalar_subquery() for count in counts)).select_from(joined)


ONE = _shown(SESSIONS).where(SESSIONS.c.id == sa.bindparam("session_id"), SESSIONS.c.user_id == sa.bindparam("user_id"))
