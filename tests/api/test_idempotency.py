"""A POST that is sent again is done once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import marshmallow as ma
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView

from insight_journey.accounts.models import Account, IdempotencyKey
from insight_journey.api.envelope import Blueprint
from insight_journey.api.idempotency import idempotent
from insight_journey.app import create_app
from insight_journey.errors import Invalid
from insight_journey.extensions import db, now
from insight_journey.settings import Settings
from tests.api.conftest import Person, close

PLANS = "/api/v1/plans"
entered, leave = threading.Event(), threading.Event()


class PlanSchema(ma.Schema):
    id = ma.fields.UUID(dump_only=True)
    plan = ma.fields.String(required=True)


def plans() -> Blueprint:
    blp = Blueprint("plans", __name__, url_prefix="/plans")

    @blp.route("")
    class Plans(MethodView):
        @idempotent
        @blp.arguments(PlanSchema)
        @blp.response(201, PlanSchema)
        def post(self, data: Any) -> Account:
            account = Account(plan=data["plan"])
            db.session.add(account)
            db.session.flush()
            if data["plan"] == "refused":
                raise Invalid("No.")
            if data["plan"] == "slow":
                entered.set()
                leave.wait(10)
            return account

    return blp


@pytest.fixture
def app(settings: Settings) -> Any:
    app = create_app(settings)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(plans(), url_prefix=PLANS)
    yield app
    close(app)


def count(app: Flask, plan: str) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).where(Account.plan == plan)) or 0


def post(app: Flask, person: Person, plan: str, key: str | None = "key-1") -> Any:
    headers = {**person.headers, **({"Idempotency-Key": key} if key is not None else {})}
    return app.test_client().post(PLANS, headers=headers, json={"plan": plan})


def test_it_works(app: Flask, alice: Person) -> None:
    first, second = post(app, alice, "gold"), post(app, alice, "gold")
    assert first.status_code == second.status_code == 201
    assert second.json["data"] == first.json["data"]
    assert second.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert second.json["request_id"] != first.json["request_id"]
    assert count(app, "gold") == 1


def test_without_a_key_each_is_done(app: Flask, alice: Person) -> None:
    assert post(app, alice, "gold", None).json["data"] != post(app, alice, "gold", None).json["data"]


def test_another_body_under_the_same_key(app: Flask, alice: Person) -> None:
    post(app, alice, "gold")
    answer = post(app, alice, "silver")
    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "idempotency_key_reused"
    assert count(app, "silver") == 0


def test_keys_are_each_persons_own(app: Flask, alice: Person, charlie: Person) -> None:
    first, other = post(app, alice, "gold"), post(app, charlie, "gold")
    assert other.status_code == 201
    assert other.json["data"] != first.json["data"]


def test_what_was_refused_may_be_sent_again(app: Flask, alice: Person) -> None:
    assert post(app, alice, "refused").status_code == 422
    assert count(app, "refused") == 0
    assert post(app, alice, "gold").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
def test_an_odd_key(app: Flask, alice: Person, key: str) -> None:
    answer = post(app, alice, "gold", key)
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == ["Idempotency-Key"]


def test_while_the_first_works_the_second_is_told_so(app: Flask, alice: Person, database_url: str) -> None:
    entered.clear(), leave.clear()
    with ThreadPoolExecutor(1) as pool:
        if database_url.startswith("sqlite"):  # one writer: the first holds the database, so only the claim can be seen
            begin_elsewhere(app, alice)
            assert post(app, alice, "slow").json["error"]["code"] == "idempotency_in_progress"
            return
        first = pool.submit(post, app, alice, "slow")
        assert entered.wait(10)
        assert post(app, alice, "slow").json["error"]["code"] == "idempotency_in_progress"
        leave.set()
        assert first.result().status_code == 201
    assert count(app, "slow") == 1


def begin_elsewhere(app: Flask, person: Person) -> None:
    """Leave a claim as a process that works on the request, or died over it, leaves it."""
    leave.set()
    post(app, person, "slow")
    with app.app_context():
        db.session.execute(sa.update(IdempotencyKey).values(status=None, sealed=None, claimed_at=now()))
        db.session.execute(sa.delete(Account).where(Account.plan == "slow"))
        db.session.commit()


def test_what_a_dead_process_left_is_taken_over(app: Flask, alice: Person) -> None:
    begin_elsewhere(app, alice)
    with app.app_context():
        db.session.execute(sa.update(IdempotencyKey).values(claimed_at=now() - timedelta(minutes=5)))
        db.session.commit()
    assert post(app, alice, "slow").status_code == 201
    assert count(app, "slow") == 1


def test_many_at_once_do_it_once(app: Flask, alice: Person) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(app, alice, "gold"), range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert count(app, "gold") == 1


def test_answers_are_forgotten_after_a_day(app: Flask, alice: Person) -> None:
    post(app, alice, "gold")
    with app.app_context():
        db.session.execute(sa.update(IdempotencyKey).values(claimed_at=now() - timedelta(hours=25)))
        db.session.commit()
    post(app, alice, "gold")
    assert count(app, "gold") == 2


def test_kept_answers_are_sealed(app: Flask, alice: Person) -> None:
    post(app, alice, "aquamarine", "my-key")
    with app.app_context():
        row = db.session.scalars(sa.select(IdempotencyKey)).one()
        assert b"aquamarine" not in (row.sealed or b"")
        assert b"my-key" not in row.key_hash


def test_it_is_documented(app: Flask, client: FlaskClient) -> None:
    parameters = client.get("/openapi.json").json["paths"][PLANS]["post"]["parameters"]
    assert [p["name"] for p in parameters] == ["Idempotency-Key"]
