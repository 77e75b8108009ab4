"""What goes around every request: its id, its log line, the headers of its answer."""

import re
import time

import structlog
from flask import Flask, Response, g, request
from flask_cors import CORS

from insight_journey.api import docs
from insight_journey.extensions import new_id
from insight_journey.settings import Settings

REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
BODY_LIMIT = 1 << 20  # bytes; routes that take more say so

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ALLOWED = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Range", REQUEST_ID]
RATE = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
EXPOSED = ["Accept-Ranges", "Content-Range", "ETag", "Idempotent-Replay", "Retry-After", *RATE, REQUEST_ID]

log = structlog.get_logger()


def init_app(app: Flask, settings: Settings) -> None:
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.before_request(begin)
    app.after_request(finish)
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        CORS(app, origins=origins, allow_headers=ALLOWED, expose_headers=EXPOSED, max_age=600)


def begin() -> None:
    """Give the request its id: the caller's where it is harmless, else a new one."""
    asked = request.headers.get(REQUEST_ID, "")
    g.request_id = asked if SAFE_ID.fullmatch(asked) else str(new_id())
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def finish(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    is_static = request.endpoint == "static"
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    if request.endpoint in docs.PAGES:
        response.headers["Content-Security-Policy"] = docs.CONTENT_SECURITY_POLICY
    if not is_static:
        response.headers.setdefault("Cache-Control", "no-store")
    _log(response)
    return response


def _log(response: Response) -> None:
    milliseconds = round((time.monotonic() - g.started) * 1000, 1)
    route = request.url_rule.rule if request.url_rule else None  # the pattern: an address can hold anything
    log.info("request", method=request.method, route=route, status=response.status_code, ms=milliseconds)
