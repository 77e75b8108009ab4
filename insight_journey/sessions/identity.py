"""Which element a mention is of: a decision, stored a session and replayed. What it follows: docs/graph.md, "The same one again"."""

import unicodedata
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from insight_journey import events
from insight_journey.accounts.keys import keystore
from insight_journey.analysis.base import CODED_KINDS, Analysis, Kind, Mention
from insight_journey.crypto import Key
from insight_journey.encoder import Encoder
from insight_journey.extensions import db, now
from insight_journey.sessions import earlier
from insight_journey.sessions.earlier import RULE_VERSION, Earlier, Wording
from insight_journey.sessions.models import Identity

ElementKeys = dict[tuple[Kind, str], str]  # (kind, code or wording) -> the decided key


def normalised(text: str) -> str:
    """What two wordings of the same element have in common: case, spacing, quotes and end punctuation folded away."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(folded.split()).strip(" .!?,;:\"'")


def wording(mention: Mention) -> str:
    """What identifies the element: the code for emotions and topics, else the text."""
    return (mention.code if mention.kind in CODED_KINDS else mention.text) or ""


def worded(key: Key, analysis: Analysis, encoder: Encoder | None) -> list[Wording]:
    """What an analysis needs decisions for, in the order in which it was said. Encodes, so call it before anything is locked."""
    wanted = needed(key, analysis)
    texts = [normalised(wording(mention)) for mention in wanted.values()]
    free = [place for place, (kind, _) in enumerate(wanted) if kind not in CODED_KINDS]
    vectors = dict(zip(free, encoder.vectors([texts[place] for place in free]), strict=True)) if encoder else {}
    return [
        Wording(kind, text_hash, mention.code, texts[place], vectors.get(place))
        for place, ((kind, text_hash), mention) in enumerate(wanted.items())
    ]


def before(key: Key, user_id: UUID, session_id: UUID, wordings: list[Wording]) -> Earlier:
    """What the person said before, and what stays of this session. Opens all of it, so call it before anything is locked."""
    new = {(one.kind, one.text_hash) for one in _split(session_id, wordings)[1]}
    return earlier.read(key, user_id, session_id, [one.text_hash for one in wordings if (one.kind, one.text_hash) not in new])


def decide(key: Key, user_id: UUID, session_id: UUID, wordings: list[Wording], said: Earlier | None = None) -> None:
    """Replace the session's decisions by those its new analysis needs. Flushes.

    A wording that the session had keeps its decision, unless that was made without an encoder and there is one now. A new one
    joins the element of the same wording, else the element that it is like, else begins one. Takes `events.lock`, so that a
    person's sessions decide one after the other: call it last before the commit. `said` is read again where it is old by now.
    """
    events.lock(user_id)
    if said is None or said.stamp != earlier.stamp(user_id):
        said = before(key, user_id, session_id, wordings)
    rows, new = _split(session_id, wordings)
    for name in rows.keys() - {(one.kind, one.text_hash) for one in wordings}:
        db.session.delete(rows.pop(name))
    secret = keystore.session(key, session_id)
    for one in new:
        decision = _decision(said, one)
        said.add(decision.element_key, one)
        row = rows.get((one.kind, one.text_hash)) or Identity(
            session_id=session_id, user_id=user_id, kind=one.kind, text_hash=one.text_hash
        )
        _write(row, one, decision)
        row.sealed = earlier.seal(secret, session_id, one)
        db.session.add(row)
    db.session.flush()


@dataclass(frozen=True)
class Decision:
    """Which element, by which rule: code, exact, similar. `similarity` to the wording that it was joined to."""

    element_key: str
    rule: str
    similarity: float | None = None


def _write(row: Identity, wording: Wording, decision: Decision) -> None:
    row.announced = bool(row.announced and row.element_key == decision.element_key)
    row.element_key, row.rule, row.similarity = decision.element_key, decision.rule, decision.similarity
    row.rule_version, row.category, row.created_at = RULE_VERSION, wording.category, now()


def _split(session_id: UUID, wordings: list[Wording]) -> tuple[dict[tuple[str, bytes], Identity], list[Wording]]:
    """The session's rows by kind and hash, and which of these wordings are to be decided."""
    query = sa.select(Identity).where(Identity.session_id == session_id).execution_options(populate_existing=True)
    rows = {(row.kind, row.text_hash): row for row in db.session.scalars(query)}
    return rows, [one for one in wordings if _is_open(rows.get((one.kind, one.text_hash)), one)]


def _is_open(row: Identity | None, wording: Wording) -> bool:
    """Whether a decision is still to be made, or may be made again because what it was made without is there now."""
    return row is None or (wording.vector is not None and (row.sealed is None or row.rule_version != RULE_VERSION))


def _decision(said: Earlier, wording: Wording) -> Decision:
    if wording.kind in CODED_KINDS and wording.category:
        return Decision(wording.category, "code")
    if same := said.keys.get((wording.kind, wording.text_hash)):
        return Decision(same, "exact")
    if near := said.nearest(wording):
        return Decision(near[0], "similar", near[1])
    return Decision(wording.text_hash.hex(), "exact")


def needed(key: Key, analysis: Analysis) -> dict[tuple[Kind, bytes], Mention]:
    """What an analysis needs decisions for, (kind, text hash), each with a mention that says so."""
    wanted: dict[tuple[Kind, bytes], Mention] = {}
    for mention in analysis.mentions:
        wanted.setdefault(key_of(key, mention), mention)
    return wanted


def key_of(key: Key, mention: Mention) -> tuple[Kind, bytes]:
    """What a decision is about: (kind, text hash)."""
    return mention.kind, _hash(key, mention.kind, wording(mention))


def by_rule(text_hash: bytes, mention: Mention) -> str:
    """The element key that the rule gives: the code, or the hash of the folded wording."""
    return mention.code if mention.kind in CODED_KINDS and mention.code else text_hash.hex()


def decided(session_id: UUID) -> dict[tuple[str, bytes], str]:
    """All decisions of a session: (kind, text hash) -> element key."""
    rows = db.session.execute(_rows(session_id).add_columns(Identity.element_key))
    return {(kind, text_hash): element_key for kind, text_hash, element_key in rows}


def element_keys(key: Key, session_id: UUID, analysis: Analysis) -> ElementKeys:
    """The decided element key of each (kind, wording) in an analysis."""
    keys = decided(session_id)
    return {(m.kind, wording(m)): keys[key_of(key, m)] for m in analysis.mentions}


def take_new(user_id: UUID, session_id: UUID) -> list[tuple[str, str]]:
    """(kind, element_key) of elements that the person was never told of; marks them as announced.

    Call it under `events.lock`, so that two sessions announce no element twice.
    """
    known = sa.select(Identity.kind, Identity.element_key).where(Identity.user_id == user_id, Identity.announced)
    mine = sa.select(Identity.kind, Identity.element_key).where(Identity.session_id == session_id, ~Identity.announced)
    unknown = mine.where(sa.tuple_(Identity.kind, Identity.element_key).not_in(known)).distinct()
    new = sorted((kind, element_key) for kind, element_key in db.session.execute(unknown))
    db.session.execute(sa.update(Identity).where(Identity.session_id == session_id).values(announced=True))
    return new


def _rows(session_id: UUID) -> sa.Select[str, bytes]:
    return sa.select(Identity.kind, Identity.text_hash).where(Identity.session_id == session_id)


def _hash(key: Key, kind: str, text: str) -> bytes:
    return key.text_hash(f"identity.{kind}", normalised(text))
