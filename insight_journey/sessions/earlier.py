"""What a person said before, as far as it decides what she says again: the wordings of her free-text elements.

An element is known by the wording that began it, or, where that is deleted, by those that are left.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa
import structlog

from insight_journey.accounts.keys import keystore
from insight_journey.analysis.base import CODED_KINDS
from insight_journey.analysis.likeness import THRESHOLD, is_compatible
from insight_journey.crypto import Key
from insight_journey.encoder import DIMENSIONS, Floats
from insight_journey.errors import Tampered
from insight_journey.extensions import db
from insight_journey.sessions.models import Identity, Session

PURPOSE = "identity"  # of sealed wordings
RULE_VERSION = 3  # a new one for another encoder or threshold: vectors are compared within a version
Stamp = tuple[int, Any]
HALF = np.dtype("<f2")

log = structlog.get_logger()


@dataclass(frozen=True)
class Wording:
    """How a session words something. `text` is normalised; `vector` [384], of length 1, None without an encoder."""

    kind: str
    text_hash: bytes
    category: str | None
    text: str
    vector: Floats | None


def seal(key: Key, session_id: UUID, wording: Wording) -> bytes | None:
    """Vector (float16) and text under the session's key; None where there is no vector."""
    if wording.vector is None:
        return None
    plain = wording.vector.astype(HALF).tobytes() + wording.text.encode("utf-8", "surrogatepass")
    return key.seal(PURPOSE, _row(session_id, wording.kind, wording.text_hash), RULE_VERSION, plain)


def _row(session_id: UUID, kind: str, text_hash: bytes) -> str:
    return f"{session_id}/{kind}/{text_hash.hex()}"


@dataclass
class Shelf:
    """Wordings of one kind and category, each with its element's key. `blocks`: their vectors [n, 384], one below the other."""

    known: list[tuple[str, Wording]] = field(default_factory=list)
    blocks: list[Floats] = field(default_factory=list)

    def add(self, known: list[tuple[str, Wording]]) -> None:
        self.known += known
        self.blocks.append(np.stack([wording.vector for _, wording in known if wording.vector is not None]))

    def nearest(self, text: str, vector: Floats) -> tuple[str, float] | None:
        """The element that an earlier wording says the same of, and how near that is; of equals the one that was said first."""
        nearness = np.concatenate([block @ vector for block in self.blocks]) if self.blocks else np.empty(0)
        for place in np.argsort(-nearness, kind="stable"):
            if nearness[place] < THRESHOLD:
                return None
            element_key, earlier = self.known[place]
            if is_compatible(earlier.text, text):
                return element_key, float(nearness[place])
        return None


@dataclass
class Earlier:
    """The decisions so far. `keys`: (kind, text hash) -> element key. `shelves`: by kind and category. `stamp`: when they were these."""

    stamp: Stamp
    keys: dict[tuple[str, bytes], str] = field(default_factory=dict)
    shelves: defaultdict[tuple[str, str | None], Shelf] = field(default_factory=lambda: defaultdict(Shelf))

    def add(self, element_key: str, wording: Wording) -> None:
        """What was decided just now counts for the next wording."""
        self.keys[wording.kind, wording.text_hash] = element_key
        if wording.vector is not None and element_key == wording.text_hash.hex():
            self.shelves[wording.kind, wording.category].add([(element_key, wording)])

    def nearest(self, wording: Wording) -> tuple[str, float] | None:
        """See Shelf."""
        if wording.vector is None:
            return None
        return self.shelves[wording.kind, wording.category].nearest(wording.text, wording.vector)


def stamp(user_id: UUID) -> Stamp:
    """How many decisions a person has and when the last was made: unchanged as long as they are."""
    count, last = db.session.execute(sa.select(sa.func.count(), sa.func.max(Identity.created_at)).where(Identity.user_id == user_id)).one()
    return count, last


def read(key: Key, user_id: UUID, session_id: UUID, kept: Collection[bytes]) -> Earlier:
    """A person's decisions on free text, in three statements; of this session those on these hashes only."""
    earlier = Earlier(stamp(user_id))
    rows = _rows(user_id, session_id, kept)
    for row in rows:
        earlier.keys.setdefault((row.kind, row.text_hash), row.element_key)
    known = list(_known(rows))
    secrets = keystore.sessions(key, {row.session_id for row in known})
    found: defaultdict[tuple[str, str | None], list[tuple[str, Wording]]] = defaultdict(list)
    for row in known:
        if wording := _open(secrets.get(row.session_id), row):
            found[row.kind, row.category].append((row.element_key, wording))
    for name, wordings in found.items():
        earlier.shelves[name].add(wordings)
    return earlier


def _rows(user_id: UUID, session_id: UUID, kept: Collection[bytes]) -> Sequence[sa.Row[Any]]:
    counts = sa.or_(Identity.session_id != session_id, Identity.text_hash.in_(kept))
    free = Identity.kind.not_in(CODED_KINDS)
    query = sa.select(*Identity.__table__.c).join(Session).where(Identity.user_id == user_id, free, counts)
    return db.session.execute(query.order_by(Session.occurred_at, Identity.session_id, Identity.kind, Identity.text_hash)).all()


def _known(rows: Sequence[sa.Row[Any]]) -> Iterator[sa.Row[Any]]:
    """By which wordings each element is known: what can be compared, each wording once a category."""
    sealed = [row for row in rows if row.sealed is not None and row.rule_version == RULE_VERSION]
    begun = {(row.kind, row.category, row.element_key) for row in sealed if _began(row)}
    seen = set()
    for row in sealed:
        name = row.kind, row.category, row.element_key
        if (*name, row.text_hash) not in seen and (_began(row) or name not in begun):
            seen.add((*name, row.text_hash))
            yield row


def _began(row: sa.Row[Any]) -> bool:
    return bool(row.element_key == row.text_hash.hex())


def _open(key: Key | None, row: sa.Row[Any]) -> Wording | None:
    """None where the session is gone meanwhile or its row is damaged: then nothing can be like it."""
    if key is None:
        return None
    try:
        plain = key.open(PURPOSE, _row(row.session_id, row.kind, row.text_hash), RULE_VERSION, row.sealed)
    except Tampered:
        log.warning("identity_unreadable", session_id=str(row.session_id))
        return None
    size = DIMENSIONS * HALF.itemsize
    vector = np.frombuffer(plain[:size], HALF).astype(np.float32)
    return Wording(row.kind, row.text_hash, row.category, plain[size:].decode("utf-8", "surrogatepass"), vector)
