"""What leaves the machine: nothing before consent, nothing over the budget; faults of the far end cost no session."""

import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from pydantic import SecretStr

from insight_journey import stopping
from insight_journey.accounts.models import User
from insight_journey.extensions import db, now
from insight_journey.sessions import pipeline, service
from insight_journey.sessions.budget import Spending
from insight_journey.sessions.models import CANCELLED, FAILED, FINISHED, QUEUED, Run
from insight_journey.settings import Settings
from tests import media
from tests.sessions.conftest import TEXT, again, register, write
from tests.stack import until
from tests.stub_openai import KEY, Reply, Request, Stub, dropped, elements, failing, said, slow

TWO_WINDOWS = "\n\n".join([TEXT] * 60)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings, stub: Stub) -> Iterator[Flask]:
    keyed = {"openai_base_url": stub.url, "openai_api_key": SecretStr(KEY), "attempts": 2}
    with make_app(settings.model_copy(update=keyed)).app_context() as context:
        yield context.app


@pytest.fixture
def alice(app: Flask) -> User:
    """Has consented."""
    user = register("alice@example.org", "Alice")
    user.consented_at = now()
    db.session.commit()
    return user


def process(run: Run) -> Run:
    pipeline.process_run(str(run.id))
    row: Run = again(run)
    return row


def test_it_works(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    run = process(run)
    assert (run.status, run.report["analyzer"], run.warnings) == (FINISHED, "openai", [])
    assert stub.requests
    spent = db.session.scalars(sa.select(Spending)).one()
    assert (spent.user_id, spent.input_tokens) == (alice.id, run.report["input_tokens"])


def test_no_name_goes_over_the_wire(alice: User, stub: Stub) -> None:
    session, run = write(alice, "Alice: I feel sad about my work.")
    process(run)
    wire = b"".join(request.raw for request in stub.requests)
    for secret in ("alice@example.org", "A title", str(session.id), str(alice.id), str(alice.account_id)):
        assert secret.encode() not in wire


def test_without_consent_nothing_leaves(alice: User, stub: Stub) -> None:
    alice.consented_at = None
    db.session.commit()
    _, run = write(alice)
    run = process(run)
    assert (run.status, run.report["analyzer"], run.warnings) == (FINISHED, "local", ["consent_missing"])
    assert stub.requests == []


def test_over_her_budget_nothing_leaves(alice: User, stub: Stub) -> None:
    alice.monthly_budget_usd = 0.01
    db.session.add(Spending(user_id=alice.id, input_tokens=1, output_tokens=1, cost_usd=0.02))
    db.session.commit()
    _, run = write(alice)
    run = process(run)
    assert (run.status, run.report["analyzer"], run.warnings) == (FINISHED, "local", ["budget_spent"])
    assert stub.requests == []


def test_a_passing_fault_is_tried_again_and_keeps_the_transcript(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    stub.script = [failing(500)] * 3
    run = process(run)
    assert (run.status, run.error_code) == (QUEUED, None)
    transcript = run.transcript_id
    run.not_before = now()
    db.session.commit()
    run = process(run)
    assert (run.status, run.transcript_id) == (FINISHED, transcript)


def test_a_fault_that_stays_ends_in_a_sentence(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    stub.script = [dropped()] * 20
    run = process(run)
    run.not_before = now()
    db.session.commit()
    run = process(run)
    assert (run.status, run.error_code) == (FAILED, "llm_unreachable")
    assert run.error_message and run.error_message.endswith(".")


def test_a_refused_key_is_not_tried_again(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    stub.script = [failing(401)]
    run = process(run)
    assert (run.status, run.error_code, run.attempts) == (FAILED, "llm_unauthorized", 1)


def test_an_invented_quote_is_dropped_and_counted(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    stub.script = [elements({"kind": "emotion", "moment": 0, "quote": "I never said this", "code": "fear.nervousness.anxiety"})]
    run = process(run)
    assert (run.status, run.report["mentions"], run.report["dropped"]) == (FINISHED, 0, 1)


def test_what_a_failed_analysis_took_is_charged(alice: User, stub: Stub) -> None:
    _, run = write(alice)
    stub.script = [said("not json")] * 20
    run = process(run)
    assert run.error_code == "llm_invalid_answer"
    assert charged() > 0


def test_what_a_cancelled_analysis_took_is_charged(app: Flask, alice: User, stub: Stub) -> None:
    _, run = write(alice, TWO_WINDOWS)
    run_id = run.id

    def cancel(_: Request) -> Reply:
        """The other window is answered and counted; this one never is."""
        with app.app_context():
            until(charged)
            service.cancel_run(db.session.get_one(Run, run_id))
            db.session.commit()
        return slow(60)

    stub.script = [elements(), cancel]
    row = process(run)
    assert (row.status, len(stub.requests), charged()) == (CANCELLED, 2, 100)


def test_what_an_analysis_that_was_handed_back_took_is_charged(
    app: Flask, alice: User, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = write(alice, TWO_WINDOWS)

    def end(_: Request) -> Reply:
        with app.app_context():
            until(charged)
        monkeypatch.setattr(stopping, "_asked", [time.monotonic()])
        return slow(60)

    stub.script = [elements(), end]
    row = process(run)
    assert (row.status, len(stub.requests), charged()) == (QUEUED, 2, 100)


def test_what_a_transcription_took_is_charged_by_the_minute(make_app: Callable[[Settings], Flask], settings: Settings, stub: Stub) -> None:
    keyed = {"openai_base_url": stub.url, "openai_api_key": SecretStr(KEY), "transcriber": "openai", "analyzer": "local"}
    with make_app(settings.model_copy(update={**keyed, "openai_transcription_price": 0.6})).app_context():
        user = register("alice@example.org", "Alice")
        user.consented_at = now()
        db.session.commit()
        _, run = write(user, media.encode(media.voice(seconds=20), "ogg"), file_name="a.ogg")
        assert process(run).report["transcriber"] == "openai"
        assert db.session.scalars(sa.select(Spending.cost_usd)).one() == pytest.approx(0.2, rel=0.05)


def charged() -> int:
    """Input tokens that stand in somebody's bill."""
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.sum(Spending.input_tokens))) or 0
