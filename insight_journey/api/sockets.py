"""Socket.IO: who may subscribe, and what a subscriber gets at connect. Events themselves are events.py's."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, current_app, request
from flask_socketio import ConnectionRefusedError

from insight_journey import events
from insight_journey.accounts import tokens
from insight_journey.accounts.models import TokenFamily
from insight_journey.errors import Unauthenticated
from insight_journey.events import NAMESPACE, Subscriber, feed
from insight_journey.extensions import db, socketio
from insight_journey.sessions.models import RUNNING, Run


def init_app(app: Flask) -> None:
    """WebSocket only (several processes need no stickiness), same origin unless the settings name others."""
    settings = app.extensions["settings"]
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    socketio.init_app(
        app, async_mode="threading", transports=["websocket"], cors_allowed_origins=origins or None,
        max_http_buffer_size=64_000, ping_interval=25, ping_timeout=20,
    )  # fmt: skip
    socketio.on_event("connect", connect, namespace=NAMESPACE)
    socketio.on_event("disconnect", disconnect, namespace=NAMESPACE)


def connect(auth: Any = None) -> None:
    """`auth`: {token, last_sequence?}. With `last_sequence` all facts after it are sent first, then what is running."""
    if len(feed.subscribers) >= current_app.extensions["settings"].max_sockets:
        raise ConnectionRefusedError("too_many_sockets")
    subscriber = _subscriber(auth if isinstance(auth, dict) else {})
    feed.start(current_app._get_current_object(), standing)  # type: ignore[attr-defined]
    feed.add(subscriber)
    socketio.start_background_task(_welcome, current_app._get_current_object(), subscriber)  # type: ignore[attr-defined]


def disconnect(*_reason: Any) -> None:
    feed.remove(request.sid)  # type: ignore[attr-defined]


def standing(families: set[UUID]) -> set[UUID]:
    """Which of these logins still stand."""
    stands = sa.select(TokenFamily.id).where(TokenFamily.id.in_(families), TokenFamily.revoked_at.is_(None))
    return set(db.session.scalars(stands))


def _subscriber(auth: dict[str, Any]) -> Subscriber:
    try:
        claims = tokens.verify_access(str(auth.get("token") or ""))
    except Unauthenticated as error:
        raise ConnectionRefusedError(error.code) from None
    last = auth.get("last_sequence")
    known = last if isinstance(last, int) and not isinstance(last, bool) and last >= 0 else None
    wire = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return Subscriber(request.sid, claims.user_id, claims.family_id, claims.expires_at, *_where_to_begin(claims.user_id, known), wire)  # type: ignore[attr-defined]


def _where_to_begin(user_id: UUID, known: int | None) -> tuple[int, dict[str, int] | None]:
    """After which fact, and what to say first where that is not what the client has seen last."""
    oldest, newest = events.kept(user_id)
    if known is None:
        return newest, None
    if oldest - 1 <= known <= newest:
        return known, None
    return min(known, newest), {"oldest_sequence": oldest, "newest_sequence": newest}


def _welcome(app: Flask, subscriber: Subscriber) -> None:
    """Facts that were missed, then the snapshot of what is running."""
    with app.app_context():
        feed.replay(subscriber)
        for snapshot in _running(subscriber.user_id):
            feed.hint(subscriber, snapshot)


def _running(user_id: UUID) -> list[dict[str, Any]]:
    runs = db.session.scalars(sa.select(Run).where(Run.user_id == user_id, Run.status == RUNNING))
    return [events.progress_message(run.session_id, run.id, run.stage, run.progress) for run in runs]
