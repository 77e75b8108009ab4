"""Alembic's environment: the connection comes from `database.upgrade`, the tables from our models."""

from typing import Any, Literal

from alembic import context

from insight_journey.extensions import Model, UTCDateTime
from insight_journey import models  # noqa: F401  (fills the metadata)


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Model.metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
