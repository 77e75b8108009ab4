"""The epoch: SQL and the graph count together, so that a store restored from another time is noticed and healed.

SQL says what it is about to count to, the graph counts, SQL notes that it did. So the graph's count lies between what SQL
knows to stand there and what it said last, however a process died in between. Lower: the graph is of an earlier time (or
empty). Higher: SQL is. Either way each person's graph is written anew from what SQL says now. Redis holds nothing that
can't be lost: it is told the count, and that is all. The key store notes it: where it knows of a higher one, SQL was
restored, and from then on nothing older is taken for a leftover because SQL does not know it (`janitor`).

Between two counts the fences of the relay see the same, a person at a time, at her next change.
"""

from datetime import datetime

import redis
import sqlalchemy as sa
import structlog
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite

from insight_journey.accounts.keys import Noted, keystore
from insight_journey.errors import GraphUnavailable
from insight_journey.extensions import db, new_id, now
from insight_journey.graph import epoch
from insight_journey.sessions import relay
from insight_journey.sessions.models import Installation

log = structlog.get_logger()
REDIS_KEY = "ij:epoch"


def keep() -> None:
    """Compare the stores' counts, mark what must be healed, and count on. Commits; safe to run twice at once."""
    keep_keys()  # before the graph makes SQL count on from where it stands
    row = _installation()
    try:
        _keep_graph(row)
    except GraphUnavailable as error:
        log.warning("epoch_waits", code=error.code)
    _keep_redis(row)


def keep_keys() -> datetime:
    """Note SQL's count beside the keys; since when the two were seen together without a break."""
    noted = keystore.noted()
    row = _installation()  # read after what was noted of it, so that of two at once none sees it go back
    together = noted is not None and noted.installation == row.id and noted.counter <= row.counter
    if noted and not together:
        log.warning("store_of_another_time", older="database", beside="keys")
    current = Noted(row.id, row.counter, noted.since if noted and together else now())
    if current != noted:
        keystore.note(current)
    return current.since


def _installation() -> Installation:
    insert = (sqlite if db.engine.dialect.name == "sqlite" else postgresql).insert(Installation)
    first = insert.values(number=1, id=new_id(), counter=0, graph_counter=0)
    db.session.execute(first.on_conflict_do_nothing())
    row = db.session.get_one(Installation, 1, populate_existing=True)
    db.session.commit()
    return row


def _keep_graph(row: Installation) -> None:
    graph = current_app.extensions["graph"]
    seen = epoch.counter_of(graph, row.id)
    older = "graph" if seen < row.graph_counter else "database" if seen > row.counter else None
    counter = max(row.counter, seen) + 1
    # who counts on is the one who marks: a second one that saw the same finds its count taken
    if not _update(Installation.counter == row.counter, counter=counter, graph_counter=seen if older else row.graph_counter):
        db.session.rollback()
        return
    if older:
        log.warning("store_of_another_time", older=older)
        relay.mark_all_stale()
    db.session.commit()
    epoch.count(graph, row.id, counter)
    _update(Installation.graph_counter < counter, graph_counter=counter)
    db.session.commit()


def _update(condition: sa.ColumnElement[bool], **values: int) -> bool:
    update = sa.update(Installation).where(Installation.number == 1, condition).values(**values)
    return bool(db.session.execute(update).rowcount == 1)  # type: ignore[attr-defined]


def _keep_redis(row: Installation) -> None:
    try:
        before = current_app.extensions["redis"].set(REDIS_KEY, f"{row.id}:{row.counter}", get=True)
    except redis.RedisError:
        return
    if before and before.decode().partition(":")[0] != str(row.id):
        log.warning("redis_of_another_installation")
