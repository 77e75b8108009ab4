"""Search as a person meets it: the search process says which moments and mentions, SQL has the words, each checked to be hers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis.base import CODED_KINDS
from insight_journey.errors import NotFound
from insight_journey.extensions import db
from insight_journey.graph.elements import name_of
from insight_journey.search import index, line
from insight_journey.sessions import reading
from insight_journey.sessions.models import MomentText, Session
from insight_journey.sessions.reading import MomentView


@dataclass(frozen=True)
class Scope:
    """Which of the answers are wanted: of a kind of index.KINDS, said from `since` up to before `until`, and which page."""

    kind: str | None
    since: datetime | None
    until: datetime | None
    offset: int
    limit: int


@dataclass(frozen=True)
class Found:
    """A page of results, how many there are, and what could be looked at.

    `by`: meaning and words, or words alone. `words_only`: sessions found by words alone; `not_indexed`: sessions not found at all.
    """

    results: list[dict[str, Any]]
    total: int
    by: list[str]
    words_only: int
    not_indexed: int


def search(user: User, text: str, scope: Scope) -> Found:
    """What of the person's own words answers a text best. Raises EngineError (`search_unavailable`)."""
    return _found(user, scope, q=text, like=None)


def similar(user: User, moment_id: UUID, scope: Scope) -> Found:
    """What is most like a moment. Raises NotFound, also for somebody else's, and EngineError (`search_unavailable`)."""
    mine = sa.select(MomentText.id).join(Session, Session.id == MomentText.session_id)
    if db.session.scalar(mine.where(MomentText.id == moment_id, Session.user_id == user.id)) is None:
        raise NotFound("There is no such moment.")
    return _found(user, scope, q=None, like=str(moment_id))


def sign_of_life(seconds: float) -> dict[str, Any]:
    """What the search process says of itself. Raises EngineError."""
    return _ask({}, seconds)


def _found(user: User, scope: Scope, **asked: str | None) -> Found:
    since, until = (moment.timestamp() if moment else None for moment in (scope.since, scope.until))
    wanted = {"kind": scope.kind, "since": since, "until": until, "offset": scope.offset, "limit": scope.limit}
    db.session.rollback()  # no transaction stays open while the answer is waited for
    answer = _ask({"user": str(user.id), **wanted, **asked}, line.SECONDS)
    moments = reading.moments_by_id(user, [UUID(hit["moment_id"]) for hit in answer["hits"]])
    results = [_result(hit, moments[hit["moment_id"]]) for hit in answer["hits"] if hit["moment_id"] in moments]
    return Found(results, answer["total"], answer["by"], answer["words_only"], answer["not_indexed"])


def _ask(question: dict[str, Any], seconds: float) -> dict[str, Any]:
    key = line.line_key(keystore.master.derive("search"))
    return line.ask(current_app.extensions["redis"], key, question, seconds)


def _result(hit: dict[str, Any], moment: MomentView) -> dict[str, Any]:
    """A hit with its words, cut from its moment as it is now."""
    start, end = hit.pop("span")
    category, wording, kind = hit.pop("code"), hit.pop("wording"), hit["kind"]
    code = category if kind in CODED_KINDS else None
    return {
        **hit, "session_id": moment.session_id, "occurred_at": datetime.fromisoformat(hit["occurred_at"]),
        "code": code, "category": category, "name": name_of(kind, code), "text": moment.text if kind == index.MOMENT else wording,
        "quote": moment.text[start:end], "quote_start": start, "quote_end": end, "speaker": moment.speaker,
    }  # fmt: skip
