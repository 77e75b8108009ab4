"""Journeys: named threads of sessions."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView

from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, Paging, check_etag, etag
from insight_journey.api.fields import Line
from insight_journey.api.idempotency import idempotent
from insight_journey.extensions import db
from insight_journey.sessions import service
from insight_journey.sessions.models import Journey

blp = Blueprint("journeys", __name__, url_prefix="/journeys", description="Named threads of sessions")


class JourneyName(ma.Schema):
    name = Line(200, required=True)


class JourneySchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


def _view(journeys: list[Journey]) -> list[dict[str, Any]]:
    names = service.journey_names(current_user(), journeys)
    return [
        {"id": j.id, "name": names[j.id], "created_at": j.created_at, "updated_at": j.updated_at} for j in journeys
    ]  # fmt: skip


@blp.route("")
class Journeys(MethodView):
    @blp.page(JourneySchema)
    def get(self, paging: Paging) -> tuple[list[dict[str, Any]], int]:
        """List journeys, oldest first."""
        rows, total = service.list_journeys(current_user(), paging.offset, paging.limit)
        return _view(rows), total

    @idempotent
    @blp.arguments(JourneyName)
    @blp.response(201, JourneySchema)
    def post(self, data: dict[str, str]) -> dict[str, Any]:
        """Create a journey."""
        return _view([service.create_journey(current_user(), data["name"])])[0]


@blp.route("/<uuid:journey_id>")
class JourneyItem(MethodView):
    @blp.response(200, JourneySchema)
    def get(self, journey_id: UUID) -> Any:
        """Show a journey."""
        journey = service.find_journey(current_user(), journey_id)
        return _view([journey])[0], etag(journey.version)

    @blp.arguments(JourneyName)
    @blp.response(200, JourneySchema)
    def patch(self, data: dict[str, str], journey_id: UUID) -> Any:
        """Rename a journey; with `If-Match` only if nobody did so meanwhile."""
        journey = service.find_journey(current_user(), journey_id)
        check_etag(journey.version)
        service.rename_journey(current_user(), journey, data["name"])
        db.session.commit()
        return _view([journey])[0], etag(journey.version)

    @blp.response(200)
    def delete(self, journey_id: UUID) -> None:
        """Delete a journey. Its sessions stay, without one."""
        service.delete_journey(service.find_journey(current_user(), journey_id))
        db.session.commit()
