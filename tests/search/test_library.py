"""Shelves in memory: what is true now, in bounds, for as long as they are used."""

import threading
import time
from uuid import UUID, uuid4

import numpy as np
import pytest

from insight_journey.search import index
from insight_journey.search.index import Row
from insight_journey.search.library import Library
from insight_journey.search.shelf import Shelf, Volume

ALICE, BOB = uuid4(), uuid4()


class Files:
    """What can be read: each index has as many rows as asked for; what was read is remembered."""

    def __init__(self) -> None:
        self.read: list[UUID] = []
        self.wanted: dict[UUID, UUID] = {}
        self.broken: set[UUID] = set()

    def add(self, session: UUID | None = None) -> UUID:
        session = session or uuid4()
        self.wanted[session] = uuid4()
        return session

    def load(self, sessions: list[UUID]) -> dict[UUID, Volume]:
        self.read += sessions
        rows = [Row("moment", uuid4(), "Words of mine", (0, 5)), Row("topic", uuid4(), "Work: words", (0, 5), wording="words")]
        made = index.build(rows, None, lambda share: None)
        return {session: Volume(self.wanted[session], made) for session in sessions if session not in self.broken}


@pytest.fixture
def files() -> Files:
    found = Files()
    found.add()
    found.add()
    return found


def shelf(library: Library, files: Files, user: UUID = ALICE) -> Shelf:
    return library.shelf(user, dict(files.wanted), files.load)


def test_it_works(files: Files) -> None:
    library = Library(1 << 20, 60)
    assert shelf(library, files).versions == files.wanted
    assert shelf(library, files) is shelf(library, files)
    assert sorted(files.read) == sorted(files.wanted)


def test_only_what_changed_is_read_again(files: Files) -> None:
    library = Library(1 << 20, 60)
    before = shelf(library, files)
    kept, gone = list(files.wanted)
    del files.wanted[gone]
    new = files.add()
    files.read.clear()
    after = shelf(library, files)
    assert files.read == [new] and set(after.sessions) == {kept, new}
    place, earlier = after.sessions.index(kept), before.sessions.index(kept)
    assert np.array_equal(after.moments[after.session_of == place], before.moments[before.session_of == earlier])
    files.add(kept)  # analyzed again
    assert shelf(library, files).versions == files.wanted


def test_an_empty_shelf_follows_the_last_deletion(files: Files) -> None:
    library = Library(1 << 20, 60)
    assert len(shelf(library, files).kinds) == 4
    files.wanted.clear()
    assert len(shelf(library, files).kinds) == 0


def test_what_can_not_be_read_is_left_out_and_tried_again(files: Files) -> None:
    library = Library(1 << 20, 60)
    bad = next(iter(files.wanted))
    files.broken = {bad}
    first = shelf(library, files)
    assert bad not in first.sessions and shelf(library, files) is first
    files.broken.clear()
    assert shelf(library, files).versions == files.wanted


def test_who_searched_longest_ago_makes_room(files: Files) -> None:
    size = Library(1 << 20, 60).shelf(ALICE, files.wanted, files.load).size
    library = Library(round(size * 1.5), 60)
    shelf(library, files)
    shelf(library, files, BOB)
    assert library.users() == [BOB] and library.size() <= size * 1.5


def test_a_shelf_larger_than_all_room_is_used_and_not_kept(files: Files) -> None:
    library = Library(10, 60)
    assert shelf(library, files).versions == files.wanted
    assert library.users() == []


def test_idle_and_untrue_shelves_are_given_back(files: Files) -> None:
    library = Library(1 << 20, 0.01)
    shelf(library, files)
    time.sleep(0.02)
    library.check(ALICE, files.wanted)
    assert library.users() == []
    library = Library(1 << 20, 60)
    shelf(library, files)
    library.check(ALICE, files.wanted)
    assert library.users() == [ALICE]
    library.check(ALICE, dict(list(files.wanted.items())[:1]))
    assert library.users() == []


def test_somebody_who_is_read_holds_up_nobody_else(files: Files) -> None:
    library = Library(1 << 20, 60)
    shelf(library, files, BOB)
    begun, go_on = threading.Event(), threading.Event()

    def slowly(sessions: list[UUID]) -> dict[UUID, Volume]:
        begun.set()
        assert go_on.wait(30)
        return files.load(sessions)

    reading = threading.Thread(target=library.shelf, args=(ALICE, files.wanted, slowly))
    reading.start()
    assert begun.wait(30)
    assert shelf(library, files, BOB).versions == files.wanted  # would wait for ever
    go_on.set()
    reading.join()


def test_two_questions_of_one_person_read_once(files: Files) -> None:
    library = Library(1 << 20, 60)
    threads = [threading.Thread(target=shelf, args=(library, files)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files.read) == 2
