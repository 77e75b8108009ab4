"""What the search process does: it keeps indexes open in memory and answers which moments and mentions are meant.

Each question looks into SQL first for which indexes are true now: what was deleted is gone from the very next answer, and what was
analyzed again is read anew. An index opens under the person's own session keys alone, so a row that points at somebody else's
leads to nothing.
"""

import logging
import socket
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
import structlog
from flask import Flask

from insight_journey import encoder
from insight_journey.accounts.keys import keystore
from insight_journey.errors import InsightJourneyError, Tampered
from insight_journey.extensions import db
from insight_journey.search import index, line, ranking
from insight_journey.search.library import Library
from insight_journey.search.ranking import Query, Ranked
from insight_journey.search.shelf import Shelf, Volume
from insight_journey.sessions import documents
from insight_journey.sessions.models import Artifact, Session
from insight_journey.settings import Settings

Array = npt.NDArray[Any]

THREADS = 4  # of questions at the same time
MEANING, WORDS = "meaning", "words"
_FILES = (
    sa.select(Session.id, Artifact.id, Session.occurred_at)
    .outerjoin(Artifact, sa.and_(Artifact.id == Session.index_id, Artifact.session_id == Session.id))
    .where(Session.user_id == sa.bindparam("user_id", type_=sa.Uuid()), Session.analysis_id.is_not(None))
)

log = structlog.get_logger()


def desk(app: Flask) -> line.Desk:
    """Where questions are taken."""
    return line.Desk(app.extensions["redis"], line.line_key(keystore.master.derive("search")), socket.gethostname())


def serve(app: Flask, at: line.Desk) -> None:
    """Answer questions until the desk's end."""
    searcher = Searcher(app.extensions["settings"])

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        with app.app_context():
            return searcher.answer(question)

    def tidy() -> None:
        with app.app_context():
            searcher.tidy()

    log.info("search_ready", by=searcher.by)
    at.serve(answer, THREADS, tidy)


class Searcher:
    """The encoder and the shelves of this process."""

    def __init__(self, settings: Settings) -> None:
        self.encoder = encoder.get(settings.encoder_model)
        self.library = Library(settings.search_memory_mb << 20, settings.search_idle_seconds)
        self.by = [MEANING, WORDS] if self.encoder else [WORDS]

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """`question`: {} for a sign of life, else user, q or like, kind, since, until, offset, limit. See `finding`."""
        if not question:
            return {"by": self.by, "people": len(self.library.users()), "bytes": self.library.size()}
        user_id = UUID(question["user"])
        files = _files(user_id)
        wanted = {session: index_id for session, (index_id, _) in files.items() if index_id}
        shelf = self.library.shelf(user_id, wanted, lambda sessions: _read(user_id, {s: wanted[s] for s in sessions}))
        missing = {"words_only": shelf.words_only if self.encoder else 0, "not_indexed": len(files) - len(shelf.sessions)}
        return {"by": self.by, **missing, **self._page(shelf, files, question)}

    def _page(self, shelf: Shelf, files: "Files", question: dict[str, Any]) -> dict[str, Any]:
        occurred = [files[session][1] for session in shelf.sessions]
        allowed = _allowed(shelf, occurred, question)
        if question["like"]:
            ranked = self._like(shelf, UUID(question["like"]), allowed)
        else:
            ranked = ranking.rank(shelf, self._query(question["q"]), allowed)
        if ranked is None:
            return {"total": 0, "hits": []}
        page = range(len(ranked.rows))[question["offset"] : question["offset"] + question["limit"]]
        return {"total": len(ranked.rows), "hits": [_hit(shelf, ranked, place, occurred) for place in page]}

    def _query(self, text: str) -> Query:
        vectors = self.encoder.vectors(index.windows(self.encoder, text)) if self.encoder else None
        return ranking.query_of(text, vectors)

    def _like(self, shelf: Shelf, moment_id: UUID, allowed: Array) -> Ranked | None:
        """What is like a moment, by its vectors; by its words where it has none. None where it is not indexed."""
        row = shelf.row_of_moment(moment_id)
        if row is None:
            return None
        others = allowed & (shelf.moments != shelf.moments[row]).any(axis=1)
        return ranking.rank(shelf, ranking.query_like(shelf, row), others)

    def tidy(self) -> None:
        """Give back what is not true any more or was not used for long."""
        for user_id in self.library.users():
            self.library.check(user_id, {session: index_id for session, (index_id, _) in _files(user_id).items() if index_id})


Files = dict[UUID, tuple[UUID | None, datetime]]  # session -> (its index, when it was)


def _files(user_id: UUID) -> Files:
    """All analyzed sessions of a person."""
    rows = db.session.execute(_FILES, {"user_id": user_id}).all()
    db.session.rollback()
    return {session: (index_id, occurred_at) for session, index_id, occurred_at in rows}


def _read(user_id: UUID, wanted: dict[UUID, UUID]) -> dict[UUID, Volume]:
    """Open indexes, session -> index; those that can't be opened are left out."""
    keys = keystore.sessions_of(user_id, wanted)
    artifacts = list(db.session.scalars(sa.select(Artifact).where(Artifact.id.in_(wanted.values()), Artifact.kind == documents.INDEX)))
    db.session.rollback()
    found = {}
    for artifact in artifacts:
        if artifact.session_id in keys:
            try:
                opened = index.unpacked(documents.read_bytes(keys[artifact.session_id], artifact))
            except InsightJourneyError as error:
                log.log(
                    logging.ERROR if isinstance(error, Tampered) else logging.INFO,
                    "index_not_read",
                    session_id=artifact.session_id,
                    code=error.code,
                )
            else:
                found[artifact.session_id] = Volume(artifact.id, index.comparable(opened))
    return found


def _allowed(shelf: Shelf, occurred: list[datetime], question: dict[str, Any]) -> Array:
    """[n] of bool: rows of the kind, said in the period."""
    allowed: Array = np.ones(len(shelf.kinds), bool)
    if question["kind"]:
        allowed &= shelf.kinds == index.KINDS.index(question["kind"])
    if question["since"] or question["until"]:
        began = np.array([moment.timestamp() for moment in occurred])
        said = began[shelf.session_of] + np.nan_to_num(shelf.seconds[:, 0])
        allowed &= said >= (question["since"] or -np.inf)
        allowed &= said < (question["until"] or np.inf)
    return allowed


def _hit(shelf: Shelf, ranked: Ranked, place: int, occurred: list[datetime]) -> dict[str, Any]:
    """What is told of a row; its words stay where they are sealed, but for an element's wording."""
    row = int(ranked.rows[place])
    code, wording = shelf.labels[row]
    moment, mention, element = (UUID(bytes=ids[row].tobytes()) for ids in (shelf.moments, shelf.mentions, shelf.elements))
    start, end = (None if np.isnan(second) else float(second) for second in shelf.seconds[row])
    likeness = float(ranked.likeness[place])
    by = [name for name, found in ((MEANING, ranked.by_meaning[place]), (WORDS, ranked.by_words[place])) if found]
    session = int(shelf.session_of[row])
    return {
        "kind": index.KINDS[shelf.kinds[row]], "session_id": str(shelf.sessions[session]), "moment_id": str(moment),
        "id": None if mention == index.NOBODY else str(mention), "element_id": None if element == index.NOBODY else str(element),
        "code": code, "wording": wording, "span": shelf.spans[row].tolist(), "start": start, "end": end,
        "occurred_at": occurred[session].isoformat(), "score": round(float(ranked.scores[place]), 4),
        "likeness": None if np.isnan(likeness) else round(likeness, 4), "by": by,
    }  # fmt: skip
