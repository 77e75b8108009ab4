"""What a list of sessions shows, and what it costs."""

import pytest

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.errors import NotFound
from insight_journey.extensions import db
from insight_journey.sessions import overview, service
from insight_journey.sessions.models import Session
from tests.sessions.conftest import write
from tests.sessions.test_review import _counted


@pytest.fixture
def three(alice: User, bob: User) -> list[Session]:
    """Three of Alice's sessions, oldest first, the second one with content; Bob has one, too."""
    made = [service.create_session(alice, "First"), write(alice)[0], service.create_session(alice, "Third")]
    service.create_session(bob, "His")
    db.session.commit()
    return made


def test_it_works(alice: User, three: list[Session]) -> None:
    listed, total = overview.list_sessions(alice, 0, 2)
    assert total == 3
    assert [(one["title"], one["status"], one["counts"]) for one in listed] == [
        ("Third", "empty", {"moment": 0}), ("A title", "queued", {"moment": 0}),
    ]  # fmt: skip
    assert listed[0]["media"] is listed[0]["latest_run"] is None
    assert listed[1]["media"]["kind"] == "text"
    assert (listed[1]["latest_run"].number, listed[1]["latest_run"].session_id) == (1, three[1].id)
    assert overview.show(alice, three[1].id) == listed[1]


def test_the_newest_run_is_shown_once(alice: User, three: list[Session]) -> None:
    for _ in range(2):
        service.cancel_run(service.list_runs(three[1], 0, 1)[0][0])
        service.start_run(three[1], request_id=None)
    db.session.commit()
    listed, total = overview.list_sessions(alice, 0, 10)
    assert (len(listed), total) == (3, 3)
    assert overview.show(alice, three[1].id)["latest_run"].number == 3


@pytest.mark.parametrize("sort", overview.SORTS)
def test_both_ways_of_every_order(alice: User, three: list[Session], sort: str) -> None:
    ids = [session.id for session in three]
    up, down = ([one["id"] for one in overview.list_sessions(alice, 0, 10, sort=sign + sort)[0]] for sign in ("", "-"))
    assert set(up) == set(ids)
    assert up == list(reversed(down))


def test_filters_count_what_they_leave(alice: User, three: list[Session]) -> None:
    journey = service.create_journey(alice, "Work")
    service.change_session(alice, three[0], journey_id=journey.id)
    assert [one["id"] for one in overview.list_sessions(alice, 0, 10, journey_id=journey.id)[0]] == [three[0].id]
    assert overview.list_sessions(alice, 0, 10, status="queued")[1] == 1
    assert overview.list_sessions(alice, 0, 10, status="queued", journey_id=journey.id) == ([], 0)


def test_a_page_after_the_last_tells_the_count(alice: User, three: list[Session]) -> None:
    assert overview.list_sessions(alice, 10, 10) == ([], 3)


def test_a_page_costs_one_statement(alice: User, three: list[Session]) -> None:
    with _counted() as statements:
        assert len(overview.list_sessions(alice, 0, 10)[0]) == 3
    assert len(statements) == 1


def test_somebody_elses_session_is_not_there(bob: User, three: list[Session]) -> None:
    with pytest.raises(NotFound):
        overview.show(bob, three[0].id)


def test_one_whose_key_is_gone_is_left_out(alice: User, three: list[Session]) -> None:
    keystore.destroy_session(three[1].id)
    assert {one["id"] for one in overview.list_sessions(alice, 0, 10)[0]} == {three[0].id, three[2].id}
    with pytest.raises(NotFound):
        overview.show(alice, three[1].id)
