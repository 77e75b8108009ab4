"""The OpenAPI document and its page. The page is whole without any network."""

from typing import Any

from flask import Flask, Response, current_app, jsonify, render_template_string

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
PAGES = frozenset({"docs", "docs_v1"})

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{{ title }}</title>
  <link rel="stylesheet" href="{{ assets }}swagger-ui.css">
  <link rel="icon" type="image/png" href="{{ assets }}favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui" data-document="{{ document }}"></div>
  <script src="{{ assets }}swagger-ui-bundle.js"></script>
  <script src="{{ assets }}start.js"></script>
</body>
</html>
"""


def init_app(app: Flask, prefix: str) -> None:
    app.add_url_rule("/openapi.json", "openapi", document)
    app.add_url_rule(f"{prefix}/openapi.json", "openapi_v1", document)
    app.add_url_rule("/docs", "docs", page)
    app.add_url_rule(f"{prefix}/docs", "docs_v1", page)


def spec() -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return found


def document() -> Response:
    return jsonify(spec())


def page() -> str:
    return render_template_string(
        TEMPLATE, title=spec()["info"]["title"], assets="/static/swagger-ui/", document="/openapi.json"
    )  # fmt: skip
