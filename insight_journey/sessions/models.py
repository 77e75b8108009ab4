"""Journey, Session, Media, Run and what hangs on them. Free text stands in `sealed` columns only."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from insight_journey.extensions import Model, new_id, now

QUEUED, RUNNING, FINISHED, FAILED, CANCELLED = "queued", "running", "finished", "failed", "cancelled"
OPEN = (QUEUED, RUNNING)
GRAPH = "graph"  # what a run may wait for
EMPTY = "empty"  # a session without content
SESSION_STATUSES = (EMPTY, QUEUED, RUNNING, FINISHED, FAILED, CANCELLED)


def _owner() -> Mapped[UUID]:
    return mapped_column(sa.ForeignKey("users.id"), index=True)


def _session() -> Mapped[UUID]:
    return mapped_column(sa.ForeignKey("sessions.id", ondelete="CASCADE"), index=True)


class Journey(Model):
    """A named thread of sessions. `sealed`: its name, under the user's key."""

    __tablename__ = "journeys"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = _owner()
    sealed: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Session(Model):
    """One reflection. `sealed`: its title, `care`: whether help is offered with it, both under the session's key."""

    __tablename__ = "sessions"
    __table_args__ = (sa.Index("ix_sessions_user_occurred", "user_id", "occurred_at"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = _owner()
    journey_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("journeys.id", ondelete="SET NULL"), index=True)
    sealed: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=1)
    occurred_at: Mapped[datetime]
    language: Mapped[str | None] = mapped_column(sa.String(8))
    speakers: Mapped[int | None]  # 1, 2 or None: told from the recording
    status: Mapped[str] = mapped_column(sa.String(16), default=EMPTY, index=True)
    care: Mapped[bytes | None]  # of one size always, and there after every analysis: neither tells anything
    transcript_id: Mapped[UUID | None]  # the active artifacts
    analysis_id: Mapped[UUID | None]
    index_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Media(Model):
    """The bytes a session was made from: one sealed file. `sealed`: its name, under the session's key."""

    __tablename__ = "media"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = mapped_column(sa.ForeignKey("sessions.id", ondelete="CASCADE"), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(8))  # audio, video or text
    media_type: Mapped[str] = mapped_column(sa.String(64))
    path: Mapped[str] = mapped_column(sa.String(255))
    size: Mapped[int] = mapped_column(sa.BigInteger)  # bytes, before sealing
    digest: Mapped[bytes]
    seconds: Mapped[float | None]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Artifact(Model):
    """An immutable sealed document: a transcript, an analysis or an index of search."""

    __tablename__ = "artifacts"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = _session()
    run_id: Mapped[UUID] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    path: Mapped[str] = mapped_column(sa.String(255))
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Run(Model):
    """One pass of the pipeline. The row is the queue: it is claimed by a conditional UPDATE of its lease."""

    __tablename__ = "runs"
    __table_args__ = (sa.UniqueConstraint("session_id", "number"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = _session()
    user_id: Mapped[UUID] = _owner()
    number: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(16), default=QUEUED, index=True)
    stage: Mapped[str | None] = mapped_column(sa.String(16))
    progress: Mapped[float] = mapped_column(default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)  # of the current stage
    waiting_for: Mapped[str | None] = mapped_column(sa.String(16))
    error_code: Mapped[str | None] = mapped_column(sa.String(64))
    error_message: Mapped[str | None] = mapped_column(sa.String(500))
    warnings: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    report: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)  # engines, models, counts, tokens: no words
    transcript_id: Mapped[UUID | None]
    analysis_id: Mapped[UUID | None]
    index_id: Mapped[UUID | None]
    projected_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    request_id: Mapped[str | None] = mapped_column(sa.String(128))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class MomentText(Model):
    """A moment's words and speaker, under the session's key. Its id is the moment's id in the graph."""

    __tablename__ = "moments"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = _session()
    position: Mapped[int]
    role: Mapped[str] = mapped_column(sa.String(16))
    start: Mapped[float | None]
    end: Mapped[float | None]
    sealed: Mapped[bytes]
    version: Mapped[int]


class Identity(Model):
    """A decision: what this session says of kind `kind`, worded so, is the person's element `element_key`.

    Replayed by every projection and rebuild, so that identity never depends on the order of arrival.
    `announced`: the person was told of the element by an `element.created`. `sealed`: the wording's vector, under the
    session's key; `category`: the taxonomy code that it was compared within; `similarity`: to the wording that it joined.
    """

    __tablename__ = "identities"
    session_id: Mapped[UUID] = mapped_column(sa.ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    text_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    user_id: Mapped[UUID] = _owner()
    element_key: Mapped[str] = mapped_column(sa.String(64), index=True)
    rule: Mapped[str] = mapped_column(sa.String(16))
    rule_version: Mapped[int]
    category: Mapped[str | None] = mapped_column(sa.String(64))
    similarity: Mapped[float | None]
    sealed: Mapped[bytes | None]
    announced: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


class StaleMark(Model):
    """The graph outbox: this session's subgraph is not what is true now (or: the session is gone).

    Holds no payload. `version` rises with each new reason, so that a relay deletes only what it has seen. The session
    `PERSON` stands for all of the person's. What could not be written is tried `attempts` times and then set aside.
    """

    __tablename__ = "stale_marks"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    marked_at: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    error_code: Mapped[str | None] = mapped_column(sa.String(64))
    set_aside_at: Mapped[datetime | None]


PERSON = UUID(int=0)


class RelayLease(Model):
    """Who reconciles a user's subgraph right now: one relay a user.

    `fence` rises with each lease, and the graph refuses a lower one than it has seen. `written`: the fence that is known
    to stand in the graph.
    """

    __tablename__ = "relay_leases"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    token: Mapped[UUID | None]
    until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    written: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")


class Installation(Model):
    """The epoch: who this installation is, and how far it has counted. One row.

    `graph_counter`: the count that is known to stand in the graph. A store that shows another one was restored from
    another time.
    """

    __tablename__ = "installations"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # always 1
    id: Mapped[UUID] = mapped_column(default=new_id)
    counter: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    graph_counter: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class Turn(Model):
    """When a worker of a queue last took a run of a user."""

    __tablename__ = "turns"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    queue: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    taken_at: Mapped[datetime]
