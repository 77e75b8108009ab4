"""The same one again, in other words: which element a mention is of, decided once and kept."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey import encoder
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis.base import Analysis, Kind, Mention
from insight_journey.extensions import db
from insight_journey.graph import views, whole
from insight_journey.sessions import earlier, identity, pipeline, relay, service
from insight_journey.sessions.identity import decide, normalised, worded
from insight_journey.sessions.models import Identity, Session
from insight_journey.sessions.verification import verify
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write
from tests.stack import Stack

PERFECT, AGAIN = "I must be perfect.", "I have to be perfect."


def said(user: User, text: str) -> Session:
    """A session of these words, analyzed and in the graph."""
    session, run = write(user, text)
    pipeline.process_run(str(run.id))
    found: Session = again(session)
    return found


def analyzed_again(session: Session) -> None:
    run = service.start_run(session, request_id=None)
    db.session.commit()
    pipeline.process_run(str(run.id))


def decisions(session: Session, kind: Kind = "belief") -> list[Identity]:
    db.session.rollback()
    mine = sa.select(Identity).where(Identity.session_id == session.id, Identity.kind == kind)
    return list(db.session.scalars(mine.execution_options(populate_existing=True).order_by(Identity.text_hash)))


def element(session: Session, kind: Kind = "belief") -> str:
    [decision] = decisions(session, kind)
    return decision.element_key


def in_the_graph(user: User, session: Session, kind: Kind = "belief") -> set[str]:
    found = views.session_mentions(current_app.extensions["graph"], keystore.user(user.id), session.id)
    return {mention.element_id for mention in found if mention.kind == kind}


def test_it_works(stack: Stack) -> None:
    alice = stack.person("Alice")
    first, second = alice.write(PERFECT), alice.write(f"Work was long today. {AGAIN}")
    beliefs = alice.all("/elements", kind="belief")
    assert {(belief["session_id"], belief["quote"]) for belief in beliefs} == {(first, PERFECT), (second, AGAIN)}
    assert {belief["text"] for belief in beliefs} == {"I must be perfect"}  # how it was first said
    assert len({belief["element_id"] for belief in beliefs}) == 1
    charlie = stack.person("Charlie")
    charlie.write(AGAIN)
    [his] = charlie.all("/elements", kind="belief")
    assert his["element_id"] not in {belief["element_id"] for belief in beliefs}


def test_an_element_is_announced_once_however_it_is_worded(stack: Stack) -> None:
    alice = stack.person("Alice")
    with alice.listening() as heard:
        for text in (PERFECT, AGAIN):
            alice.write(text)
        alice.write("I'm a burden to everyone.")
        assert [event["kind"] for event in heard.of("element.created")].count("belief") == 2


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("belief", "I'm not good enough.", "I'm never good enough."),
        ("belief", "I can't trust people.", "I can never trust anyone."),
        ("belief", "I'm a burden to everyone.", "I feel like I'm just a burden to people."),
        ("challenge", "I find it hard to switch off after work.", "I struggle to switch off after work."),
        ("challenge", "I struggle to say no to people.", "It's so hard to say no to people."),
        ("insight", "I realised that I never ask for help.", "I've realised that I never ask anyone for help."),
        ("action_item", "I will call my sister.", "I'm going to call my sister on Sunday."),
        ("action_item", "I will talk to my manager about my workload.", "I'll speak with my manager about my workload."),
    ],
)  # fmt: skip
def test_the_same_in_other_words_is_one_element(alice: User, kind: Kind, one: str, other: str) -> None:
    first, second = (said(alice, f"{text} It was a long week for me.") for text in (one, other))
    [decision] = decisions(second, kind)
    assert (decision.element_key, decision.rule) == (element(first, kind), "similar")
    assert decision.similarity and decision.similarity >= 0.65
    assert in_the_graph(alice, first, kind) == in_the_graph(alice, second, kind)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("belief", PERFECT, "I don't have to be perfect."),
        ("belief", "I'm not good enough.", "I'm good enough."),
        ("belief", "I don't deserve love.", "I deserve love."),
        ("challenge", "I struggle to talk to my father.", "I struggle to talk to my brother."),
        ("challenge", "I can't focus in the office.", "I can't focus at home."),
        ("insight", "I realised that I sleep worse when I drink coffee.", "I realised that I sleep better when I drink coffee."),
        ("action_item", "I will call my sister.", "I will call my brother."),
        ("action_item", "I will call my sister on Sunday.", "I will call my sister on Monday."),
        ("action_item", "I will walk for 10 minutes every day.", "I will walk for 20 minutes every day."),
    ],
)  # fmt: skip
def test_what_only_sounds_alike_stays_apart(alice: User, kind: Kind, one: str, other: str) -> None:
    first, second = (said(alice, f"{text} It was a long week for me.") for text in (one, other))
    assert element(first, kind) != element(second, kind)
    assert decisions(second, kind)[0].rule == "exact"


def test_another_kind_or_category_stays_apart(alice: User) -> None:
    """The same wording as a belief and as an insight; one text that two analyzers filed under two categories."""
    both = said(alice, "I realised that I must be perfect.")
    assert element(both, "belief") != element(both, "insight")
    first, second = write(alice)[0], write(alice)[0]
    _decide(alice, first, "I must be perfect", "self.standards")
    _decide(alice, second, "I have to be perfect", "self.worth")
    assert element(first) != element(second)


def test_others_words_never_join_hers(alice: User, bob: User) -> None:
    hers, his = said(alice, PERFECT), said(bob, AGAIN)
    assert element(hers) != element(his)
    assert decisions(his)[0].rule == "exact"


def test_a_rebuild_replays_what_was_decided(alice: User) -> None:
    said(alice, PERFECT)
    second = said(alice, AGAIN)
    before = whole.export(current_app.extensions["graph"], keystore.user(alice.id))
    relay.mark_person_stale(alice.id)
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert whole.export(current_app.extensions["graph"], keystore.user(alice.id)) == before
    assert verify(alice.id) == []
    assert decisions(second)[0].rule == "similar"


def test_deleting_what_began_an_element_leaves_it_to_the_others(alice: User) -> None:
    first, second, third = said(alice, PERFECT), said(alice, AGAIN), said(alice, "I need to be perfect.")
    kept = element(second)
    service.delete_session(again(first))
    db.session.commit()
    assert relay.reconcile(alice.id)
    assert element(second) == element(third) == kept
    assert element(said(alice, "I've got to be perfect.")) == kept
    assert element(said(alice, PERFECT)) == kept
    assert verify(alice.id) == []


def test_a_new_analysis_keeps_what_was_decided(alice: User) -> None:
    first, second = said(alice, PERFECT), said(alice, AGAIN)
    before = [(row.element_key, row.rule, row.similarity) for row in decisions(second)]
    service.delete_session(again(first))
    db.session.commit()
    analyzed_again(second)
    assert [(row.element_key, row.rule, row.similarity) for row in decisions(second)] == before


def test_without_an_encoder_only_the_same_words_join_until_there_is_one(
    make_app: Callable[[Settings], Flask], settings: Settings, tmp_path: Path, alice: User
) -> None:
    first = said(alice, PERFECT)
    with make_app(settings.model_copy(update={"encoder_model": tmp_path / "none.onnx"})).app_context():
        other, same = said(alice, AGAIN), said(alice, "I must be perfect!")
        assert element(other) != element(first)
        assert element(same) == element(first)
        session_id = other.id
    other = db.session.get_one(Session, session_id)
    analyzed_again(other)
    assert element(other) == element(first)
    assert in_the_graph(alice, other) == in_the_graph(alice, first)
    assert verify(alice.id) == []


def test_two_workers_decide_one_after_the_other(alice: User, app: Flask) -> None:
    first, second = write(alice)[0], write(alice)[0]
    _decide(alice, first, "I must be perfect", commit=False)
    done = threading.Event()

    def other() -> None:
        with app.app_context():
            _decide(alice, second, "I have to be perfect")
            done.set()

    thread = threading.Thread(target=other)
    thread.start()
    assert not done.wait(0.5)
    db.session.commit()
    thread.join()
    assert element(first) == element(second)


def test_all_at_once_ends_as_one_by_one(alice: User, bob: User, app: Flask) -> None:
    """Order decides which wording begins an element, and so its id; not what stands together."""
    texts = (PERFECT, AGAIN, "I need to be perfect.", "I'm a burden to everyone.", "I feel like I'm just a burden to people.")
    calm = [said(bob, text) for text in reversed(texts)][::-1]
    written = [write(alice, text) for text in texts]

    def process(run_id: str) -> None:
        with app.app_context():
            pipeline.process_run(run_id)

    threads = [threading.Thread(target=process, args=(str(run.id),)) for _, run in written]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _together([session for session, _ in written]) == _together(calm) == {(0, 1, 2), (3, 4)}
    assert verify(alice.id) == []


def test_what_a_new_analysis_no_longer_says_is_nothing_to_be_like(alice: User) -> None:
    session = write(alice)[0]
    _decide(alice, session, "I must be perfect")
    first = element(session)
    _decide(alice, session, "I have to be perfect")
    assert element(session) != first


def test_words_and_vectors_are_sealed_under_the_sessions_own_key(alice: User) -> None:
    [decision] = decisions(said(alice, PERFECT))
    assert decision.sealed is not None
    assert b"perfect" not in decision.sealed
    keystore.destroy_session(decision.session_id)
    assert decisions(said(alice, AGAIN))[0].rule == "exact"


def test_a_damaged_row_is_like_nothing_and_stops_nobody(alice: User) -> None:
    session = said(alice, PERFECT)
    db.session.execute(sa.update(Identity).where(Identity.session_id == session.id).values(sealed=b"?"))
    db.session.commit()
    assert element(said(alice, AGAIN)) != element(session)


def test_it_takes_as_many_statements_however_much_was_said(alice: User) -> None:
    few = _statements(alice, _beliefs(alice, 1))
    many = _statements(alice, _beliefs(alice, 40))
    assert few == many


# -- by hand ---------------------------------------------------------------------------------------------------------


def _analysis(*beliefs: str, code: str = "self.standards") -> Analysis:
    mentions = tuple(Mention("belief", 0, text, 0, len(text), 0.8, "rule", code=code, text=text) for text in beliefs)
    return Analysis("local", "1", "en", (), mentions)


def _decide(user: User, session: Session, belief: str, code: str = "self.standards", commit: bool = True) -> None:
    key = keystore.user(user.id)
    decide(key, user.id, session.id, worded(key, _analysis(belief, code=code), encoder.get(None)))
    if commit:
        db.session.commit()


def _beliefs(user: User, count: int) -> Session:
    """A session that holds many different beliefs; returned is one that holds none yet."""
    key = keystore.user(user.id)
    session = write(user)[0]
    texts = [f"I must be the best at task number {number}" for number in range(count)]
    decide(key, user.id, session.id, worded(key, _analysis(*texts), encoder.get(None)))
    db.session.commit()
    return write(user)[0]


def _statements(user: User, session: Session) -> int:
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    for engine in (db.engine, keystore.engine):
        sa.event.listen(engine, "before_cursor_execute", count)
    try:
        _decide(user, session, "I have to be perfect")
    finally:
        for engine in (db.engine, keystore.engine):
            sa.event.remove(engine, "before_cursor_execute", count)
    return len(statements)


def _together(sessions: list[Session]) -> set[tuple[int, ...]]:
    """Which sessions share their belief."""
    keys = [element(session) for session in sessions]
    return {tuple(place for place, other in enumerate(keys) if other == key) for key in keys}


def test_normalised_wordings_are_what_is_kept(alice: User) -> None:
    session = said(alice, PERFECT)
    [decision] = decisions(session)
    known = earlier.read(keystore.user(alice.id), alice.id, session.id, [decision.text_hash])
    [(element_key, wording)] = known.shelves["belief", "self.standards"].known
    assert (element_key, wording.text) == (decision.element_key, normalised("I must be perfect"))
    assert identity.decided(session.id)["belief", decision.text_hash] == element_key
