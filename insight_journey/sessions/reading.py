"""Reading back: transcripts, moments, elements and graphs. Elements come from the graph, their words from SQL."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis.base import Kind
from insight_journey.crypto import Key
from insight_journey.errors import GraphUnavailable, NotFound
from insight_journey.extensions import db
from insight_journey.graph import views
from insight_journey.graph.elements import ElementMention, GraphView, mentions_expected
from insight_journey.sessions import documents, relay, service
from insight_journey.sessions.models import MomentText, Session, StaleMark
from insight_journey.sessions.stages import MOMENT
from insight_journey.sessions.truth import read_truth
from insight_journey.transcription.base import Transcript


@dataclass(frozen=True)
class MomentView:
    """A moment in the clear, with the elements found in it."""

    id: UUID
    session_id: UUID
    position: int
    role: str
    speaker: str | None
    start: float | None
    end: float | None
    text: str
    care: bool
    withheld: bool
    elements: tuple[dict[str, Any], ...] = ()


def transcript_of(session: Session) -> Transcript:
    """Raises NotFound while there is none."""
    if session.transcript_id is None:
        raise NotFound("This session has no transcript yet.", code="no_transcript")
    return documents.read_transcript(service.session_key(session), session.transcript_id)


def moments_of(user: User, session: Session, offset: int, limit: int) -> tuple[list[MomentView], int]:
    """A page of a session's moments in order, each with its elements."""
    query = sa.select(MomentText).where(MomentText.session_id == session.id)
    total = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = list(db.session.scalars(query.order_by(MomentText.position).offset(offset).limit(limit)))
    moments = _open(keystore.user(user.id), rows)
    found = defaultdict(list)
    for element in _with_words(_mentions(user, session), moments):
        found[element["moment_id"]].append(element)
    return [MomentView(**{**vars(m), "elements": tuple(found[str(m.id)])}) for m in moments.values()], total


def moments_by_id(user: User, ids: list[UUID]) -> dict[str, MomentView]:
    """Those of the moments that are the person's, without their elements."""
    rows = sa.select(MomentText).join(Session, Session.id == MomentText.session_id)
    mine = rows.where(Session.user_id == user.id, MomentText.id.in_(ids))
    return _open(keystore.user(user.id), list(db.session.scalars(mine)))


def session_elements(user: User, session: Session, kind: Kind | None, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """A page of a session's mentions, in the order they were said."""
    key = keystore.user(user.id)
    mentions = _mentions(user, session, kind)
    page = mentions[offset : offset + limit]
    return _with_words(page, _moments(key, page)), len(mentions)


def elements(
    user: User, kind: Kind | None, since: datetime | None, until: datetime | None, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """A page of all a person's mentions, newest first."""
    key = keystore.user(user.id)
    hidden = _hidden(user, key)
    mentions, total = views.mentions(_graph(), key, kind=kind, since=since, until=until, skip=offset, limit=limit, hidden=hidden)
    return _with_words(mentions, _moments(key, mentions)), total


def session_graph(user: User, session: Session) -> GraphView:
    key = keystore.user(user.id)
    return views.session_graph(_graph(), key, session.id, hidden=_hidden(user, key))


def summary(user: User, since: datetime | None, until: datetime | None) -> GraphView:
    """A person's elements over a period, how often and with what, for drawing."""
    key = keystore.user(user.id)
    return views.summary(_graph(), key, since, until, hidden=_hidden(user, key))


def _mentions(user: User, session: Session, kind: Kind | None = None) -> list[ElementMention]:
    """From the graph; from the sealed analysis while the graph is away or has not caught up with it."""
    key = keystore.user(user.id)
    if not relay.is_stale(session.id):
        with suppress(GraphUnavailable):
            return views.session_mentions(_graph(), key, session.id, kind, hidden=_hidden(user, key))
    return mentions_expected(key, read_truth(key, session), kind)


def _graph() -> Any:
    return current_app.extensions["graph"]


def _hidden(user: User, key: Key) -> list[str]:
    """Graph ids of sessions that are gone but still in the graph: no read may show them."""
    gone = sa.select(StaleMark.session_id).where(StaleMark.user_id == user.id)
    gone = gone.where(~sa.exists().where(Session.id == StaleMark.session_id))
    return [key.graph_id("session", str(session_id)) for session_id in db.session.scalars(gone)]


def _moments(key: Key, mentions: list[ElementMention]) -> dict[str, MomentView]:
    ids = {UUID(mention.moment_id) for mention in mentions}
    return _open(key, list(db.session.scalars(sa.select(MomentText).where(MomentText.id.in_(ids)))))


def _open(key: Key, rows: list[MomentText]) -> dict[str, MomentView]:
    keys = keystore.sessions(key, {row.session_id for row in rows})
    return {str(row.id): _open_row(keys[row.session_id], row) for row in rows if row.session_id in keys}


def _open_row(key: Key, row: MomentText) -> MomentView:
    words = key.open_json(MOMENT, row.id, row.version, row.sealed)
    care, withheld = bool(words.get("care")), bool(words.get("withheld"))
    place = (row.id, row.session_id, row.position, row.role, words["speaker"], row.start, row.end)
    return MomentView(*place, words["text"], care, withheld)


def _with_words(mentions: list[ElementMention], moments: dict[str, MomentView]) -> list[dict[str, Any]]:
    """Mentions as the API gives them, each with its quote cut from its moment; those without a moment in SQL are gone."""
    return [_element(mention, moments[mention.moment_id]) for mention in mentions if mention.moment_id in moments]


def _element(mention: ElementMention, moment: MomentView) -> dict[str, Any]:
    start, end = mention.span_start, mention.span_end
    return {
        "id": mention.id, "element_id": mention.element_id, "kind": mention.kind, "code": mention.code,
        "category": mention.category, "name": mention.name, "text": mention.text,
        "wording": mention.wording, "quote": moment.text[start:end],
        "quote_start": start, "quote_end": end, "session_id": moment.session_id, "moment_id": mention.moment_id,
        "start": mention.start, "end": mention.end, "confidence": mention.confidence, "engine": mention.engine,
        "intensity": mention.intensity, "stance": mention.stance, "severity": mention.severity,
        "due_on": mention.due_on, "status": mention.status,
    }  # fmt: skip
