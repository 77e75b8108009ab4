"""Verification: every difference between SQL, the sealed analyses and the graph is told, with ids and never with words."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts import service as accounts
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.errors import Conflict
from insight_journey.extensions import db
from insight_journey.graph.client import Graph
from insight_journey.graph.projection import person_id, remove_session
from insight_journey.sessions import pipeline, relay, service
from insight_journey.sessions.models import Artifact, Identity, MomentText, Run, Session
from insight_journey.sessions.verification import Difference, verify
from tests.sessions.conftest import TEXT, again, write


@pytest.fixture
def session(alice: User) -> Session:
    """Written, analyzed and in the graph."""
    return done(alice)


def done(user: User, text: str = TEXT) -> Session:
    session, run = write(user, text)
    pipeline.process_run(str(run.id))
    row: Session = again(session)
    return row


def graph() -> Graph:
    found: Graph = current_app.extensions["graph"]
    return found


def change(user: User, query: str) -> None:
    """Somebody's hand in the graph. `$owner` is the person."""
    graph().write([(query, {"owner": person_id(keystore.user(user.id), user.id)})])


def whats(found: list[Difference]) -> set[tuple[str, str, str]]:
    return {(one.store, one.what, one.thing.split()[0]) for one in found}


def test_it_works(alice: User, session: Session) -> None:
    done(alice, "I feel sad about my work. I will call my sister.")
    assert verify(alice.id) == []


def test_of_nothing_there_is_nothing_to_say(alice: User) -> None:
    assert verify(alice.id) == []


def test_a_session_without_content_is_in_order(alice: User) -> None:
    service.create_session(alice, "Empty")
    db.session.commit()
    relay.reconcile(alice.id)
    assert verify(alice.id) == []


def test_a_lost_session_is_told_with_its_id(alice: User, session: Session) -> None:
    other = done(alice)
    remove_session(graph(), keystore.user(alice.id), alice.id, other.id, fence=99)
    found = verify(alice.id)
    assert {one.what for one in found} == {"missing"}
    assert {one.session for one in found} == {str(other.id)}
    assert {"Session", "Moment", "HAS_SESSION", "HAS_MOMENT", "EXPRESSES"} <= {one.thing.split()[0] for one in found}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("MATCH (m:Moment {owner: $owner, position: 0}) SET m.position = 7", {("graph", "changed", "Moment")}),
        ("MATCH (m:Moment {owner: $owner})-[r:EXPRESSES]->() DELETE r", {("graph", "missing", "EXPRESSES")}),
        ("MATCH (b:Belief {owner: $owner})-[r:IN_CATEGORY]->() DELETE r", {("graph", "missing", "IN_CATEGORY")}),
        ("CREATE (:Insight {owner: $owner, id: 'stray', key: 'stray'})", {("graph", "extra", "Insight")}),
        ("MATCH (m:Moment {owner: $owner})-[r:SPARKS]->() SET r.wording = r.id", {("graph", "changed", "SPARKS")}),
        (
            "MATCH (p:Person {owner: $owner})-[:HAS_SESSION]->(s:Session) CREATE (p)-[:HAS_SESSION]->(s)",
            {("graph", "extra", "HAS_SESSION")},
        ),
    ],
    ids=["a property", "a mention", "a category", "a stray element", "a wording", "a doubled relationship"],
)  # fmt: skip
def test_a_hand_in_the_graph_is_told(alice: User, session: Session, query: str, expected: set[Any]) -> None:
    change(alice, query)
    assert whats(verify(alice.id)) == expected


def test_a_ghost_is_told(alice: User, session: Session) -> None:
    """In the graph, and SQL knows nothing of it: as after a restored database."""
    db.session.delete(again(session))
    db.session.commit()
    found = verify(alice.id)
    assert {"Session", "Moment", "Emotion"} <= {one.thing.split()[0] for one in found}
    assert {one.what for one in found} == {"extra"}


@pytest.mark.parametrize(
    ("lose", "expected"),
    [
        (lambda s: sa.delete(MomentText).where(MomentText.session_id == s.id), ("sql", "missing", "moment")),
        (lambda s: sa.delete(Identity).where(Identity.session_id == s.id), ("sql", "missing", "identity")),
        (lambda s: sa.update(MomentText).where(MomentText.session_id == s.id).values(position=9), ("sql", "changed", "moment")),
        (lambda s: sa.update(MomentText).where(MomentText.session_id == s.id).values(version=9), ("sql", "unreadable", "moment")),
        (lambda s: sa.update(Artifact).where(Artifact.session_id == s.id).values(digest=b"?"), ("sealed", "unreadable", "analysis")),
    ],
)  # fmt: skip
def test_what_sql_lost_is_told(alice: User, session: Session, lose: Callable[[Session], Any], expected: tuple[str, str, str]) -> None:
    db.session.execute(lose(session))
    db.session.commit()
    found = verify(alice.id)
    assert whats(found) == {expected}
    assert {one.session for one in found} == {str(session.id)}


def test_what_waits_is_told_once(alice: User, session: Session) -> None:
    done(alice)
    service.delete_session(again(session))
    db.session.commit()
    assert verify(alice.id) == [Difference(str(session.id), "outbox", "waiting", "-")]


def test_no_words_are_told(alice: User, session: Session) -> None:
    change(alice, "MATCH (n {owner: $owner}) DETACH DELETE n")
    told = " ".join(one.thing for one in verify(alice.id)).lower()
    assert told
    assert not {word for word in ("anxious", "enough", "help", "title", "alice") if word in told}


def test_a_person_whose_graph_is_being_written_is_not_judged(alice: User, session: Session) -> None:
    with relay.lease(alice.id), pytest.raises(Conflict):
        verify(alice.id)


def test_others_are_no_difference(alice: User, bob: User, session: Session) -> None:
    done(bob)
    change(bob, "MATCH (n {owner: $owner}) DETACH DELETE n")
    assert verify(alice.id) == []
    assert verify(bob.id)


def test_a_run_more_is_no_difference(alice: User, session: Session) -> None:
    run: Run = service.start_run(again(session), request_id=None, from_stage="transcribe")
    db.session.commit()
    pipeline.process_run(str(run.id))
    assert verify(alice.id) == []


def test_who_moves_to_another_time_zone_has_her_days_there(app: Flask, alice: User, session: Session) -> None:
    token = accounts.login("alice@example.org", "plum tree in the rain").access_token
    db.session.commit()
    answer = app.test_client().patch(
        "/api/v1/users/me", json={"timezone": "Pacific/Kiritimati"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    assert relay.is_stale(session.id)
    assert relay.reconcile(alice.id)
    assert verify(alice.id) == []
