"""WSGI: the product, and under /bare a bare Flask route that sends the same SQL as one of its answers, and nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from insight_journey.accounts.keys import keystore
from insight_journey.app import create_server_app

product = create_server_app()
bare = Flask("bare")
main: sa.Engine = product.extensions["db"][0]
sent: list[tuple[sa.Engine, str, Any]] = []


@bare.post("/record")
def record() -> str:
    """Ask the product for `?path=` and keep the SQL that its answer took. Answers how many statements."""
    sent.clear()
    headers = {"Authorization": request.headers["Authorization"]}
    product.test_client().get(request.args["path"], headers=headers)  # what is made at the first request is not counted
    with _recording(main), _recording(keystore.engine):
        assert product.test_client().get(request.args["path"], headers=headers).status_code == 200  # noqa: S101
    return str(len(sent))


@bare.get("/rows")
def rows() -> Response:
    """All rows of all statements, as JSON. The main database in one transaction, the key store in one a statement, as the product does."""
    with main.connect() as connection:
        answers = [
            _fetch(connection, statement, values) if engine is main else _own(statement, values) for engine, statement, values in sent
        ]
    return Response(json.dumps(answers, default=str), mimetype="application/json")


def _own(statement: str, values: Any) -> list[list[Any]]:
    with keystore.engine.begin() as connection:
        return _fetch(connection, statement, values)


def _fetch(connection: sa.Connection, statement: str, values: Any) -> list[list[Any]]:
    return [list(row) for row in connection.exec_driver_sql(statement, values)]


@contextmanager
def _recording(engine: sa.Engine) -> Iterator[None]:
    def keep(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        sent.append((engine, statement, values))

    sa.event.listen(engine, "before_cursor_execute", keep)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", keep)


app = DispatcherMiddleware(product, {"/bare": bare})
