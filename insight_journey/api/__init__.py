"""HTTP only: schemas, then routes, one file a resource. Nothing imports this package but app.py."""

from typing import Any, cast

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api

from insight_journey.api import (
    content,
    docs,
    errors,
    headers,
    health,
    journeys,
    limits,
    logins,
    reading,
    runs,
    search,
    sessions,
    sockets,
    users,
)
from insight_journey.api.envelope import ErrorAnswerSchema
from insight_journey.settings import Settings

PREFIX = "/api/v1"
BLUEPRINTS = (logins.blp, users.blp, journeys.blp, sessions.blp, content.blp, runs.blp, reading.blp, search.blp, health.blp)


class EnvelopedApi(Api):  # type: ignore[misc]
    """flask-smorest with our shape of errors."""

    ERROR_SCHEMA = ErrorAnswerSchema

    def _register_error_handlers(self) -> None:
        errors.init_app(self._app)


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        API_TITLE="Insight Journey",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS=_spec_options(),
        MAX_FORM_MEMORY_SIZE=headers.BODY_LIMIT,
        MAX_FORM_PARTS=20,
    )
    cast(DefaultJSONProvider, app.json).sort_keys = False  # answers come in the order of their schemas
    headers.init_app(app, settings)
    limits.init_app(app, settings)
    api = EnvelopedApi(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=PREFIX + (blueprint.url_prefix or ""))
    docs.init_app(app, PREFIX)
    health.init_app(app)
    sockets.init_app(app)


def _spec_options() -> dict[str, Any]:
    return {
        "info": {"description": "Reflections become one evidence graph. Every answer comes in one envelope."},
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        "security": [{"bearer": []}],
    }
