"""Whose turn it is: people take turns at a queue, however much one of them waits for."""

import threading
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from insight_journey import tasks
from insight_journey.accounts.models import User
from insight_journey.extensions import db, now
from insight_journey.sessions import claims, pipeline, service, turns
from insight_journey.sessions.claims import Claim
from insight_journey.sessions.models import FINISHED, GRAPH, Media, Run
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write


def end(claim: Claim) -> None:
    claim.hold(status=FINISHED, finished_at=now(), lease_token=None, lease_until=None)
    db.session.commit()


def order(queue: str, names: dict[object, str], *, ending: bool = True) -> str:
    """Who is served, one letter a run, until nothing is due."""
    served = ""
    while claim := turns.take(queue):
        served += names[claim.user_id]
        if ending:
            end(claim)
    return served


def test_the_first_of_another_is_at_latest_second(alice: User, bob: User) -> None:
    for _ in range(20):
        write(alice)
    first = turns.take(tasks.ANALYSIS)
    assert first and first.user_id == alice.id
    write(bob)
    second = turns.take(tasks.ANALYSIS)
    assert second and second.user_id == bob.id


def test_two_who_wait_for_much_take_turns(alice: User, bob: User) -> None:
    for _ in range(4):
        write(alice)
    for _ in range(3):
        write(bob)
    assert order(tasks.ANALYSIS, {alice.id: "a", bob.id: "b"}) == "abababa"


def test_what_waits_for_the_graph_lets_new_work_pass(alice: User) -> None:
    waits, comes = write(alice)[1], write(alice)[1]
    waits.waiting_for = GRAPH
    db.session.commit()
    assert [turns.take(tasks.ANALYSIS).run_id for _ in range(2)] == [comes.id, waits.id]  # type: ignore[union-attr]


def test_several_workers_share_themselves_out(alice: User, bob: User) -> None:
    for _ in range(6):
        write(alice)
    for _ in range(2):
        write(bob)
    assert order(tasks.ANALYSIS, {alice.id: "a", bob.id: "b"}, ending=False)[:4] in ("abab", "abba")


def test_ones_own_go_by_age(alice: User) -> None:
    runs = [write(alice)[1].id for _ in range(3)]
    taken = [claim.run_id for _ in range(3) if (claim := turns.take(tasks.ANALYSIS))]
    assert taken == runs
    assert turns.take(tasks.ANALYSIS) is None


def test_each_queue_has_its_own_turns(alice: User, bob: User) -> None:
    recorded = write(alice)[1]
    db.session.execute(sa.update(Media).where(Media.session_id == recorded.session_id).values(kind="audio"))
    db.session.commit()
    write(alice), write(bob)
    names: dict[object, str] = {alice.id: "a", bob.id: "b"}
    assert order(tasks.MEDIA, names) == "a"
    assert order(tasks.ANALYSIS, names) == "ab"  # her turn at the other queue is not counted here


def test_a_run_that_is_not_due_or_at_work_is_left(alice: User) -> None:
    later, at_work, over = (write(alice)[1] for _ in range(3))
    db.session.execute(sa.update(Run).where(Run.id == later.id).values(not_before=now() + timedelta(minutes=1)))
    db.session.commit()
    assert claims.take(at_work.id)
    service.cancel_run(again(over))
    db.session.commit()
    assert turns.take(tasks.ANALYSIS) is None


def test_a_run_whose_worker_died_is_taken_again(alice: User) -> None:
    _, run = write(alice)
    assert turns.take(tasks.ANALYSIS)
    db.session.execute(sa.update(Run).where(Run.id == run.id).values(lease_until=now() - timedelta(seconds=1)))
    db.session.commit()
    claim = turns.take(tasks.ANALYSIS)
    assert claim and claim.run_id == run.id


def test_any_nudge_will_do(alice: User, bob: User) -> None:
    _, first = write(alice)
    _, second = write(alice)
    _, other = write(bob)
    for _ in range(3):
        pipeline.process_next(tasks.ANALYSIS, str(second.id))
    assert {again(run).status for run in (first, second, other)} == {FINISHED}


def test_workers_at_once_take_each_run_once(alice: User, bob: User, make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    runs = {write(who)[1].id for who in (alice, bob) for _ in range(6)}
    app, taken = make_app(settings), []

    def work() -> None:
        with app.app_context():
            while claim := turns.take(tasks.ANALYSIS):
                taken.append(claim.run_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(runs)
