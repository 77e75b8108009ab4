"""Reading back what was found: transcript, moments, elements, graphs."""

from datetime import UTC
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from insight_journey.analysis.base import KINDS
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, Paging
from insight_journey.api.refusals import refuses
from insight_journey.sessions import reading, service
from insight_journey.transcription import formats

blp = Blueprint("reading", __name__, description="What was said, felt, believed and intended, each with its words")

FORMATS = {
    "text": (formats.to_text, "text/plain"),
    "srt": (formats.to_srt, "application/x-subrip"),
    "vtt": (formats.to_vtt, "text/vtt"),
}


class TranscriptQuery(ma.Schema):
    format = ma.fields.String(validate=ma.validate.OneOf(("json", *FORMATS)), load_default="json")


class UtteranceSchema(ma.Schema):
    speaker = ma.fields.String(required=True, allow_none=True)
    start = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Seconds"})
    end = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Seconds"})
    text = ma.fields.String(required=True)


class TranscriptSchema(ma.Schema):
    language = ma.fields.String(required=True, allow_none=True)
    duration = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Seconds"})
    roles = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    utterances = ma.fields.List(ma.fields.Nested(UtteranceSchema), required=True)
    warnings = ma.fields.List(ma.fields.String(), required=True)


class ElementSchema(ma.Schema):
    id = ma.fields.String(required=True, metadata={"description": "Of the mention"})
    element_id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(KINDS))
    code = ma.fields.String(required=True, allow_none=True, metadata={"description": "Taxonomy code of an emotion or topic"})
    category = ma.fields.String(required=True, allow_none=True)
    name = ma.fields.String(required=True, allow_none=True)
    text = ma.fields.String(required=True, allow_none=True)
    wording = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "How this mention worded it; `text` is the element's own"}
    )
    quote = ma.fields.String(required=True)
    quote_start = ma.fields.Integer(required=True, metadata={"description": "Character in the moment's text"})
    quote_end = ma.fields.Integer(required=True)
    session_id = ma.fields.UUID(required=True)
    moment_id = ma.fields.String(required=True)
    start = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Second of the recording"})
    end = ma.fields.Float(required=True, allow_none=True)
    confidence = ma.fields.Float(required=True)
    engine = ma.fields.String(required=True)
    intensity = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "How strongly an emotion was worded: 1, 2 or 3"})
    stance = ma.fields.String(required=True, allow_none=True)
    severity = ma.fields.Integer(required=True, allow_none=True)
    due_on = ma.fields.String(required=True, allow_none=True)
    status = ma.fields.String(required=True, allow_none=True, metadata={"description": "Of an action item"})


class MomentSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    session_id = ma.fields.UUID(required=True)
    position = ma.fields.Integer(required=True)
    role = ma.fields.String(required=True)
    speaker = ma.fields.String(required=True, allow_none=True)
    start = ma.fields.Float(required=True, allow_none=True)
    end = ma.fields.Float(required=True, allow_none=True)
    text = ma.fields.String(required=True)
    care = ma.fields.Boolean(required=True, metadata={"description": "Whether self-harm or crisis is spoken of: show help with it"})
    withheld = ma.fields.Boolean(
        required=True, metadata={"description": "Whether it stays on this machine, for its own words of self-harm or those beside it"}
    )
    elements = ma.fields.List(ma.fields.Nested(ElementSchema), required=True)


class KindQuery(ma.Schema):
    kind = ma.fields.String(validate=ma.validate.OneOf(KINDS), load_default=None)


class PeriodQuery(ma.Schema):
    since = ma.fields.AwareDateTime(data_key="from", default_timezone=UTC, load_default=None)
    until = ma.fields.AwareDateTime(data_key="to", default_timezone=UTC, load_default=None)


class ElementQuery(KindQuery, PeriodQuery):
    pass


class GraphSchema(ma.Schema):
    nodes = ma.fields.List(ma.fields.Dict(), required=True)
    relationships = ma.fields.List(ma.fields.Dict(), required=True)
    totals = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), metadata={"description": "Denominators"})


@blp.route("/sessions/<uuid:session_id>/transcript")
class TranscriptItem(MethodView):
    @blp.doc(responses={200: {"content": {media_type: {"schema": {"type": "string"}} for _, media_type in FORMATS.values()}}})
    @refuses(404, "no_transcript")
    @refuses(422, "transcript_without_times")
    @blp.arguments(TranscriptQuery, location="query")
    @blp.response(200, TranscriptSchema)
    def get(self, query: dict[str, str], session_id: UUID) -> Any:
        """What was said. `format=text|srt|vtt` gives the file itself."""
        transcript = reading.transcript_of(service.find_session(current_user(), session_id))
        if query["format"] == "json":
            return formats.to_json(transcript)
        write, media_type = FORMATS[query["format"]]
        return Response(write(transcript), mimetype=media_type)


@blp.route("/sessions/<uuid:session_id>/moments")
class Moments(MethodView):
    @refuses(404, "no_analysis")
    @blp.page(MomentSchema)
    def get(self, paging: Paging, session_id: UUID) -> tuple[list[Any], int]:
        """The moments of a session in order, each with its elements."""
        session = service.find_session(current_user(), session_id)
        return reading.moments_of(current_user(), session, paging.offset, paging.limit)


@blp.route("/sessions/<uuid:session_id>/elements")
class SessionElements(MethodView):
    @refuses(404, "no_analysis")
    @blp.arguments(KindQuery, location="query")
    @blp.page(ElementSchema)
    def get(self, query: dict[str, Any], paging: Paging, session_id: UUID) -> tuple[list[Any], int]:
        """The elements found in a session, each with the words that show it."""
        session = service.find_session(current_user(), session_id)
        return reading.session_elements(current_user(), session, query["kind"], paging.offset, paging.limit)


@blp.route("/elements")
class Elements(MethodView):
    @blp.arguments(ElementQuery, location="query")
    @blp.page(ElementSchema)
    def get(self, query: dict[str, Any], paging: Paging) -> tuple[list[Any], int]:
        """The elements of all sessions, newest first."""
        return reading.elements(current_user(), query["kind"], query["since"], query["until"], paging.offset, paging.limit)


@blp.route("/sessions/<uuid:session_id>/graph")
class SessionGraph(MethodView):
    @refuses(503, "graph_unavailable")
    @blp.response(200, GraphSchema)
    def get(self, session_id: UUID) -> Any:
        """The subgraph of a session, for drawing."""
        return reading.session_graph(current_user(), service.find_session(current_user(), session_id))


@blp.route("/graph/summary")
class GraphSummary(MethodView):
    @refuses(503, "graph_unavailable")
    @blp.arguments(PeriodQuery, location="query")
    @blp.response(200, GraphSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """What a period was about: elements with counts, and what was said together with what."""
        return reading.summary(current_user(), query["since"], query["until"])
