"""The shape of every answer, and the Blueprint that gives it.

    @blp.route("/<uuid:journey_id>")
    class JourneyItem(MethodView):
        @blp.response(200, JourneySchema)              the answer: {"success": true, "data": ..., "request_id": ...}
        def get(self, journey_id): ...                 returns an object or dict; a Response goes out as it is

        @blp.page(JourneySchema)                       data: {"count", "next", "previous", "results"}
        def get(self, paging): return rows, total

        @blp.arguments(NewJourney)                     unknown fields and bad values: 422 naming the field

Every route asks for an access token unless it is marked `@public`.
"""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import marshmallow as ma
from flask import current_app, request
from flask_smorest import Blueprint as SmorestBlueprint
from webargs import core
from webargs.flaskparser import FlaskParser, abort
from werkzeug.exceptions import PreconditionFailed, UnsupportedMediaType

from insight_journey import logs
from insight_journey.api import refusals
from insight_journey.api.auth import require_user
from insight_journey.api.dumping import PlannedSchema
from insight_journey.settings import Settings

View = Callable[..., Any]
V = TypeVar("V", bound=View)
PAGE_SIZE, LARGEST_PAGE_SIZE = 50, 200
LAST_PAGE = 1_000_000  # so that offsets stay integers that any database takes


def enveloped(data: Any) -> dict[str, Any]:
    """The success envelope around plain data."""
    return {"success": True, "data": data, "request_id": logs.request_id()}


def envelope_schema(data: Any) -> dict[str, Any]:
    """The success envelope as an OpenAPI schema around `data`, a schema or None."""
    properties = {"success": {"const": True}, "data": data or {"type": "null"}, "request_id": {"type": "string"}}
    return {"type": "object", "required": ["success", "data", "request_id"], "properties": properties}


class ErrorSchema(ma.Schema):
    code = ma.fields.String(required=True, metadata={"description": "Stable; see docs/api.md"})
    message = ma.fields.String(required=True, metadata={"description": "A sentence for a person"})
    details = ma.fields.Dict(required=True, metadata={"description": "For bad input: field -> list of sentences"})


class ErrorAnswerSchema(ma.Schema):
    """Every answer that is not a success."""

    success = ma.fields.Boolean(required=True, metadata={"enum": [False]})
    error = ma.fields.Nested(ErrorSchema, required=True)
    request_id = ma.fields.String(required=True)


@dataclass(frozen=True)
class Paging:
    """Which page was asked for; pages count from 1."""

    page: int
    page_size: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    @property
    def limit(self) -> int:
        return self.page_size

    def answer(self, rows: list[Any], total: int) -> dict[str, Any]:
        """`rows` of this page as the data of a list."""
        last = math.ceil(total / self.page_size)
        return {
            "count": total,
            "next": self._address(self.page + 1) if self.page < last else None,
            "previous": self._address(min(self.page - 1, last)) if self.page > 1 and last else None,
            "results": rows,
        }

    def _address(self, page: int) -> str:
        query = {**request.args.to_dict(), "page": page, "page_size": self.page_size}
        return f"{request.base_url}?{urlencode(query)}"


class PagingSchema(ma.Schema):
    page = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, LAST_PAGE))
    page_size = ma.fields.Integer(load_default=PAGE_SIZE, validate=ma.validate.Range(1, LARGEST_PAGE_SIZE))

    @ma.post_load
    def make(self, data: dict[str, int], **_: Any) -> Paging:
        return Paging(**data)


@functools.cache
def page_schema(item: type[ma.Schema]) -> type[ma.Schema]:
    """Schema of a list's data with `item`s as results."""
    fields: dict[str, ma.fields.Field[Any]] = {
        "count": ma.fields.Integer(required=True, metadata={"description": "On all pages"}),
        "next": ma.fields.String(required=True, allow_none=True, metadata={"description": "Address of the next page"}),
        "previous": ma.fields.String(required=True, allow_none=True, metadata={"description": "Address of the page before"}),
        "results": ma.fields.List(ma.fields.Nested(item), required=True),
    }
    return PlannedSchema.from_dict(fields, name=item.__name__.removesuffix("Schema") + "Page")


class Parser(FlaskParser):
    """webargs' parser, strict about what a JSON body is."""

    def _raw_load_json(self, req: Any) -> Any:
        if not req.is_json:
            if req.content_length:
                raise UnsupportedMediaType
            return core.missing
        try:
            body = super()._raw_load_json(req)
            if body is not core.missing:
                json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # half characters and NaN are no JSON
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except (RecursionError, ValueError):
            abort(400, messages={"json": ["Invalid JSON body."]})
        return body


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A blueprint whose routes need a token, and whose answers come in the envelope."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before_request(require_user)

    def route(self, rule: str, **options: Any) -> Callable[[V], V]:
        """As flask-smorest's; typed."""
        return cast(Callable[[V], V], super().route(rule, **options))

    def arguments(self, schema: Any, **options: Any) -> Callable[[V], V]:
        """As flask-smorest's; typed."""
        return cast(Callable[[V], V], super().arguments(schema, **options))

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[V], V]:
        """As flask-smorest's; typed."""
        return cast(Callable[[V], V], super().response(status_code, schema, **options))

    def doc(self, **options: Any) -> Callable[[V], V]:
        """As flask-smorest's; typed."""
        return cast(Callable[[V], V], super().doc(**options))

    def page(self, item: type[ma.Schema]) -> Callable[[View], View]:
        """A list: the view takes a Paging as its last positional argument and returns (rows of that page, count of all)."""

        def decorate(view: View) -> View:
            @functools.wraps(view)
            def paged(*args: Any, **kwargs: Any) -> Any:
                rows, total = view(*args, **kwargs)
                return args[-1].answer(rows, total)

            return self.response(200, page_schema(item))(self.arguments(PagingSchema, location="query")(paged))

        return decorate

    def register_views_in_doc(self, api: Any, app: Any, spec: Any, *, name: str, parameters: Any) -> None:
        for endpoint, docs in self._docs.items():
            function = app.view_functions[f"{name}.{endpoint}"]
            for method, doc in ((m, d) for m, d in docs.items() if m != "parameters"):
                owner = getattr(function, "view_class", None)
                is_public = getattr(getattr(owner, method, function), "is_public", False)
                if is_public:
                    doc.setdefault("manual_doc", {}).setdefault("security", [])
                rule = next(app.url_map.iter_rules(f"{name}.{endpoint}"))
                refusals.document(doc, is_public, names_a_thing=bool(rule.arguments))
        super().register_views_in_doc(api, app, spec, name=name, parameters=parameters)

    @staticmethod
    def _make_doc_response_schema(schema: Any) -> Any:
        return envelope_schema(schema)

    @staticmethod
    def _prepare_response_content(data: Any) -> dict[str, Any]:
        return enveloped(data)


def body_limit(size: Callable[[Settings], int]) -> Callable[[V], V]:
    """Take a larger body than usual: `size` gives the bytes from the settings. Stands above `@blp.arguments`."""

    def decorate(view: V) -> V:
        @functools.wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            request.max_content_length = size(current_app.extensions["settings"])
            return view(*args, **kwargs)

        return cast(V, limited)

    return decorate


def etag(version: int) -> dict[str, str]:
    """Headers of an answer that shows a thing at this version."""
    return {"ETag": f'"{version}"'}


def check_etag(version: int) -> None:
    """Refuse with 412 where If-Match names another version than the present one."""
    if request.if_match and not request.if_match.contains(str(version)):
        raise PreconditionFailed
