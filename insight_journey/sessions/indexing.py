"""The index of a session's words, made from its analysis: what can be found, and the sealed file of it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey import encoder
from insight_journey.accounts.keys import keystore
from insight_journey.analysis.base import Analysis
from insight_journey.crypto import Key
from insight_journey.encoder import Encoder
from insight_journey.errors import NotFound, Tampered
from insight_journey.extensions import db
from insight_journey.graph.elements import name_of
from insight_journey.graph.projection import mention_rows, moment_id
from insight_journey.search import index
from insight_journey.search.index import Row
from insight_journey.sessions import documents, truth
from insight_journey.sessions.models import Artifact, Session

WORDS_ONLY = "words_only"  # warning of a run whose session can't be searched by meaning


def rows_of(owner_key: Key, session: Session, analysis: Analysis) -> Iterator[Row]:
    """A row a moment, then one a mention, with the ids that the graph gives them."""
    ids = {moment.position: UUID(moment_id(owner_key, session.id, moment)) for moment in analysis.moments}
    for moment in analysis.moments:
        yield Row(index.MOMENT, ids[moment.position], moment.text, (0, len(moment.text)), moment.start, moment.end)
    texts = {str(ids[moment.position]): moment.text for moment in analysis.moments}
    for row in mention_rows(owner_key, truth.read_truth_of(owner_key, session, analysis)):
        yield _mention(row, texts[row["moment"]])


def make(rows: list[Row], progress: Callable[[float], None]) -> index.Index:
    """Their index; takes a while where there is an encoder. `progress` as in `index.build`."""
    return index.build(rows, _encoder(), progress)


def _encoder() -> Encoder | None:
    return encoder.get(current_app.extensions["settings"].encoder_model)


def _mention(row: dict[str, Any], moment_text: str) -> Row:
    """What a mention is found by: its wording; where its kind has codes, the name of the code and the words that show it."""
    found = row["mention"]
    span = found["span_start"], found["span_end"]
    name = name_of(row["kind"], row["code"])
    return Row(
        row["kind"], UUID(row["moment"]), f"{name}: {moment_text[slice(*span)]}" if name else found["wording"], span,
        found["start"], found["end"], UUID(row["id"]), UUID(row["element"]), row["code"] or found["category"], found["wording"],
    )  # fmt: skip


def keep(key: Key, session_id: UUID, run_id: UUID, made: index.Index) -> Artifact:
    """Seal and store an index; flushes the row that names it and takes away those before it."""
    earlier = sa.select(Artifact).where(Artifact.session_id == session_id, Artifact.kind == documents.INDEX)
    for artifact in db.session.scalars(earlier).all():
        documents.remove(artifact)
    artifact = documents.write_bytes(key, session_id, run_id, documents.INDEX, index.packed(made))
    db.session.flush()
    return artifact


def wanting(user_id: UUID, *, everything: bool) -> list[UUID]:
    """A person's analyzed sessions whose index is missing, damaged or of another encoder; with `everything` all."""
    analyzed = sa.select(Session.id).where(Session.user_id == user_id, Session.analysis_id.is_not(None)).order_by(Session.id)
    found = list(db.session.scalars(analyzed))
    key = keystore.user(user_id)
    return [session_id for session_id in found if everything or not _is_current(key, session_id)]


def _is_current(owner_key: Key, session_id: UUID) -> bool:
    session = db.session.get(Session, session_id)
    artifact = db.session.get(Artifact, session.index_id) if session and session.index_id else None
    if artifact is None or artifact.session_id != session_id:
        return False
    try:
        found = index.unpacked(documents.read_bytes(keystore.session(owner_key, session_id), artifact))
    except (NotFound, Tampered):
        return False
    return bool(found.encoder) == bool(_encoder()) and index.comparable(found) is found


def remake(user_id: UUID, session_id: UUID) -> bool:
    """Make a session's index anew from its analysis. False where the session is gone, or was analyzed again meanwhile. Flushes.

    Raises NotFound and Tampered where the analysis can't be read.
    """
    session, owner_key = db.session.get(Session, session_id), keystore.user(user_id)
    if session is None or session.analysis_id is None:
        return False
    analysis_id, key = session.analysis_id, keystore.session(owner_key, session_id)
    rows = list(rows_of(owner_key, session, documents.read_analysis(key, analysis_id)))
    run_id = db.session.get_one(Artifact, analysis_id).run_id
    db.session.rollback()  # no transaction stays open while the encoder works
    made = make(rows, lambda share: None)
    same = sa.update(Session).where(Session.id == session_id, Session.analysis_id == analysis_id)
    if not db.session.execute(same.values(analysis_id=analysis_id)).rowcount:  # type: ignore[attr-defined]
        return False
    artifact = keep(key, session_id, run_id, made)
    db.session.execute(sa.update(Session).where(Session.id == session_id).values(index_id=artifact.id))
    return True
