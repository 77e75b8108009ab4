"""Runs of the pipeline."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView

from insight_journey import logs
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, Paging
from insight_journey.api.idempotency import idempotent
from insight_journey.api.refusals import refuses
from insight_journey.extensions import db
from insight_journey.sessions import service
from insight_journey.sessions.models import CANCELLED, FAILED, FINISHED, QUEUED, RUNNING, Run

blp = Blueprint("runs", __name__, description="Runs of the pipeline over a session")

RUN_STATUSES = (QUEUED, RUNNING, FINISHED, FAILED, CANCELLED)


class RunSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    session_id = ma.fields.UUID(required=True)
    number = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(RUN_STATUSES))
    stage = ma.fields.String(required=True, allow_none=True)
    progress = ma.fields.Float(required=True, metadata={"description": "Of the stage, 0..1"})
    attempts = ma.fields.Integer(required=True)
    waiting_for = ma.fields.String(required=True, allow_none=True)
    error = ma.fields.Function(
        lambda run: {"code": run.error_code, "message": run.error_message} if run.error_code else None,
        metadata={"type": ["object", "null"], "description": "code and message, where the run failed"},
    )
    warnings = ma.fields.List(ma.fields.String(), required=True)
    report = ma.fields.Dict(required=True, metadata={"description": "Engines, models, counts, tokens and cost"})
    created_at = ma.fields.DateTime(required=True)
    started_at = ma.fields.DateTime(required=True, allow_none=True)
    finished_at = ma.fields.DateTime(required=True, allow_none=True)


class NewRunSchema(ma.Schema):
    from_stage = ma.fields.String(
        validate=ma.validate.OneOf(("transcribe", "analyze")),
        metadata={"description": "`analyze` (default) keeps the transcript where there is one"},
    )


@blp.route("/sessions/<uuid:session_id>/runs")
class SessionRuns(MethodView):
    @blp.page(RunSchema)
    def get(self, paging: Paging, session_id: UUID) -> tuple[list[Run], int]:
        """List the runs of a session, newest first."""
        session = service.find_session(current_user(), session_id)
        return service.list_runs(session, paging.offset, paging.limit)

    @idempotent
    @refuses(409, "no_content", "run_open")
    @refuses(429, "too_many_runs")
    @blp.arguments(NewRunSchema, required=False)
    @blp.response(202, RunSchema)
    def post(self, data: dict[str, str] | None, session_id: UUID) -> Any:
        """Run the pipeline again."""
        session = service.find_session(current_user(), session_id)
        return service.start_run(session, request_id=logs.request_id(), from_stage=(data or {}).get("from_stage"))


@blp.route("/runs/<uuid:run_id>")
class RunItem(MethodView):
    @blp.response(200, RunSchema)
    def get(self, run_id: UUID) -> Run:
        """Show a run."""
        return service.find_run(current_user(), run_id)

    @refuses(409, "run_ended")
    @blp.response(200, RunSchema)
    def delete(self, run_id: UUID) -> Run:
        """Cancel an open run. What its finished stages made is kept."""
        run = service.find_run(current_user(), run_id)
        service.cancel_run(run)
        db.session.commit()
        return run
