"""Events: facts with a gapless sequence a user, and progress as it happens. The only caller of Socket.IO's emit.

A fact is a row, written in the transaction of what it tells. A nudge over Redis shows it to each process with sockets,
which passes it on to sockets that have seen all before it and reads the rows for the others: a nudge that is lost,
doubled or late changes nothing. Progress is no fact: it is sent as it happens, and the snapshot at connect. Events
carry ids and codes, never words.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import redis
import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.orm import Mapped, mapped_column

from insight_journey.extensions import Model, db, now, socketio

NAMESPACE = "/events"
CHANNEL = "ij:events"
FACTS = (
    "run.finished", "run.failed", "run.cancelled", "element.created", "session.created", "session.deleted",
)  # fmt: skip
PROGRESS = "run.progress"
GAP = "replay.gap"
MOST_WAITING = 500  # messages that one socket may leave unread; facts wait in SQL, progress is dropped
MOST_SHOWN = 100  # facts that a nudge shows; of more it only says that there are some
WIRE_BYTES = 1 << 16  # that the system keeps for one socket besides
WATCH_SECONDS = 5.0
LEAVING_SECONDS = 2.0  # for the last words to a socket that is put out

log = structlog.get_logger()


class Event(Model):
    """One fact of one user. Sequences of a user have no gaps."""

    __tablename__ = "events"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Fact(NamedTuple):
    """A fact as it is sent: `message` is its payload with `sequence` and `at`."""

    sequence: int
    kind: str
    message: dict[str, Any]


def publish(user_id: UUID, kind: str, payloads: list[dict[str, Any]]) -> None:
    """Record facts of one kind in the current transaction; subscribers hear of them after the commit."""
    if kind not in FACTS:
        raise ValueError(f"unknown event {kind}")
    if not payloads:
        return
    last = _take_sequences(user_id, len(payloads))
    first = last - len(payloads) + 1
    moment = now()
    whose = {"user_id": user_id, "kind": kind, "created_at": moment}
    rows = [{**whose, "sequence": first + i, "payload": payload} for i, payload in enumerate(payloads)]
    db.session.execute(sa.insert(Event), rows)
    facts = [_fact(first + i, kind, payload, moment) for i, payload in enumerate(payloads)]
    db.after_commit(lambda: send({"user": str(user_id), "facts": facts if len(facts) <= MOST_SHOWN else []}))


def _fact(sequence: int, kind: str, payload: dict[str, Any], at: datetime) -> Fact:
    return Fact(sequence, kind, {**payload, "sequence": sequence, "at": at.isoformat()})


def lock(user_id: UUID) -> None:
    """Let nobody else record facts of this user until the current transaction ends."""
    _take_sequences(user_id, 0)


def _take_sequences(user_id: UUID, count: int) -> int:
    users = Model.metadata.tables["users"]  # by name: events knows no package
    update = sa.update(users).where(users.c.id == user_id).values(last_sequence=users.c.last_sequence + count)
    return int(db.session.execute(update.returning(users.c.last_sequence)).scalar_one())


def progress(user_id: UUID, message: dict[str, Any]) -> None:
    """Tell a person's open sockets how far a run is, by a `progress_message`."""
    send({"user": str(user_id), "progress": message})


def progress_message(session_id: UUID, run_id: UUID, stage: str | None, share: float, eta_seconds: float | None = None) -> dict[str, Any]:
    """How far a run is: `share` of its stage, 0..1; `eta_seconds` for the stage, None while that can't be told."""
    return {
        "session_id": str(session_id), "run_id": str(run_id), "stage": stage, "progress": round(share, 3),
        "eta_seconds": None if eta_seconds is None else round(eta_seconds, 1),
    }  # fmt: skip


def family_revoked(family_id: UUID) -> None:
    """Put out every socket that came with a token of this family."""
    send({"family": str(family_id)})


def send(message: dict[str, Any]) -> None:
    """Nudge all processes with sockets. A lost nudge loses nothing: rows stay, and sockets look again by themselves."""
    try:
        current_app.extensions["redis"].publish(CHANNEL, json.dumps(message))
    except redis.RedisError as error:
        log.warning("nudge_lost", error=type(error).__name__)


@dataclass
class Subscriber:
    """One connected socket: whose it is, until when its token counts, and the last fact it was sent.

    `gap`: what it is told before its first fact. `full_since`: when it was first seen to take no more, by the
    monotonic clock. `wire`: the system's socket below, where there is one.
    """

    sid: str
    user_id: UUID
    family_id: UUID
    expires_at: datetime
    last: int
    gap: dict[str, int] | None = None
    wire: socket.socket | None = None
    full_since: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Feed:
    """The sockets of this process, and the threads that hear nudges for them and look after them."""

    def __init__(self) -> None:
        self.subscribers: dict[str, Subscriber] = {}
        self._of: dict[str, tuple[Subscriber, ...]] = {}  # by id of user and of family
        self._changing = threading.Lock()
        self._leaving: list[tuple[float, socket.socket]] = []
        self.app: Flask
        self._started = threading.Lock()

    def start(self, app: Flask, standing: Callable[[set[UUID]], set[UUID]]) -> None:
        """Begin to listen, once a process. `standing` tells which of some token families still count."""
        if not self._started.acquire(blocking=False):
            return
        self.app = app
        threading.Thread(target=self._listen, name="events", daemon=True).start()
        threading.Thread(target=self._watch, args=(standing,), name="events-watch", daemon=True).start()

    def add(self, subscriber: Subscriber) -> None:
        if subscriber.wire is not None:
            subscriber.wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WIRE_BYTES)
        self.subscribers[subscriber.sid] = subscriber
        with self._changing:
            for name in _names(subscriber):
                self._of[name] = (*self._of.get(name, ()), subscriber)

    def remove(self, sid: str) -> None:
        """Forget a socket. Its wire is cut soon, for one that takes nothing would hold its threads for good."""
        subscriber = self.subscribers.pop(sid, None)
        if subscriber is None:
            return
        with self._changing:
            for name in _names(subscriber):
                self._of[name] = tuple(other for other in self._of[name] if other is not subscriber)
                if not self._of[name]:
                    del self._of[name]
        if subscriber.wire is not None:
            self._leaving.append((time.monotonic() + LEAVING_SECONDS, subscriber.wire))

    def deliver(self, subscriber: Subscriber) -> bool:
        """Send what this socket has not seen, in order, as far as it takes it; False where more is left.

        Safe to call from any thread, any number of times.
        """
        with subscriber.lock:
            if subscriber.gap is not None:
                self.tell(subscriber.sid, GAP, subscriber.gap)
                subscriber.gap = None
            while room := _room(subscriber):
                facts = facts_after(subscriber.user_id, subscriber.last, room)
                self._send(subscriber, facts)
                if len(facts) < room:
                    return True
        return False

    def pass_on(self, subscriber: Subscriber, facts: list[Fact]) -> bool:
        """Send what is new to this socket of facts that follow upon each other; False, and nothing, where it lacks one before them."""
        with subscriber.lock:
            new = [fact for fact in facts if fact.sequence > subscriber.last]
            is_next = subscriber.gap is None and bool(new) and new[0].sequence == subscriber.last + 1
            if is_next and _room(subscriber) >= len(new):
                self._send(subscriber, new)
                return True
        return bool(facts) and not new

    def _send(self, subscriber: Subscriber, facts: list[Fact]) -> None:
        for fact in facts:
            self.tell(subscriber.sid, fact.kind, fact.message)
            subscriber.last = fact.sequence

    def replay(self, subscriber: Subscriber) -> None:
        """Deliver all there is, at the pace of the socket, until it is gone or has seen everything."""
        pause = threading.Event()
        while subscriber.sid in self.subscribers and not self.deliver(subscriber):
            pause.wait(0.05)

    def hint(self, subscriber: Subscriber, message: dict[str, Any]) -> None:
        """Tell of progress, unless this socket is behind anyway."""
        if _room(subscriber):
            self.tell(subscriber.sid, PROGRESS, message)

    def tell(self, sid: str, kind: str, message: dict[str, Any]) -> None:
        socketio.emit(kind, message, to=sid, namespace=NAMESPACE)

    def _listen(self) -> None:
        stop = threading.Event()
        while True:
            try:
                pubsub = self.app.extensions["redis"].pubsub(ignore_subscribe_messages=True)
                pubsub.subscribe(CHANNEL)
                self._each(self.deliver, list(self.subscribers.values()))
                for message in pubsub.listen():
                    self._safely(self._hear, message["data"])
            except Exception as error:  # whatever it is: this thread must not end
                log.warning("events_wait_for_redis", error=type(error).__name__)
                stop.wait(2)

    def _hear(self, data: bytes) -> None:
        message = json.loads(data)
        if "family" in message:
            self._each(self.put_out, self._of.get(message["family"], ()))
            return
        subscribers = self._of.get(message["user"], ())
        if "progress" in message:
            self._each(lambda subscriber: self.hint(subscriber, message["progress"]), subscribers)
        else:
            facts = [Fact(*fact) for fact in message["facts"]]
            self._each(lambda subscriber: self.pass_on(subscriber, facts) or self.deliver(subscriber), subscribers)

    def _each(self, action: Callable[[Subscriber], object], subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            self._safely(action, subscriber)

    def _safely(self, action: Callable[..., object], *arguments: Any) -> None:
        try:
            with self.app.app_context():
                action(*arguments)
        except Exception as error:  # one bad socket or a database away must not end the thread for all
            log.warning("event_not_delivered", error=type(error).__name__)

    def put_out(self, subscriber: Subscriber) -> None:
        self.remove(subscriber.sid)
        socketio.server.disconnect(subscriber.sid, namespace=NAMESPACE)

    def _watch(self, standing: Callable[[set[UUID]], set[UUID]]) -> None:
        """Every few seconds: put out who may not listen any more or takes nothing, and look for facts whose nudge was lost."""
        pause = threading.Event()
        while not pause.wait(WATCH_SECONDS):
            self._hang_up()
            self._each(self.put_out, [s for s in list(self.subscribers.values()) if s.expires_at <= now()])
            self._safely(self._put_out_stuck)
            self._safely(self._look_after, standing)

    def _hang_up(self) -> None:
        due = [left for left in self._leaving if left[0] <= time.monotonic()]
        for left in due:
            self._leaving.remove(left)
            with suppress(OSError):  # it is closed already
                left[1].shutdown(socket.SHUT_RDWR)

    def _put_out_stuck(self) -> None:
        seconds = self.app.extensions["settings"].slow_socket_seconds
        stuck = [subscriber for subscriber in list(self.subscribers.values()) if _is_stuck(subscriber, seconds)]
        for subscriber in stuck:
            log.warning("slow_subscriber_put_out")
            self._safely(self.put_out, subscriber)

    def _look_after(self, standing: Callable[[set[UUID]], set[UUID]]) -> None:
        """Revoked tokens and missed facts: two queries, however many sockets there are."""
        subscribers = list(self.subscribers.values())
        if not subscribers:
            return
        families = standing({subscriber.family_id for subscriber in subscribers})
        newest = _newest({subscriber.user_id for subscriber in subscribers})
        db.close()
        self._each(self.put_out, [s for s in subscribers if s.family_id not in families])
        self._each(self.deliver, [s for s in subscribers if s.family_id in families and s.last < newest.get(s.user_id, 0)])


feed = Feed()


def _names(subscriber: Subscriber) -> tuple[str, str]:
    return str(subscriber.user_id), str(subscriber.family_id)


def _room(subscriber: Subscriber) -> int:
    """How many more messages may wait for this socket; also notes since when there is no room."""
    room = max(MOST_WAITING - _waiting(subscriber.sid), 0)
    subscriber.full_since = None if room else subscriber.full_since or time.monotonic()
    return room


def _waiting(sid: str) -> int:
    """Messages that were sent to this socket and not yet written to its wire."""
    below = socketio.server.manager.eio_sid_from_sid(sid, NAMESPACE)
    connection = socketio.server.eio.sockets.get(below)
    return int(connection.queue.qsize()) if connection else 0


def _is_stuck(subscriber: Subscriber, seconds: float) -> bool:
    return not _room(subscriber) and time.monotonic() - (subscriber.full_since or time.monotonic()) >= seconds


def facts_after(user_id: UUID, sequence: int, limit: int) -> list[Fact]:
    """The first `limit` facts of a user that come after `sequence`."""
    query = sa.select(Event.sequence, Event.kind, Event.payload, Event.created_at)
    query = query.where(Event.user_id == user_id, Event.sequence > sequence).order_by(Event.sequence).limit(limit)
    try:
        return [_fact(*row) for row in db.session.execute(query)]
    finally:
        db.close()  # so that no transaction stays open between two looks


def _newest(user_ids: set[UUID]) -> dict[UUID, int]:
    users = Model.metadata.tables["users"]
    return {row[0]: row[1] for row in db.session.execute(sa.select(users.c.id, users.c.last_sequence).where(users.c.id.in_(user_ids)))}


def kept(user_id: UUID) -> tuple[int, int]:
    """Sequences of a user's oldest fact that is kept and of her newest ever; (newest + 1, newest) where none is kept."""
    users = Model.metadata.tables["users"]
    newest = db.session.scalar(sa.select(users.c.last_sequence).where(users.c.id == user_id)) or 0
    oldest = db.session.scalar(sa.select(sa.func.min(Event.sequence)).where(Event.user_id == user_id))
    return oldest or newest + 1, newest
