"""The care flag: set by the analysis, seen by nobody else, not even by its size; and the wire of outside models."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from pydantic import SecretStr

from insight_journey.accounts import service as accounts
from insight_journey.accounts.models import User
from insight_journey.extensions import db, now
from insight_journey.sessions import care, documents, overview, pipeline, reading, service
from insight_journey.sessions.models import FINISHED, MomentText, Session
from insight_journey.settings import Settings
from tests.sessions.conftest import again, write
from tests.stub_openai import KEY, Stub

DARK = "I went home early. I wanted to die last night."
LIGHT = "I went home early. I could kill for a coffee now."


def analyzed(user: User, text: str) -> Session:
    session, run = write(user, text)
    pipeline.process_run(str(run.id))
    assert again(run).status == FINISHED
    return again(session)  # type: ignore[no-any-return]


def shown(user: User, session: Session) -> bool:
    return bool(overview.show(user, session.id)["care"])


def test_it_works(alice: User) -> None:
    session = analyzed(alice, DARK)
    assert shown(alice, session)
    offer = care.offer(alice, session)
    (moment,), _ = reading.moments_of(alice, session, 0, 10)
    assert offer.moment_ids == [moment.id] and moment.care and moment.withheld
    assert offer.help_lines


def test_nothing_is_shown_without_need(alice: User) -> None:
    session = analyzed(alice, LIGHT)
    assert not shown(alice, session) and care.offer(alice, session).moment_ids == []


def test_nothing_is_shown_before_the_first_analysis(alice: User) -> None:
    session, _ = write(alice, DARK)
    assert session.care is None and not shown(alice, session)


def test_the_lines_are_those_of_her_country(app: Flask, alice: User) -> None:
    session = analyzed(alice, DARK)
    lines = app.extensions["help_lines"]
    assert care.offer(alice, session).help_lines == lines.international
    accounts.change(alice, {"country": "DE"})
    assert care.offer(alice, session).help_lines == (*lines.countries["DE"], *lines.international)


def test_somebody_else_is_not_shown_it(alice: User, bob: User) -> None:
    session = analyzed(alice, DARK)
    assert not care.is_shown(bob, service.session_key(session), session.analysis_id, session.care)


def test_the_database_tells_nobody(alice: User) -> None:
    """One size in every row, whatever it says; the same of moments' words of one length."""
    dark, light = analyzed(alice, "I want to die at once now."), analyzed(alice, "I want to run at once now.")
    assert dark.care and light.care and len(dark.care) == len(light.care)
    sizes = {len(row.sealed) for row in db.session.query(MomentText)}
    assert len(sizes) == 1
    assert not [warning for run in (dark, light) for warning in overview.show(alice, run.id)["latest_run"].warnings if "care" in warning]


def test_a_new_analysis_sets_it_anew(alice: User) -> None:
    session = analyzed(alice, DARK)
    before = session.care
    run = service.start_run(session, request_id="test")
    db.session.commit()
    pipeline.process_run(str(run.id))
    session = again(session)
    assert session.care != before and shown(alice, session)


def test_an_analysis_from_before_there_was_care_is_read(alice: User) -> None:
    session = analyzed(alice, DARK)
    document = documents.read(service.session_key(session), session.analysis_id)
    for name in ("care", "withheld"):
        del document[name]
    analysis = documents.analysis_from(document)
    assert (analysis.care, analysis.withheld) == ((), ())


# -- the wire ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def asking(make_app: Callable[[Settings], Flask], settings: Settings, stub: Stub) -> Iterator[User]:
    """Alice, who has consented, where there is a model to ask."""
    keyed = {"openai_base_url": stub.url, "openai_api_key": SecretStr(KEY)}
    with make_app(settings.model_copy(update=keyed)).app_context():
        user, _ = accounts.register("alice@example.org", "plum tree in the rain", "Alice")
        user.consented_at = now()
        db.session.commit()
        yield user


def test_what_is_withheld_never_leaves(asking: User, stub: Stub) -> None:
    turns = [
        "I felt anxious about the harvest.",
        "The barn was cold.",
        "I wanted to die that night.",
        "Zelda found me.",
        "I felt sad about the orchard.",
    ]
    text = "\n".join(f"{who}: {said}" for said in turns for who, said in (("Ann", said), ("Dr. Lee", "Go on about that.")))
    session = analyzed(asking, text)
    wire = b"".join(request.raw for request in stub.requests)
    assert b"harvest" in wire and b"orchard" in wire
    assert b"wanted to die" not in wire and wire.count(b"Go on about that.") == 3
    moments, _ = reading.moments_of(asking, session, 0, 50)
    kept = [moment for moment in moments if moment.withheld]
    assert [moment.care for moment in moments].count(True) == 1 and len(kept) == 3
    assert not [moment.text for moment in kept if moment.text != "Go on about that." and moment.text.encode() in wire]
    assert shown(asking, session)
