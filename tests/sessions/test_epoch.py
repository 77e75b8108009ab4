"""The epoch: a store restored from another time is noticed and healed; what is in order is left alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.extensions import db, new_id
from insight_journey.graph import whole
from insight_journey.graph.client import Graph
from insight_journey.graph.epoch import count, counter_of
from insight_journey.graph.projection import person_id, project_session, remove_person, remove_session
from insight_journey.graph.whole import Export
from insight_journey.sessions import pipeline, relay, service
from insight_journey.sessions.epoch import REDIS_KEY, keep
from insight_journey.sessions.models import Installation, RelayLease, Session, StaleMark
from insight_journey.sessions.truth import read_truth
from insight_journey.sessions.verification import verify
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write


@pytest.fixture
def session(alice: User) -> Session:
    """In the graph, and the stores have counted a while."""
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    for _ in range(3):
        keep()
    row: Session = again(session)
    return row


def graph() -> Graph:
    found: Graph = current_app.extensions["graph"]
    return found


def epoch() -> Installation:
    db.session.rollback()
    return db.session.get_one(Installation, 1, populate_existing=True)


def marks() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(StaleMark)) or 0


def export(user: User) -> Export:
    return whole.export(graph(), keystore.user(user.id))


def set_graph(counter: int) -> None:
    query = "MATCH (i:Installation {owner: $owner}) SET i.counter = $counter"
    graph().write([(query, {"owner": str(epoch().id), "counter": counter})])


def heal(user: User) -> None:
    keep()
    assert marks()
    assert relay.reconcile(user.id)
    assert verify(user.id) == []
    keep()
    assert marks() == 0


def test_it_works(session: Session) -> None:
    row = epoch()
    assert (row.counter, row.graph_counter, counter_of(graph(), row.id), marks()) == (3, 3, 3, 0)


def test_a_graph_of_an_earlier_time_is_healed(alice: User, session: Session) -> None:
    before = export(alice)
    remove_person(graph(), person_id(keystore.user(alice.id), alice.id))
    set_graph(1)
    heal(alice)
    assert export(alice) == before


def test_an_empty_graph_is_healed(alice: User, session: Session) -> None:
    before = export(alice)
    remove_person(graph(), person_id(keystore.user(alice.id), alice.id))
    graph().write([("MATCH (i:Installation {owner: $owner}) DETACH DELETE i", {"owner": str(epoch().id)})])
    heal(alice)
    assert export(alice) == before


def test_a_session_deleted_since_the_copy_does_not_come_back(alice: User, session: Session) -> None:
    before = export(alice)
    other, run = write(alice)
    pipeline.process_run(str(run.id))
    told = read_truth(keystore.user(alice.id), again(other))
    service.delete_session(again(other))
    db.session.commit()
    relay.reconcile(alice.id)
    assert export(alice) == before
    written = db.session.get_one(RelayLease, alice.id, populate_existing=True).written
    project_session(graph(), keystore.user(alice.id), told, written)  # as the copy has it
    assert export(alice) != before
    set_graph(1)
    heal(alice)
    assert export(alice) == before


def test_a_database_of_an_earlier_time_takes_what_it_forgot_out_of_the_graph(alice: User, session: Session) -> None:
    forgotten, run = write(alice)
    pipeline.process_run(str(run.id))
    row = epoch()
    db.session.execute(sa.delete(Session).where(Session.id == forgotten.id))
    row.counter = row.graph_counter = 1
    db.session.commit()
    heal(alice)
    assert epoch().counter > 3
    assert sum(node["label"] == "Session" for node in export(alice)["nodes"]) == 1


@pytest.mark.parametrize("graph_has_counted", [False, True])
def test_a_process_that_died_while_it_counted_alarms_nobody(session: Session, graph_has_counted: bool) -> None:
    row = epoch()
    row.counter = 4
    db.session.commit()
    if graph_has_counted:
        count(graph(), row.id, 4)
    keep()
    assert (epoch().counter, epoch().graph_counter, marks()) == (5, 5, 0)


def test_a_late_count_does_not_count_back(session: Session) -> None:
    count(graph(), epoch().id, 1)
    assert counter_of(graph(), epoch().id) == 3


def test_two_at_once_alarm_nobody(session: Session, app: Flask) -> None:
    def once(_n: int) -> None:
        with app.app_context():
            keep()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(once, range(9)))
    keep()
    assert (epoch().counter == epoch().graph_counter, marks()) == (True, 0)


def test_an_absent_graph_alarms_nobody(make_app: Callable[[Settings], Flask], settings: Settings, session: Session) -> None:
    with make_app(settings.model_copy(update={"graph_url": "bolt://127.0.0.1:9"})).app_context():
        keep()
        assert (epoch().counter, marks()) == (3, 0)
    keep()
    assert (epoch().counter, marks()) == (4, 0)


def test_redis_is_told(session: Session, app: Flask) -> None:
    app.extensions["redis"].set(REDIS_KEY, f"{new_id()}:900")
    keep()
    assert app.extensions["redis"].get(REDIS_KEY).decode().startswith(f"{epoch().id}:")
    assert marks() == 0


def test_another_installation_on_the_same_graph_is_nobodys_business(session: Session) -> None:
    count(graph(), new_id(), 900)
    keep()
    assert marks() == 0


def test_a_session_taken_by_hand_is_not_the_epochs_to_see(alice: User, session: Session) -> None:
    """What the count can't tell, `graph verify` does."""
    remove_session(graph(), keystore.user(alice.id), alice.id, session.id, fence=99)
    keep()
    assert marks() == 0
    assert verify(alice.id)
