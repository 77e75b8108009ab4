"""Errors as answers: one table from our exceptions to HTTP, and every handler of the app."""

from typing import Any

import redis
import sqlalchemy as sa
import structlog
from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from insight_journey import errors, logs
from insight_journey.extensions import db

log = structlog.get_logger()

STATUS: dict[type[errors.InsightJourneyError], int] = {
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.UnsupportedMedia: 415,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.StorageFull: 507,
    errors.Tampered: 500,
    errors.EngineError: 503,
    errors.InsightJourneyError: 500,
}

# What Flask, webargs and werkzeug raise by themselves: (code, sentence)
HTTP = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is no such thing here."),
    405: ("method_not_allowed", "This address does not take that method."),
    406: ("not_acceptable", "The answer cannot be given in that form."),
    408: ("request_timeout", "The request took too long to arrive."),
    409: ("conflict", "Something else changed this at the same moment; try again."),
    412: ("precondition_failed", "It has changed since you read it. Read it again, then change it."),
    413: ("too_large", "The body is larger than what is taken here."),
    414: ("uri_too_long", "The address is too long."),
    415: ("unsupported_media_type", "The body's Content-Type is not taken here; send application/json."),
    416: ("range_not_satisfiable", "There are no such bytes."),
    422: ("invalid", "Some of the input is not valid."),
    429: ("rate_limited", "Too many requests; wait a little."),
    431: ("headers_too_large", "The headers are too large."),
    500: ("internal_error", "Something went wrong here. The request's id leads to it in the logs."),
    501: ("not_implemented", "This is not done here."),
    503: ("unavailable", "A part of the service is away; try again soon."),
}
RETRY_SECONDS = 5
RAW_HEADERS = ("content-type", "content-length")


def init_app(app: Flask) -> None:
    app.register_error_handler(errors.InsightJourneyError, of_ours)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(sa.exc.IntegrityError, of_conflict)
    for away in (sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.InterfaceError, redis.RedisError):
        app.register_error_handler(away, of_store)
    app.register_error_handler(Exception, of_unknown)


def answer(status: int, code: str, message: str, details: Any = None, headers: Any = ()) -> Response:
    """The error envelope; `details` maps fields to lists of sentences, or is empty."""
    db.close()  # a request that failed has changed nothing
    error = {"code": code, "message": message, "details": details or {}}
    response = jsonify({"success": False, "error": error, "request_id": logs.request_id()})
    response.status_code = status
    response.headers.extend(headers)
    if status == 503 and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def status_of(error: errors.InsightJourneyError) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def of_ours(error: errors.InsightJourneyError) -> Response:
    status = status_of(error)
    headers: dict[str, str] = {}
    if status == 401:
        presented = error.code != errors.Unauthenticated.code
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if presented else "Bearer"
    retry_after = getattr(error, "retry_after", None)
    if retry_after:
        headers["Retry-After"] = str(max(1, round(retry_after)))
    if status >= 500:
        log.error("request_failed", exc_info=error)
    return answer(status, error.code, error.message, error.details, headers)


def of_http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.response is not None or error.code < 400:
        return error
    code, message = HTTP.get(error.code, ("error", error.name))
    data: dict[str, Any] = getattr(error, "data", None) or {}
    if data.get("messages", {}).get("json") == ["Invalid JSON body."]:
        code, message, data = "malformed_json", "The body is not valid JSON.", {}
    headers = [(k, v) for k, v in error.get_headers() if k.lower() not in RAW_HEADERS]
    return answer(error.code, code, message, by_field(data.get("messages") or {}), [*headers, *(data.get("headers") or {}).items()])


def of_conflict(error: sa.exc.IntegrityError) -> Response:
    log.warning("request_conflicted", exc_info=error)
    return answer(409, *HTTP[409])


def of_store(error: Exception) -> Response:
    log.error("store_away", exc_info=error)
    return answer(503, *HTTP[503])


def of_unknown(error: Exception) -> Response:
    log.error("request_crashed", exc_info=error)
    return answer(500, *HTTP[500])


def by_field(messages: dict[str, Any]) -> dict[str, list[str]]:
    """webargs' {location: {field: ...}} as {field: [sentences]}, nested fields by dotted path."""
    found: dict[str, list[str]] = {}
    for of_location in messages.values():
        _collect(of_location, "", found)
    return found


def _collect(value: Any, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            name = "" if key == "_schema" else str(key)
            _collect(inner, ".".join(filter(None, (path, name))), found)
    else:
        found.setdefault(path or "body", []).extend(value if isinstance(value, list) else [str(value)])
