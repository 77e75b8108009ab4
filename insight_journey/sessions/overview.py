"""Sessions as their owner sees them, a page of them or one: a constant number of statements, each built once.

Columns instead of objects where nothing is changed: lists are what is asked for most.
"""

import functools
from dataclasses import dataclass
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
from insight_journey.sessions.models import Identity, Media, MomentText, Run, Session
from insight_journey.sessions.service import SESSION

SORTS = {
    "occurred_at": (Session.occurred_at, Session.id),
    "created_at": (Session.created_at, Session.id),
    "updated_at": (Session.updated_at, Session.id),
}
RUN = (
    "id", "session_id", "number", "status", "stage", "progress", "attempts", "waiting_for", "error_code", "error_message", "warnings",
    "report", "created_at", "started_at", "finished_at",
)  # fmt: skip
MEDIA = ("kind", "media_type", "size", "seconds")
MOMENT = "moment"
COUNTED = (MOMENT, *KINDS)


@dataclass(frozen=True)
class SessionView:
    """A session as its owner sees it: the row, its title in the clear, what is shown of its latest run and media, and counts.

    `counts`: moments, always, and distinct elements of each kind that there is.
    """

    row: Session
    title: str
    latest_run: SimpleNamespace | None
    media: SimpleNamespace | None
    counts: dict[str, int]


def list_sessions(
    user: User, offset: int, limit: int, *, journey_id: UUID | None = None, status: str | None = None, sort: str = "-occurred_at"
) -> tuple[list[SessionView], int]:
    """One page and how many there are on all, sorted by a name of SORTS, with `-` in front for newest first."""
    query, count = _page_of(journey_id is not None, status is not None, sort)
    asked = {"user_id": user.id, "journey_id": journey_id, "status": status}
    found = db.session.execute(query, {**asked, "offset": offset, "limit": limit}).all()
    total = found[0].total if found else db.session.scalar(count, asked) if offset else 0
    return views(user, [row.Session for row in found]), total or 0


@functools.cache
def _page_of(by_journey: bool, by_status: bool, sort: str) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """(a page of sessions, each with the `total`; the total alone, which a page without rows does not tell)."""
    mine = [Session.user_id == sa.bindparam("user_id")]
    mine += [Session.journey_id == sa.bindparam("journey_id")] if by_journey else []
    mine += [Session.status == sa.bindparam("status")] if by_status else []
    count = sa.select(sa.func.count()).select_from(Session).where(*mine)
    page = sa.select(Session, count.correlate(None).scalar_subquery().label("total")).where(*mine)
    order = [c.desc() if sort.startswith("-") else c.asc() for c in SORTS[sort.removeprefix("-")]]
    limits = (sa.bindparam(name, type_=sa.Integer()) for name in ("offset", "limit"))
    return page.order_by(*order).offset(next(limits)).limit(next(limits)), count


def view(user: User, row: Session) -> SessionView:
    """Raises NotFound where it is deleted meanwhile."""
    found = views(user, [row])
    if not found:
        raise NotFound("There is no such session.")
    return found[0]


def views(user: User, rows: list[Session]) -> list[SessionView]:
    """What is shown of sessions; those that are deleted meanwhile are left out."""
    ids = [row.id for row in rows]
    keys = keystore.sessions_of(user.id, ids)
    shown = {found[0]: found for found in db.session.execute(SHOWN, {"ids": ids})} if ids else {}
    return [_view(row, keys[row.id], *shown[row.id]) for row in rows if row.id in keys and row.id in shown]


def _view(row: Session, key: Key, session_id: UUID, *values: Any) -> SessionView:
    media, run, counts = values[: len(MEDIA)], values[len(MEDIA) : len(MEDIA) + len(RUN)], values[len(MEDIA) + len(RUN) :]
    return SessionView(
        row, key.open_text(SESSION, session_id, row.version, row.sealed),
        SimpleNamespace(**dict(zip(RUN, run, strict=True))) if run[0] else None,
        SimpleNamespace(**dict(zip(MEDIA, media, strict=True))) if media[0] else None,
        {name: count for name, count in zip(COUNTED, counts, strict=True) if count or name == MOMENT},
    )  # fmt: skip


def _shown() -> sa.Select[Any]:
    """(session's id, MEDIA, RUN of its newest run, COUNTED) of the sessions `ids`."""
    sessions, media, runs, moments, identities = (model.__table__ for model in (Session, Media, Run, MomentText, Identity))
    others = runs.alias()
    newest = sa.select(sa.func.max(others.c.number)).where(others.c.session_id == sessions.c.id).scalar_subquery()
    elements = sa.select(sa.func.count(identities.c.element_key.distinct())).where(identities.c.session_id == sessions.c.id)
    counts = [
        sa.select(sa.func.count()).select_from(moments).where(moments.c.session_id == sessions.c.id),
        *(elements.where(identities.c.kind == kind) for kind in KINDS),
    ]
    joined = sessions.outerjoin(media, media.c.session_id == sessions.c.id)
    joined = joined.outerjoin(runs, sa.and_(runs.c.session_id == sessions.c.id, runs.c.number == newest))
    columns = [*(media.c[name] for name in MEDIA), *(runs.c[name] for name in RUN), *(count.scalar_subquery() for count in counts)]
    return sa.select(sessions.c.id, *columns).select_from(joined).where(sessions.c.id.in_(sa.bindparam("ids", expanding=True)))


SHOWN = _shown()
