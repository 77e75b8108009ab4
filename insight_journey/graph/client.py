"""The only place that speaks Bolt: one lazy driver a process, managed transactions, bounded waits, our errors."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from neo4j import READ_ACCESS, WRITE_ACCESS, Driver, GraphDatabase, ManagedTransaction, Session
from neo4j import exceptions as bolt

from insight_journey.errors import GraphUnavailable
from insight_journey.graph.queries import health
from insight_journey.settings import Settings

Row = dict[str, Any]
Statement = tuple[str, dict[str, Any]]
Ask = Callable[[str, dict[str, Any]], list[Row]]  # runs a statement of the transaction

CONNECT_SECONDS = 5.0
READ_RETRY_SECONDS = 3.0  # a person waits for the answer
WRITE_RETRY_SECONDS = 5.0  # conflicts pass; a graph that is away is waited for by the pipeline, not here
SEEN_SECONDS = 2.0  # a graph that answered so long ago is looked for before it is used
RACES = 5  # tries of a unit of work that lost a race for a unique key
_ROW_GONE = "Neo.ClientError.Statement.EntityNotFound"  # Neo4j, when another writer deleted what a MERGE had found


class Refused(Exception):
    """A later writer of the same person has been here: nothing of the transaction was written."""


class Graph:
    """A graph database. Connects at the first use in each process, so it may be made before a fork.

    `statements` counts what was sent, transaction ends apart. `prepared`: this process has seen to the schema.
    All methods raise GraphUnavailable: transient, or `graph_refused` where trying again does not help.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.statements = 0
        self.prepared = False
        self._seen = -SEEN_SECONDS
        self._drivers: dict[int, Driver] = {}  # by process id: a forked child must not use its parent's connections

    def read(self, query: str, **params: Any) -> list[Row]:
        """Rows of a query that changes nothing; one that does is rolled back and raises RuntimeError."""
        with _our_errors(), self._session(READ_ACCESS, READ_RETRY_SECONDS) as session:
            return session.execute_read(self._fetch, query, params)

    def write(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction, as `transact` does."""
        self.transact(lambda ask: [ask(*statement) for statement in statements])

    def transact(self, work: Callable[[Ask], object]) -> None:
        """Run a unit of work in one transaction, again when it lost a race: so it must be idempotent.

        Raises Refused where a row of its statements says `refused`.
        """
        with _our_errors(), self._session(WRITE_ACCESS, WRITE_RETRY_SECONDS) as session:
            for attempt in range(1, RACES):
                try:
                    session.execute_write(self._run, work)
                except bolt.ClientError as error:
                    if not _lost_race(error):
                        raise
                    time.sleep(random.uniform(0.2, 1) * 0.05 * 2**attempt)  # noqa: S311 - spreads writers, guards nothing
                else:
                    return
            session.execute_write(self._run, work)

    def check(self) -> float:
        """Seconds that the smallest query takes."""
        started = time.perf_counter()
        self.read(health.PING)
        return time.perf_counter() - started

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        driver = self._drivers.pop(os.getpid(), None)
        if driver is not None:
            driver.close()

    def _fetch(self, tx: ManagedTransaction, query: str, params: dict[str, Any]) -> list[Row]:
        self.statements += 1
        result = tx.run(query, params)
        rows = [dict(record) for record in result]
        # the embedded graph does not enforce read access
        if result.consume().counters.contains_updates:
            raise RuntimeError("a graph query that should only read has written")
        return rows

    def _run(self, tx: ManagedTransaction, work: Callable[[Ask], object]) -> None:
        work(partial(self._ask, tx))

    def _ask(self, tx: ManagedTransaction, query: str, params: dict[str, Any]) -> list[Row]:
        self.statements += 1
        rows = [dict(record) for record in tx.run(query, params)]
        if any(row.get("refused") for row in rows):
            raise Refused
        return rows

    def _session(self, access: str, retry_seconds: float) -> Session:
        self._see_it_there()
        # always by name: the embedded graph runs a nameless session on whatever database the connection used last
        return self._driver().session(
            database=self.settings.graph_database, default_access_mode=access, max_transaction_retry_time=retry_seconds
        )

    def _see_it_there(self) -> None:
        """Fail at once where nobody answers: the driver would try again for as long as it does for a lost race."""
        if time.monotonic() > self._seen + SEEN_SECONDS:
            with self._driver().session(database=self.settings.graph_database, default_access_mode=READ_ACCESS) as session:
                session.run(health.PING).consume()
            self._seen = time.monotonic()

    def _driver(self) -> Driver:
        found = self._drivers.get(os.getpid())
        if found is not None:
            return found
        made = _connect(self.settings)
        kept = self._drivers.setdefault(os.getpid(), made)
        if kept is not made:
            made.close()
        return kept


def _connect(settings: Settings) -> Driver:
    if not settings.graph_url:
        raise GraphUnavailable("No graph is running here and none is named in the settings.")
    if not settings.graph_url.startswith(("bolt", "neo4j")):
        raise _refused("The address of the graph is not one that can be used.")
    return GraphDatabase.driver(
        settings.graph_url,
        auth=(settings.graph_user, settings.graph_password.get_secret_value()),
        connection_timeout=CONNECT_SECONDS,
        connection_acquisition_timeout=2 * CONNECT_SECONDS,
        initial_retry_delay=0.1,
        notifications_min_severity="OFF",
        telemetry_disabled=True,
        user_agent="insight-journey",
    )


def _lost_race(error: bolt.ClientError) -> bool:
    # Where Neo4j waits for the lock on a unique key, the embedded graph lets the loser fail.
    return isinstance(error, bolt.ConstraintError) or error.code == _ROW_GONE


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except (bolt.AuthError, bolt.Forbidden) as error:
        raise _refused("The graph refuses our user name or password.") from error
    except (bolt.ConfigurationError, ValueError) as error:
        raise _refused("The address of the graph is not one that can be used.") from error
    except bolt.ConstraintError as error:
        raise GraphUnavailable("The graph is too busy with this person right now.") from error
    except (bolt.DriverError, bolt.TransientError, bolt.DatabaseError, OSError) as error:
        raise GraphUnavailable("The graph cannot be reached right now.") from error
    except bolt.ClientError as error:
        raise _client_error(error) from error


def _client_error(error: bolt.ClientError) -> Exception:
    if "DatabaseNotFound" in (error.code or ""):
        return _refused("The graph has no database of the name in the settings.")
    if "TransactionTimedOut" in (error.code or "") or error.code == _ROW_GONE:
        return GraphUnavailable("The graph took too long to answer.")
    return error


def _refused(sentence: str) -> GraphUnavailable:
    return GraphUnavailable(sentence, code="graph_refused", transient=False)
