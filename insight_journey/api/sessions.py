"""Sessions: create, list, show, change, delete."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView

from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, Paging, check_etag, etag
from insight_journey.api.fields import Line
from insight_journey.api.idempotency import idempotent
from insight_journey.api.runs import RunSchema
from insight_journey.extensions import db
from insight_journey.sessions import care, overview, service
from insight_journey.sessions.models import SESSION_STATUSES, Session
from insight_journey.sessions.overview import SORTS

blp = Blueprint("sessions", __name__, url_prefix="/sessions", description="Reflections: one recording or text each")

TITLE_LENGTH = 300
LANGUAGE = ma.validate.Regexp(r"[a-z]{2,3}\Z", error="An ISO 639 code such as `en`.")
DAYS = ma.validate.Range(datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))  # in every time zone a date
SORT_NAMES = [sign + name for name in SORTS for sign in ("", "-")]


class Speakers(ma.fields.Field[int | None]):
    """1, 2 or "auto" (None inside)."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value or "auto"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | None:
        allowed = {"1": 1, "2": 2, "auto": None}
        if isinstance(value, bool) or str(value) not in allowed:
            raise ma.ValidationError("1, 2 or auto.")
        return allowed[str(value)]


SPEAKERS_TYPE = {"enum": [1, 2, "auto"], "type": ["integer", "string"]}


class NewSessionSchema(ma.Schema):
    title = Line(TITLE_LENGTH, required=True)
    journey_id = ma.fields.UUID(allow_none=True)
    occurred_at = ma.fields.AwareDateTime(default_timezone=UTC, validate=DAYS)
    language = ma.fields.String(validate=LANGUAGE, allow_none=True)
    speakers = Speakers(metadata=SPEAKERS_TYPE)


class SessionChangesSchema(ma.Schema):
    title = Line(TITLE_LENGTH)
    journey_id = ma.fields.UUID(allow_none=True)
    occurred_at = ma.fields.AwareDateTime(default_timezone=UTC, validate=DAYS)


class MediaSchema(ma.Schema):
    kind = ma.fields.String(required=True)
    media_type = ma.fields.String(required=True)
    size = ma.fields.Integer(required=True, metadata={"description": "Bytes"})
    seconds = ma.fields.Float(required=True, allow_none=True)


class SessionSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    journey_id = ma.fields.UUID(required=True, allow_none=True)
    occurred_at = ma.fields.DateTime(required=True)
    language = ma.fields.String(required=True, allow_none=True)
    speakers = Speakers(required=True, metadata=SPEAKERS_TYPE)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(SESSION_STATUSES))
    media = ma.fields.Nested(MediaSchema, required=True, allow_none=True)
    counts = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True,
        metadata={"description": "Moments, and distinct elements of each kind"},
    )  # fmt: skip
    latest_run = ma.fields.Nested(RunSchema, required=True, allow_none=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


class HelpLineSchema(ma.Schema):
    name = ma.fields.String(required=True)
    phone = ma.fields.String(required=True, allow_none=True)
    text = ma.fields.String(required=True, allow_none=True, metadata={"description": "What to send where"})
    url = ma.fields.String(required=True, allow_none=True)
    languages = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "ISO 639"})
    hours = ma.fields.String(required=True, allow_none=True, metadata={"description": "null: not known"})


class CareSchema(ma.Schema):
    moment_ids = ma.fields.List(ma.fields.UUID(), required=True, metadata={"description": "Where she speaks of it"})
    help_lines = ma.fields.List(
        ma.fields.Nested(HelpLineSchema), required=True, metadata={"description": "Of her country, then international ones"}
    )


class ListedSessionSchema(SessionSchema):
    care = ma.fields.Boolean(required=True, metadata={"description": "Whether she speaks of self-harm or crisis in it"})


class ShownSessionSchema(SessionSchema):
    care = ma.fields.Nested(
        CareSchema, required=True, allow_none=True,
        metadata={"description": "Help, where she speaks of self-harm or crisis: see docs/safety.md"},
    )  # fmt: skip


class SessionQuery(ma.Schema):
    journey_id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf(SESSION_STATUSES))
    sort = ma.fields.String(validate=ma.validate.OneOf(SORT_NAMES), load_default="-occurred_at")


def _show(session: Session) -> dict[str, Any]:
    shown = overview.show(current_user(), session.id)
    return shown | {"care": care.offer(current_user(), session) if shown["care"] else None}


@blp.route("")
class Sessions(MethodView):
    @blp.arguments(SessionQuery, location="query")
    @blp.page(ListedSessionSchema)
    def get(self, query: dict[str, Any], paging: Paging) -> tuple[list[dict[str, Any]], int]:
        """List sessions, newest first unless `sort` says otherwise."""
        return overview.list_sessions(current_user(), paging.offset, paging.limit, **query)

    @idempotent
    @blp.arguments(NewSessionSchema)
    @blp.response(201, ShownSessionSchema)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Create a session; its content comes next."""
        return _show(service.create_session(current_user(), **data))


@blp.route("/<uuid:session_id>")
class SessionItem(MethodView):
    @blp.response(200, ShownSessionSchema)
    def get(self, session_id: UUID) -> Any:
        """Show a session with its latest run and counts."""
        session = service.find_session(current_user(), session_id)
        return _show(session), etag(session.version)

    @blp.arguments(SessionChangesSchema)
    @blp.response(200, ShownSessionSchema)
    def patch(self, data: dict[str, Any], session_id: UUID) -> Any:
        """Change title, journey or time of a session; with `If-Match` only if nobody did so meanwhile."""
        session = service.find_session(current_user(), session_id)
        check_etag(session.version)
        service.change_session(current_user(), session, **data)
        db.session.commit()
        return _show(session), etag(session.version)

    @blp.response(200)
    def delete(self, session_id: UUID) -> None:
        """Delete a session everywhere: database, files, keys and graph."""
        service.delete_session(service.find_session(current_user(), session_id))
        db.session.commit()
