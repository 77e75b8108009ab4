"""Which element a mention is of: a decision, stored a session and replayed, never derived from the order of arrival."""

import unicodedata
from uuid import UUID

import sqlalchemy as sa

from insight_journey.analysis.base import CODED_KINDS, Analysis, Kind, Mention
from insight_journey.crypto import Key
from insight_journey.extensions import db
from insight_journey.sessions.models import Identity

RULE_VERSION = 1
ElementKeys = dict[tuple[Kind, str], str]  # (kind, code or wording) -> the decided key


def normalised(text: str) -> str:
    """What two wordings of the same element have in common: case, spacing, quotes and end punctuation folded away."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(folded.split()).strip(" .!?,;:\"'")


def wording(mention: Mention) -> str:
    """What identifies the element: the code for emotions and topics, else the text."""
    return (mention.code if mention.kind in CODED_KINDS else mention.text) or ""


def decide(key: Key, user_id: UUID, session_id: UUID, analysis: Analysis) -> None:
    """Replace the session's decisions by those its new analysis needs. Flushes; keeps what was announced."""
    announced: set[tuple[str, bytes]] = {
        (kind, text_hash) for kind, text_hash in db.session.execute(_rows(session_id).where(Identity.announced))
    }
    db.session.execute(sa.delete(Identity).where(Identity.session_id == session_id))
    wanted = needed(key, analysis)
    db.session.add_all(
        Identity(
            session_id=session_id, user_id=user_id, kind=kind, text_hash=text_hash, rule_version=RULE_VERSION,
            rule="code" if kind in CODED_KINDS else "exact",
            element_key=by_rule(text_hash, mention),
            announced=(kind, text_hash) in announced,
        )
        for (kind, text_hash), mention in wanted.items()
    )  # fmt: skip
    db.session.flush()


def needed(key: Key, analysis: Analysis) -> dict[tuple[Kind, bytes], Mention]:
    """What an analysis needs decisions for, (kind, text hash), each with a mention that says so."""
    return {key_of(key, m): m for m in analysis.mentions}


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
