"""What the search process answers, and to whom: nothing of anybody else, whatever the tables say."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.extensions import db
from insight_journey.sessions import pipeline, searching, service
from insight_journey.sessions.models import Artifact, MomentText, Run, Session
from insight_journey.sessions.searching import Searcher
from insight_journey.settings import Settings
from tests.sessions.conftest import again, register, write

HERS, HIS = "I dream of a zebra in the kitchen.", "The landlord raised my rent."


@pytest.fixture
def searcher(app: Flask, settings: Settings) -> Searcher:
    return Searcher(settings)


@pytest.fixture
def charlie(app: Flask) -> User:
    return register("charlie@example.org", "Charlie")


def analyzed(user: User, text: str) -> Session:
    session, run = write(user, text)
    pipeline.process_run(str(run.id))
    return again(session)


def ask(searcher: Searcher, user: User | UUID, q: str | None = None, like: UUID | None = None, **scope: Any) -> dict[str, Any]:
    asked = {"q": q, "like": str(like) if like else None, "kind": None, "since": None, "until": None, "offset": 0, "limit": 50}
    return searcher.answer({"user": str(user if isinstance(user, UUID) else user.id), **asked, **scope})


def sessions_found(answer: dict[str, Any]) -> set[str]:
    return {hit["session_id"] for hit in answer["hits"]}


def test_it_works(searcher: Searcher, alice: User) -> None:
    session = analyzed(alice, HERS)
    answer = ask(searcher, alice, "animals at home", kind="moment")
    assert (answer["total"], answer["by"], answer["not_indexed"], answer["words_only"]) == (1, ["meaning", "words"], 0, 0)
    assert answer["hits"][0]["session_id"] == str(session.id)
    assert "zebra" not in str(answer), "a moment's words stay where they are sealed"


@pytest.mark.parametrize("asked_before", [True, False])
def test_exchanged_indexes_lead_to_nothing(searcher: Searcher, alice: User, charlie: User, asked_before: bool) -> None:
    hers, his = analyzed(alice, HERS), analyzed(charlie, HIS)
    if asked_before:
        assert sessions_found(ask(searcher, alice, "zebra")) == {str(hers.id)}
        assert sessions_found(ask(searcher, charlie, "landlord")) == {str(his.id)}
    hers_id, his_id = hers.index_id, his.index_id
    set_index(hers, his_id)
    set_index(his, hers_id)
    for user in (alice, charlie):
        for question in ("zebra", "landlord", "a dream", "rent"):
            answer = ask(searcher, user, question)
            assert (answer["total"], answer["not_indexed"]) == (0, 1)


def test_not_even_the_artifact_moved_to_another_session_opens(searcher: Searcher, alice: User, charlie: User) -> None:
    hers, his = analyzed(alice, HERS), analyzed(charlie, HIS)
    moved = sa.update(Artifact).where(Artifact.id == hers.index_id)
    db.session.execute(moved.values(session_id=his.id, run_id=sa.select(Run.id).where(Run.session_id == his.id).scalar_subquery()))
    db.session.commit()
    set_index(his, hers.index_id)
    assert ask(searcher, charlie, "zebra")["total"] == 0
    assert ask(searcher, alice, "zebra")["total"] == 0


def test_a_session_given_to_another_does_not_open(searcher: Searcher, alice: User, charlie: User) -> None:
    hers = analyzed(alice, HERS)
    db.session.execute(sa.update(Session).where(Session.id == hers.id).values(user_id=charlie.id))
    db.session.commit()
    assert (ask(searcher, charlie, "zebra")["total"], ask(searcher, charlie, "zebra")["not_indexed"]) == (0, 1)


def test_somebody_elses_moment_is_like_nothing(searcher: Searcher, alice: User, charlie: User) -> None:
    hers, _his = analyzed(alice, HERS), analyzed(charlie, HIS)
    moment_id = db.session.scalars(sa.select(MomentText.id).where(MomentText.session_id == hers.id)).first()
    for unknown in (moment_id, uuid4()):
        assert ask(searcher, charlie, like=unknown)["total"] == 0


def test_what_is_deleted_leaves_memory_without_a_question(searcher: Searcher, alice: User) -> None:
    session = analyzed(alice, HERS)
    ask(searcher, alice, "zebra")
    searcher.tidy()
    assert searcher.library.users() == [alice.id]
    service.delete_session(session)
    db.session.commit()
    searcher.tidy()
    assert searcher.library.users() == []
    assert ask(searcher, alice, "zebra")["total"] == 0


def test_without_its_key_nothing_is_read(searcher: Searcher, alice: User) -> None:
    session = analyzed(alice, HERS)
    keystore.destroy_session(session.id)
    answer = ask(searcher, alice, "zebra")
    assert (answer["total"], answer["not_indexed"]) == (0, 1)


def test_a_new_index_is_read_and_the_old_forgotten(searcher: Searcher, alice: User) -> None:
    session = analyzed(alice, HERS)
    before = ask(searcher, alice, "zebra")
    run = service.start_run(session, request_id=None)
    db.session.commit()
    pipeline.process_run(str(run.id))
    assert ask(searcher, alice, "zebra") == before
    assert again(session).index_id == again(run).index_id


def test_without_an_encoder_words_are_searched(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    bare = settings.model_copy(update={"encoder_model": settings.home / "none.onnx"})
    with make_app(bare).app_context():
        alice = register("alice@example.org", "Alice")
        session, searcher = analyzed(alice, HERS), Searcher(bare)
        answer = ask(searcher, alice, "a Zebra's stripes")
        assert (answer["by"], answer["words_only"], sessions_found(answer)) == (["words"], 0, {str(session.id)})
        assert {(tuple(hit["by"]), hit["likeness"]) for hit in answer["hits"]} == {(("words",), None)}
        assert ask(searcher, alice, "animals at home")["total"] == 0
        moment_id = UUID(answer["hits"][0]["moment_id"])
        analyzed(alice, "A zebra stood in my kitchen again.")
        assert ask(searcher, alice, like=moment_id, kind="moment")["total"] == 1
        user_id = alice.id
    with make_app(settings).app_context():  # once there is one, what was indexed without it says so
        answer = ask(Searcher(settings), user_id, "zebra")
        assert (answer["by"], answer["words_only"], answer["total"] > 0) == (["meaning", "words"], 2, True)


def set_index(session: Session, index_id: UUID | None) -> None:
    db.session.execute(sa.update(Session).where(Session.id == session.id).values(index_id=index_id))
    db.session.commit()


def test_a_sign_of_life_names_nobody(searcher: Searcher, alice: User) -> None:
    assert set(searcher.answer({})) == {"by", "people", "bytes"}
    assert searching.THREADS > 1
