"""The pipeline: stages are never repeated, passing faults are tried again, others end in a sentence."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey import stopping, tasks
from insight_journey.accounts.models import User
from insight_journey.events import Event
from insight_journey.extensions import db, now
from insight_journey.graph import views
from insight_journey.sessions import documents, pipeline, reading, relay, service, stages, turns
from insight_journey.sessions.models import FAILED, FINISHED, QUEUED, RUNNING, Artifact, Media, Run, Session, StaleMark
from insight_journey.settings import Settings
from tests.sessions.conftest import TEXT, again, register, write

NOBODY = "bolt://127.0.0.1:9"


def test_it_works(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    run = again(run)
    assert (run.status, run.error_code, run.lease_token, run.waiting_for) == (FINISHED, None, None, None)
    kinds = {m.kind for m in views.session_mentions(current_app.extensions["graph"], stages.user_key(run), session.id)}
    assert {"emotion", "belief", "insight"} <= kinds


def test_a_finished_run_is_not_run_again(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    made = _artifacts(session)
    pipeline.process_run(str(run.id))
    assert _artifacts(session) == made
    assert [e.kind for e in _events(alice)].count("run.finished") == 1


def test_without_its_graph_a_run_waits_and_uses_up_no_attempt(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    with make_app(settings.model_copy(update={"graph_url": NOBODY, "attempts": 1})).app_context():
        user = register("alice@example.org", "Alice")
        session, run = write(user)
        for _ in range(2):
            _due(run)
            pipeline.process_run(str(run.id))
        run = again(run)
        assert (run.status, run.waiting_for, run.attempts, run.stage) == (RUNNING, "graph", 0, "project")
        moments, _ = reading.moments_of(user, again(session), 0, 50)
        assert [e["text"] for m in moments for e in m.elements if e["kind"] == "belief"] == ["I'm not good enough"]
        made, run = _artifacts(session), again(run)
        session = again(session)
        db.session.refresh(run)
    with make_app(settings).app_context():
        _due(run)
        pipeline.process_run(str(run.id))
        run = again(run)
        assert (run.status, run.waiting_for) == (FINISHED, None)
        assert _artifacts(session) == made


def test_what_waits_for_the_graph_ends_with_its_relay(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    with make_app(settings.model_copy(update={"graph_url": NOBODY})).app_context():
        user = register("alice@example.org", "Alice")
        _, run = write(user)
        for _ in range(2):
            _due(run)
            pipeline.process_run(str(run.id))
        assert turns.take(tasks.ANALYSIS) is None  # it does not ask again and again
        run = again(run)
    with make_app(settings).app_context():
        pipeline.catch_up(str(run.user_id))
        assert (again(run).status, again(run).waiting_for) == (FINISHED, None)


def test_a_media_file_that_was_edited_ends_the_run_with_a_sentence(alice: User) -> None:
    session, run = write(alice)
    media = db.session.scalars(sa.select(Media).where(Media.session_id == session.id)).one()
    path = current_app.extensions["storage"].root / media.path
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    pipeline.process_run(str(run.id))
    run = again(run)
    assert (run.status, run.error_code) == (FAILED, "tampered")
    assert run.error_message.endswith(".")
    assert again(session).status == FAILED
    assert _events(alice)[-1].kind == "run.failed"


def test_an_older_version_of_a_file_is_refused(alice: User) -> None:
    session, run = write(alice)
    pipeline.process_run(str(run.id))
    second = service.start_run(again(session), request_id=None, from_stage="transcribe")
    db.session.commit()
    pipeline.process_run(str(second.id))
    old, new = (_path(db.session.get_one(Artifact, again(r).transcript_id)) for r in (run, second))
    old.replace(new)
    third = service.start_run(again(session), request_id=None)
    db.session.commit()
    pipeline.process_run(str(third.id))
    assert again(third).error_code == "tampered"


def test_an_input_that_kills_its_worker_fails_in_the_end(alice: User, settings: Settings) -> None:
    _, run = write(alice)
    run.attempts = settings.attempts
    db.session.commit()
    pipeline.process_run(str(run.id))
    run = again(run)
    assert (run.status, run.error_code) == (FAILED, "worker_died")


def test_a_worker_told_to_end_hands_the_run_back_as_it_was(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    session, run = write(alice)
    with monkeypatch.context() as told:
        told.setattr(stopping, "_asked", [0.0])
        pipeline.process_run(str(run.id))
    row = again(run)
    assert (row.status, row.attempts, row.lease_token, again(session).status) == (QUEUED, 0, None, QUEUED)
    pipeline.process_run(str(run.id))
    assert again(run).status == FINISHED


def test_a_session_deleted_while_it_runs_leaves_nothing(alice: User) -> None:
    session, run = write(alice)
    key, run_id, session_id = stages.user_key(run), run.id, session.id
    service.delete_session(again(session))
    db.session.commit()
    pipeline.process_run(str(run_id))
    relay.reconcile(alice.id)
    assert not views.session_mentions(current_app.extensions["graph"], key, session_id)
    assert not (current_app.extensions["storage"].root / documents.folder(session_id)).exists()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(StaleMark)) == 0


def test_deleting_while_the_graph_is_away_reaches_it_later(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    with make_app(settings).app_context():
        alice = register("alice@example.org", "Alice")
        session, run = write(alice)
        pipeline.process_run(str(run.id))
        key = stages.user_key(run)
    with make_app(settings.model_copy(update={"graph_url": NOBODY})).app_context():
        service.delete_session(again(session))
        db.session.commit()
        relay.reconcile_job(str(alice.id))
    with make_app(settings).app_context():
        graph = current_app.extensions["graph"]
        assert views.session_mentions(graph, key, session.id)
        relay.reconcile_job(str(alice.id))
        assert not views.session_mentions(graph, key, session.id)


def test_facts_have_no_gaps_however_many_write(alice: User, app: Flask) -> None:
    runs = [write(alice, f"{TEXT} I feel sad about day {n}.")[1] for n in range(6)]

    def work(run_id: str) -> None:
        with app.app_context():
            pipeline.process_run(run_id)

    threads = [threading.Thread(target=work, args=(str(run.id),)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:  # one relay a user: whoever found it busy comes again
        _due(run)
        pipeline.process_run(str(run.id))
    assert {again(run).status for run in runs} == {FINISHED}
    facts = _events(alice)
    assert [event.sequence for event in facts] == list(range(1, len(facts) + 1))
    created = [event.payload["element_id"] for event in facts if event.kind == "element.created"]
    assert len(created) == len(set(created)) > 0


def _artifacts(session: Session) -> list[str]:
    return sorted(str(i) for i in db.session.scalars(sa.select(Artifact.id).where(Artifact.session_id == session.id)))


def _path(artifact: Artifact) -> Path:
    path: Path = current_app.extensions["storage"].root / artifact.path
    return path


def _events(user: User) -> list[Event]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Event).where(Event.user_id == user.id).order_by(Event.sequence)))


def _due(run: Run) -> None:
    db.session.execute(sa.update(Run).where(Run.id == run.id, Run.not_before.is_not(None)).values(not_before=now() - timedelta(seconds=1)))
    db.session.commit()
