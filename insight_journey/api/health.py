"""Whether the process lives, and whether its parts answer."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
import structlog
from flask import Flask, Response, current_app, jsonify
from flask.views import MethodView
from rq import Worker

from insight_journey import encoder, tasks
from insight_journey.accounts.keys import keystore
from insight_journey.api import errors
from insight_journey.api.auth import public
from insight_journey.api.envelope import Blueprint, enveloped
from insight_journey.api.refusals import refuses
from insight_journey.extensions import db, now
from insight_journey.sessions import finding

blp = Blueprint("health", __name__, description="Whether the service and its parts answer")

OK, DEGRADED, DOWN = "ok", "degraded", "down"
KEPT_SECONDS = 1.0  # whoever asks more often is told the same
SECONDS = 3.0  # for all parts together, asked at the same time
FRESH_SECONDS = 60  # a worker that was not heard of for longer is not counted

log = structlog.get_logger()


@dataclass(frozen=True)
class Part:
    """How a part is: status ok, degraded or down; `detail` says more in a few words of ours."""

    status: str
    latency_ms: float | None
    detail: str | None


class PartSchema(ma.Schema):
    status = ma.fields.String(required=True, metadata={"enum": [OK, DEGRADED, DOWN]})
    latency_ms = ma.fields.Float(required=True, allow_none=True)
    detail = ma.fields.String(required=True, allow_none=True)


class LiveSchema(ma.Schema):
    status = ma.fields.String(required=True)


class ReadySchema(ma.Schema):
    status = ma.fields.String(required=True, metadata={"enum": [OK, DEGRADED]})
    checks = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(PartSchema), required=True)


def check_sql() -> None:
    with db.engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))


def check_keystore() -> None:
    keystore.check()


def check_graph() -> None:
    current_app.extensions["graph"].check()


def check_redis() -> None:
    current_app.extensions["redis"].ping()


def check_storage() -> None:
    current_app.extensions["storage"].check()


def check_workers() -> str | None:
    """Raises LookupError naming the queues that nobody serves."""
    counts = dict.fromkeys(tasks.QUEUES, 0)
    beats = []
    for worker in Worker.all(connection=current_app.extensions["redis"], serializer="json"):
        beat = worker.last_heartbeat
        if beat and (age := now().timestamp() - beat.timestamp()) < FRESH_SECONDS:
            beats.append(age)
            counts.update({name: counts[name] + 1 for name in worker.queue_names() if name in counts})
    if idle := [name for name, count in counts.items() if not count]:
        raise LookupError(f"no worker serves {', '.join(idle)}")
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) + f"; heard of {round(min(beats))} s ago"


def check_analyzer() -> str:
    """Raises LookupError where the text encoder can't be used, so that texts are read by lexicon and rules alone."""
    state = encoder.state(current_app.extensions["settings"].encoder_model)
    if state != "ready":
        raise LookupError(f"lexicon and rules only: the text encoder's file is {state}")
    return f"local, with {encoder.NAME}"


def check_search() -> str:
    found = finding.sign_of_life(SECONDS / 2)
    return f"by {' and '.join(found['by'])}; {found['people']} people in memory, {found['bytes'] >> 20} MiB"


VITAL: dict[str, Callable[[], str | None]] = {"sql": check_sql, "keystore": check_keystore, "storage": check_storage}
HELPFUL: dict[str, Callable[[], str | None]] = {
    "graph": check_graph, "redis": check_redis, "workers": check_workers, "analyzer": check_analyzer,
    "search": check_search,
}  # fmt: skip


def examine(app: Flask, check: Callable[[], str | None], failed: str) -> Part:
    """Run one check inside an app context; `failed` is the status where it does not pass."""
    begun = time.monotonic()
    try:
        with app.app_context():
            detail = check()
    except LookupError as error:
        return Part(failed, _since(begun), str(error.args[0]))
    except Exception as error:
        log.warning("part_does_not_answer", check=check.__name__, exc_info=error)
        return Part(failed, _since(begun), "does not answer")
    return Part(OK, _since(begun), detail)


def examine_all(app: Flask) -> dict[str, Part]:
    """All parts at the same time; who has not answered in time is reported so."""
    checks = {**{name: (check, DOWN) for name, check in VITAL.items()}, **{n: (c, DEGRADED) for n, c in HELPFUL.items()}}
    found: dict[str, Part] = {}
    threads = []
    for name, (check, failed) in checks.items():
        found[name] = Part(failed, None, f"no answer within {SECONDS:g} s")
        threads.append(threading.Thread(target=_fill, args=(app, found, name, check, failed), daemon=True))
        threads[-1].start()
    deadline = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return dict(found)


class Readiness:
    """What `examine_all` found, kept for moments: anybody may ask, and the parts have work to do."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._asking = threading.Lock()
        self._found: dict[str, Part] = {}
        self._kept_until = 0.0

    def parts(self) -> dict[str, Part]:
        with self._asking:
            if time.monotonic() >= self._kept_until:
                self._found = examine_all(self._app)
                self._kept_until = time.monotonic() + KEPT_SECONDS
            return self._found


def _fill(app: Flask, found: dict[str, Part], name: str, check: Callable[[], str | None], failed: str) -> None:
    found[name] = examine(app, check, failed)


def _since(begun: float) -> float:
    return round((time.monotonic() - begun) * 1000, 1)


@blp.route("/healthz")
class Live(MethodView):
    @public
    @blp.response(200, LiveSchema)
    def get(self) -> dict[str, str]:
        """Whether the process lives; asks nothing else."""
        return {"status": OK}


@blp.route("/readyz")
class Ready(MethodView):
    @public
    @refuses(503, "not_ready")
    @blp.response(200, ReadySchema)
    def get(self) -> Any:
        """Whether the parts answer.

        They are asked once a second at most.

        A `degraded` part delays work and loses nothing; with one that is `down` nothing can be done: 503.
        """
        return readiness()


def liveness() -> Response:
    return jsonify(enveloped({"status": OK}))


def readiness() -> Response:
    found = {name: vars(part) for name, part in current_app.extensions["readiness"].parts().items()}
    states = {part["status"] for part in found.values()}
    if DOWN in states:
        return errors.answer(503, "not_ready", "A part that everything needs does not answer.", {"checks": found})
    return jsonify(enveloped({"status": DEGRADED if DEGRADED in states else OK, "checks": found}))


def init_app(app: Flask) -> None:
    """The bare addresses, for probes, and what they share."""
    app.extensions["readiness"] = Readiness(app)
    app.add_url_rule("/healthz", "healthz", liveness)
    app.add_url_rule("/readyz", "readyz", readiness)
