"""The shelves of those who search, in memory: bounded, given back after idle time, always what is true now."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from insight_journey.search.shelf import Shelf, Volume

Versions = Mapping[UUID, UUID]  # session -> its index
Load = Callable[[list[UUID]], dict[UUID, Volume]]

log = structlog.get_logger()


@dataclass
class Place:
    """One person's shelf. Whoever holds `lock` may exchange it; it is never changed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    shelf: Shelf = field(default_factory=lambda: Shelf({}))
    used: float = 0.0


class Library:
    """Shelves by person. `most`: bytes that are kept after an answer; `idle`: seconds after which a shelf is given back."""

    def __init__(self, most: int, idle: float) -> None:
        self._most, self._idle = most, idle
        self._lock = threading.Lock()
        self._places: dict[UUID, Place] = {}

    def shelf(self, user_id: UUID, wanted: Versions, load: Load) -> Shelf:
        """The shelf with exactly the `wanted` indexes; `load` reads those that are new, and leaves out what can't be read.

        A person who is read for the first time holds up nobody else.
        """
        with self._lock:
            place = self._places.setdefault(user_id, Place())
            place.used = time.monotonic()
        with place.lock:
            if place.shelf.versions != wanted:
                place.shelf = _renewed(place.shelf, wanted, load)
            shelf = place.shelf
        self._make_room()
        return shelf

    def users(self) -> list[UUID]:
        with self._lock:
            return list(self._places)

    def size(self) -> int:
        """Bytes."""
        with self._lock:
            return sum(place.shelf.size for place in self._places.values())

    def check(self, user_id: UUID, wanted: Versions) -> None:
        """Give a shelf back that holds what is not wanted any more, or that nobody used for long."""
        with self._lock:
            place = self._places.get(user_id)
            if place and (place.used < time.monotonic() - self._idle or place.shelf.versions.items() - wanted.items()):
                del self._places[user_id]

    def _make_room(self) -> None:
        """Give back what was used longest ago until the rest has room: a shelf that is too large alone, too."""
        with self._lock:
            total = sum(place.shelf.size for place in self._places.values())
            for user_id in sorted(self._places, key=lambda user_id: self._places[user_id].used):
                if total <= self._most:
                    return
                total -= self._places.pop(user_id).shelf.size


def _renewed(old: Shelf, wanted: Versions, load: Load) -> Shelf:
    kept = {session: volume for session, volume in old.volumes().items() if wanted.get(session) == volume.index_id}
    missing = [session for session in wanted if session not in kept]
    read = load(missing) if missing else {}
    if not read and len(kept) == len(old.sessions):  # what can't be read is no reason to make the same shelf again
        return old
    log.info("shelf_renewed", kept=len(kept), read=len(read), missing=len(missing) - len(read))
    return Shelf(kept | read)
