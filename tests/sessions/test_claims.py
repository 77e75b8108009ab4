"""Claims: one worker a run, and no write of one that lost it."""

from datetime import timedelta

import pytest

from insight_journey.accounts.models import User
from insight_journey.extensions import db, now
from insight_journey.sessions import claims, service
from insight_journey.sessions.claims import ClaimLost
from insight_journey.sessions.models import RUNNING, Run
from tests.sessions.conftest import again, write
from tests.stack import until


def test_it_works(alice: User) -> None:
    _, run = write(alice)
    claim = claims.take(run.id)
    assert claim is not None
    claim.hold(progress=0.5)
    db.session.commit()
    run = again(run)
    assert (run.status, run.progress, run.lease_token) == (RUNNING, 0.5, claim.token)


def test_a_claimed_run_is_not_claimed_again(alice: User) -> None:
    _, run = write(alice)
    assert claims.take(run.id)
    assert claims.take(run.id) is None


def test_a_run_whose_time_has_not_come_is_left(alice: User) -> None:
    _, run = write(alice)
    run.not_before = now() + timedelta(seconds=30)
    db.session.commit()
    assert claims.take(run.id) is None


def test_a_run_that_ended_is_left(alice: User) -> None:
    _, run = write(alice)
    service.cancel_run(run)
    db.session.commit()
    assert claims.take(run.id) is None


def test_whoever_lost_the_lease_writes_nothing(alice: User) -> None:
    _, run = write(alice)
    slept = claims.take(run.id)
    assert slept
    _expire(run)
    woke = claims.take(run.id)
    assert woke
    with pytest.raises(ClaimLost):
        slept.hold(progress=0.9)
    db.session.rollback()
    woke.hold(progress=0.1)
    db.session.commit()
    assert again(run).progress == 0.1


def test_a_heartbeat_keeps_the_lease(alice: User) -> None:
    _, run = write(alice)
    claim = claims.take(run.id)
    assert claim
    with claim:
        _expire(run)
        until(lambda: again(run).lease_until > now(), 10)


def test_a_cancelled_run_stops_its_engine(alice: User) -> None:
    _, run = write(alice)
    claim = claims.take(run.id)
    assert claim
    with claim:
        claim.progress(0.1)
        service.cancel_run(again(run))
        db.session.commit()
        until(lambda: claim.lost, 10)
        with pytest.raises(ClaimLost):
            claim.progress(0.2)


def _expire(run: Run) -> None:
    row = again(run)
    row.lease_until = now() - timedelta(seconds=1)
    db.session.commit()
