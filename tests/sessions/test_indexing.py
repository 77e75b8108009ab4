"""The stage that makes a session findable: one sealed file, made anew with each analysis, gone with the session."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from insight_journey.accounts.models import User
from insight_journey.errors import NotFound, Tampered
from insight_journey.extensions import db
from insight_journey.graph import views
from insight_journey.search import index, words
from insight_journey.search.index import Index
from insight_journey.sessions import documents, pipeline, relay, service, stages
from insight_journey.sessions.models import FINISHED, Artifact, MomentText, Run, Session
from insight_journey.settings import Settings
from tests.sessions.conftest import again, register, write


def analyzed(user: User, text: str = "I'm not good enough. Yesterday I felt sad about Priya.") -> tuple[Session, Run]:
    session, run = write(user, text)
    pipeline.process_run(str(run.id))
    run = again(run)
    assert (run.status, run.error_code) == (FINISHED, None)
    return again(session), run


def indexes(session: Session) -> list[Artifact]:
    query = sa.select(Artifact).where(Artifact.session_id == session.id, Artifact.kind == documents.INDEX)
    return list(db.session.scalars(query))


def files(session: Session) -> list[Path]:
    root: Path = current_app.extensions["storage"].root
    return sorted((root / documents.folder(session.id)).glob("*.index"))


def opened(session: Session, owner: User | None = None) -> Index:
    (artifact,) = indexes(session)
    key = service.session_key(session)
    return index.unpacked(documents.read_bytes(key, artifact))


def test_it_works(alice: User) -> None:
    session, run = analyzed(alice)
    made = opened(session)
    assert session.index_id == run.index_id == indexes(session)[0].id
    ids = [UUID(bytes=row.tobytes()) for row in made.moments]
    assert set(ids) == set(db.session.scalars(sa.select(MomentText.id).where(MomentText.session_id == session.id)))
    mentions = views.session_mentions(current_app.extensions["graph"], stages.user_key(run), session.id)
    rows = {UUID(bytes=m.tobytes()): UUID(bytes=e.tobytes()) for m, e in zip(made.mentions, made.elements, strict=True)}
    assert {UUID(m.id): UUID(m.element_id) for m in mentions} == {m: e for m, e in rows.items() if m != index.NOBODY}
    assert len(made.vectors) >= len(made.kinds) > 2
    assert np.isin(words.hashes(["priya"]), made.hashes).all()


def test_a_new_analysis_replaces_it(alice: User) -> None:
    session, first = analyzed(alice)
    second = service.start_run(session, request_id=None)
    db.session.commit()
    pipeline.process_run(str(second.id))
    assert again(second).status == FINISHED
    (artifact,) = indexes(again(session))
    assert artifact.id == again(session).index_id == again(second).index_id != first.index_id
    assert [path.name for path in files(session)] == [Path(artifact.path).name]


def test_it_goes_with_the_session(alice: User) -> None:
    session, _ = analyzed(alice)
    assert len(files(session)) == 1
    service.delete_session(session)
    db.session.commit()
    relay.reconcile(alice.id)
    assert files(session) == [] and indexes(session) == []


def test_no_words_stand_in_the_file(alice: User) -> None:
    session, _ = analyzed(alice)
    made, data = opened(session), files(session)[0].read_bytes()
    assert all(text not in data for text in (b"good enough", b"Priya", b"vector_ends", made.vectors[0].tobytes()[:16]))


def test_it_opens_for_its_owner_and_session_alone(alice: User, bob: User) -> None:
    (hers, _), (his, _) = analyzed(alice), analyzed(bob)
    (artifact,) = indexes(hers)
    with pytest.raises(Tampered):
        documents.read_bytes(service.session_key(his), artifact)
    hers.user_id = bob.id  # as somebody with the database could write it
    with pytest.raises(NotFound):
        service.session_key(hers)
    db.session.rollback()


def test_without_an_encoder_words_are_indexed_and_the_run_says_so(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    with make_app(settings.model_copy(update={"encoder_model": settings.home / "none.onnx"})).app_context():
        session, run = analyzed(register("alice@example.org", "Alice"))
        made = opened(session)
        assert "words_only" in run.warnings
        assert len(made.vectors) == 0 and len(made.hashes) > 5


def test_sessions_of_before_are_indexed_by_an_operator(app: Flask, alice: User, bob: User) -> None:
    (old, _), (damaged, _), (fine, _), (his, _) = analyzed(alice), analyzed(alice), analyzed(alice), analyzed(bob)
    before = fine.index_id
    db.session.execute(sa.delete(Artifact).where(Artifact.id == old.index_id))
    db.session.execute(sa.update(Session).where(Session.id.in_([old.id, his.id])).values(index_id=None))
    db.session.commit()
    files(damaged)[0].write_bytes(b"IJSF")
    done = app.test_cli_runner().invoke(args=["search", "reindex", "--user", str(alice.id)])
    assert (done.exit_code, done.stderr.strip()) == (0, "2 sessions indexed, 0 failed")
    assert len(opened(again(old)).kinds) == len(opened(again(fine)).kinds) == len(opened(again(damaged)).kinds) > 2
    assert again(old).index_id == indexes(old)[0].id and again(fine).index_id == before and again(his).index_id is None
    assert app.test_cli_runner().invoke(args=["search", "reindex", "--user", str(alice.id)]).stderr.startswith("0 sessions indexed")
    everything = app.test_cli_runner().invoke(args=["search", "reindex", "--all"])
    assert everything.stderr.startswith("4 sessions indexed") and again(fine).index_id != before


def test_what_can_not_be_indexed_is_told_and_holds_up_nothing(app: Flask, alice: User) -> None:
    (broken, _), (other, _) = analyzed(alice), analyzed(alice)
    analysis = db.session.get_one(Artifact, broken.analysis_id)
    (current_app.extensions["storage"].root / analysis.path).unlink()
    done = app.test_cli_runner().invoke(args=["search", "reindex", "--all"])
    assert (done.exit_code, done.stdout.split()) == (1, [str(alice.id), str(broken.id), "file_missing"])
    assert len(opened(again(other)).kinds) > 2
