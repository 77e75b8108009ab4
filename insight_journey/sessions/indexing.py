"""The index of a session's words, made from its analysis: what can be found, and the sealed file of it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey import encoder
from insight_journey.analysis.base import Analysis
from insight_journey.crypto import Key
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
    return index.build(rows, encoder.get(current_app.extensions["settings"].encoder_model), progress)


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
