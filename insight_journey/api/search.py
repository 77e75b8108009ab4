"""Search over one's own words."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView

from insight_journey.analysis.base import KINDS
from insight_journey.api import limits
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, Paging, PagingSchema, page_schema
from insight_journey.api.reading import PeriodQuery
from insight_journey.api.refusals import refuses
from insight_journey.sessions import finding
from insight_journey.sessions.finding import Found, Scope

blp = Blueprint("search", __name__, description="Finding again what was said, by meaning and by words")

LONGEST = 1000  # characters of a question
MOMENT = "moment"
FINDABLE = (MOMENT, *KINDS)
BY = ("meaning", "words")
UNAVAILABLE = ("search_unavailable", "search_busy", "search_failed")


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ma.ValidationError("Ask for something.")


class ScopeQuery(PeriodQuery):
    kind = ma.fields.String(validate=ma.validate.OneOf(FINDABLE), load_default=None)


class SearchQuery(ScopeQuery):
    q = ma.fields.String(required=True, validate=[ma.validate.Length(1, LONGEST), _not_blank])


class SimilarQuery(ScopeQuery):
    kind = ma.fields.String(validate=ma.validate.OneOf(FINDABLE), load_default=MOMENT)


class FoundSchema(ma.Schema):
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(FINDABLE))
    session_id = ma.fields.UUID(required=True)
    moment_id = ma.fields.UUID(required=True)
    id = ma.fields.UUID(required=True, allow_none=True, metadata={"description": "Of the mention; null for a moment"})
    element_id = ma.fields.UUID(required=True, allow_none=True, metadata={"description": "null for a moment"})
    code = ma.fields.String(required=True, allow_none=True, metadata={"description": "Taxonomy code of an emotion or topic"})
    category = ma.fields.String(required=True, allow_none=True)
    name = ma.fields.String(required=True, allow_none=True, metadata={"description": "Of the code"})
    text = ma.fields.String(required=True, allow_none=True, metadata={"description": "Of a moment, or how a mention is worded"})
    quote = ma.fields.String(required=True, metadata={"description": "The words that it stands for"})
    quote_start = ma.fields.Integer(required=True, metadata={"description": "Character in the moment's text"})
    quote_end = ma.fields.Integer(required=True)
    speaker = ma.fields.String(required=True, allow_none=True)
    start = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Second of the recording"})
    end = ma.fields.Float(required=True, allow_none=True)
    occurred_at = ma.fields.AwareDateTime(required=True, metadata={"description": "When the session was"})
    score = ma.fields.Float(required=True, metadata={"description": "What results are in the order of, 0 to 1; see docs/search.md"})
    likeness = ma.fields.Float(required=True, allow_none=True, metadata={"description": "Cosine of the two meanings, -1 to 1"})
    by = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(BY)), required=True, metadata={"description": "How it was found"})


class FoundPageSchema(page_schema(FoundSchema)):  # type: ignore[misc]
    by = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(BY)),
        required=True,
        metadata={"description": "What can be searched by: words alone where the text encoder is missing"},
    )
    words_only = ma.fields.Integer(required=True, metadata={"description": "Sessions that are found by words alone"})
    not_indexed = ma.fields.Integer(required=True, metadata={"description": "Analyzed sessions that are not found at all yet"})


@blp.route("/search")
class Search(MethodView):
    @refuses(503, *UNAVAILABLE)
    @blp.arguments(SearchQuery, location="query")
    @blp.arguments(PagingSchema, location="query")
    @blp.response(200, FoundPageSchema)
    def get(self, query: dict[str, Any], paging: Paging) -> Any:
        """Moments and elements that answer a question best.

        Words in quotation marks must be there exactly. The question stands in the address; where a proxy logs addresses, use POST.
        """
        return _page(finding.search(current_user(), query["q"], _scope(query, paging)), paging)

    @limits.counted_as(limits.READ)
    @refuses(503, *UNAVAILABLE)
    @blp.arguments(SearchQuery)
    @blp.arguments(PagingSchema, location="query")
    @blp.response(200, FoundPageSchema)
    def post(self, body: dict[str, Any], paging: Paging) -> Any:
        """The same, with the question in the body, where no log of addresses holds it."""
        return _page(finding.search(current_user(), body["q"], _scope(body, paging)), paging)


@blp.route("/moments/<uuid:moment_id>/similar")
class Similar(MethodView):
    @refuses(503, *UNAVAILABLE)
    @blp.arguments(SimilarQuery, location="query")
    @blp.arguments(PagingSchema, location="query")
    @blp.response(200, FoundPageSchema)
    def get(self, query: dict[str, Any], paging: Paging, moment_id: UUID) -> Any:
        """The moments, or elements of a kind, that are most like a moment in what they mean."""
        return _page(finding.similar(current_user(), moment_id, _scope(query, paging)), paging)


def _scope(query: dict[str, Any], paging: Paging) -> Scope:
    return Scope(query["kind"], query["since"], query["until"], paging.offset, paging.limit)


def _page(found: Found, paging: Paging) -> dict[str, Any]:
    told = asdict(found)
    return {**paging.answer(told.pop("results"), told.pop("total")), **told}
