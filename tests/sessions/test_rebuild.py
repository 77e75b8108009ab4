"""A graph dropped and made anew is the same graph; so is one on the other engine, and one restored from another time."""

from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.extensions import db
from insight_journey.graph import whole
from insight_journey.graph.client import Graph
from insight_journey.graph.projection import person_id, remove_person
from insight_journey.graph.whole import Export
from insight_journey.sessions import pipeline, relay, service
from insight_journey.sessions.models import RelayLease, Session
from insight_journey.sessions.verification import verify
from insight_journey.settings import Settings
from tests.engines import GraphEngine
from tests.sessions.conftest import TEXT, again, write

TEXTS = (TEXT, f"{TEXT} I feel sad about my mother. I will call her tomorrow.", "I'm not good enough. I feel happy today.")


def live(user: User) -> list[Session]:
    """Sessions written, one re-analyzed, one deleted."""
    sessions = []
    for text in TEXTS:
        session, run = write(user, text)
        pipeline.process_run(str(run.id))
        sessions.append(again(session))
    run = service.start_run(sessions[0], request_id=None)
    db.session.commit()
    pipeline.process_run(str(run.id))
    service.delete_session(again(sessions.pop()))
    db.session.commit()
    assert relay.reconcile(user.id)
    return sessions


def export(user: User) -> Export:
    return whole.export(_graph(), keystore.user(user.id))


def _graph() -> Graph:
    found: Graph = current_app.extensions["graph"]
    return found


def wipe(user: User) -> None:
    remove_person(_graph(), person_id(keystore.user(user.id), user.id))


def rebuild(user: User) -> None:
    relay.mark_person_stale(user.id)
    db.session.commit()
    assert relay.reconcile(user.id)


def test_it_works(alice: User) -> None:
    live(alice)
    before = export(alice)
    assert before["nodes"]
    rebuild(alice)
    assert export(alice) == before
    assert verify(alice.id) == []


def test_what_does_not_belong_is_gone(alice: User) -> None:
    live(alice)
    before = export(alice)
    stray = "CREATE (:Insight {owner: $owner, id: 'stray'})"
    _graph().write([(stray, {"owner": person_id(keystore.user(alice.id), alice.id)})])
    rebuild(alice)
    assert export(alice) == before


def test_it_is_the_same_on_the_other_engine(
    alice: User, make_app: Callable[[Settings], Flask], settings: Settings, both_graphs: GraphEngine
) -> None:
    live(alice)
    before = export(alice)
    other = settings.model_copy(
        update={
            "graph_url": both_graphs.url, "graph_user": both_graphs.user, "graph_database": both_graphs.database,
            "graph_password": type(settings.graph_password)(both_graphs.password),
        }
    )  # fmt: skip
    with make_app(other).app_context():
        rebuild(alice)
        assert export(alice) == before
        assert verify(alice.id) == []


def test_others_stay_as_they_are(alice: User, bob: User) -> None:
    live(alice)
    live(bob)
    before = export(bob)
    rebuild(alice)
    assert export(bob) == before


def test_a_rebuild_that_was_cut_short_is_finished_by_the_next_relay(alice: User) -> None:
    live(alice)
    before = export(alice)
    relay.mark_person_stale(alice.id)
    db.session.commit()
    with relay.lease(alice.id) as held:
        assert held
        relay._start_over(held)  # and here the process dies
    assert export(alice) == {"nodes": [], "relationships": []}
    assert relay.reconcile(alice.id)
    assert export(alice) == before


def test_a_graph_that_lost_a_person_is_healed_at_her_next_change(alice: User) -> None:
    sessions = live(alice)
    before = export(alice)
    wipe(alice)
    relay.mark_stale(alice.id, sessions[0].id)
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert export(alice) == before


def test_a_database_of_an_earlier_time_is_not_refused_for_ever(alice: User) -> None:
    """The graph has seen later fences, and a session that the database forgot."""
    sessions = live(alice)
    forgotten = sessions.pop()
    lease = db.session.get_one(RelayLease, alice.id, populate_existing=True)
    db.session.delete(again(forgotten))
    lease.fence, lease.written = 1, 1
    db.session.commit()
    relay.mark_stale(alice.id, sessions[0].id)
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert verify(alice.id) == []
    assert [node for node in export(alice)["nodes"] if node["label"] == "Session"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Session)) == len(sessions)
