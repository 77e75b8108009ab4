"""What a client that comes back is sent, and what becomes of one that does not read."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import redis
import sqlalchemy as sa

from insight_journey.accounts.models import User
from insight_journey.events import CHANNEL, MOST_WAITING, Event
from insight_journey.extensions import make_engine
from tests.stack import Heard, Person, Stack, until

MANY = 30_000  # more than the system's own buffers on both sides take


@contextmanager
def database(stack: Stack) -> Iterator[sa.Connection]:
    engine = make_engine(stack.settings.database_url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def forget(stack: Stack, person: Person, upto: int) -> None:
    """As the sweeper does with what is older than it is kept."""
    with database(stack) as connection:
        connection.execute(sa.delete(Event).where(Event.user_id == UUID(person.id), Event.sequence <= upto))


def flood(stack: Stack, person: Person, count: int) -> None:
    """Facts that happened while nobody listened."""
    whose = sa.update(User).where(User.id == UUID(person.id)).values(last_sequence=User.last_sequence + count)
    with database(stack) as connection:
        last = connection.execute(whose.returning(User.last_sequence)).scalar_one()
        rows = [
            {"user_id": UUID(person.id), "sequence": n, "kind": "session.created", "payload": {"session_id": str(UUID(int=n))}}
            for n in range(last - count + 1, last + 1)
        ]
        connection.execute(sa.insert(Event), rows)


def sequences(heard: Heard) -> list[int]:
    return [message["sequence"] for _, message in heard.events if "sequence" in message]


def test_exactly_the_gap_comes_and_nothing_is_said(stack: Stack, alice: Person) -> None:
    for _ in range(5):
        alice.session()
    with alice.listening(last_sequence=2) as heard:
        until(lambda: len(heard.events) >= 3)
        alice.session()
        until(lambda: len(heard.events) >= 4)
    assert sequences(heard) == [3, 4, 5, 6]
    assert heard.of("replay.gap") == []


def test_a_gap_that_is_not_kept_is_told_first(stack: Stack, alice: Person) -> None:
    for _ in range(5):
        alice.session()
    forget(stack, alice, upto=3)
    with alice.listening(last_sequence=1) as heard:
        until(lambda: len(heard.events) >= 3)
    assert heard.events[0] == ("replay.gap", {"oldest_sequence": 4, "newest_sequence": 5})
    assert sequences(heard) == [4, 5]
    with alice.listening(last_sequence=3) as heard:
        until(lambda: len(heard.events) >= 2)
    assert heard.of("replay.gap") == []  # what is gone she has seen


def nudge(stack: Stack, person: Person, *sequences: int) -> None:
    """As a process that tells of facts with these sequences does."""
    facts = [[n, "session.created", {"session_id": str(UUID(int=n)), "sequence": n}] for n in sequences]
    connection = redis.Redis.from_url(stack.settings.redis_url.get_secret_value())
    connection.publish(CHANNEL, json.dumps({"user": person.id, "facts": facts}))
    connection.close()


def test_doubled_late_and_early_nudges_change_nothing(stack: Stack, alice: Person) -> None:
    with alice.listening() as heard:
        made = [alice.session(), alice.session()]
        until(lambda: len(heard.events) >= 2)
        for told in ([1], [2], [1, 2], [4], [9, 10], []):
            nudge(stack, alice, *told)
        made.append(alice.session())
        until(lambda: len(heard.events) >= 3)
    assert sequences(heard) == [1, 2, 3]
    assert [message["session_id"] for message in heard.of("session.created")] == made


def test_facts_whose_nudge_was_lost_come_all_the_same(stack: Stack, alice: Person) -> None:
    with alice.listening() as heard, alice.listening() as other:
        alice.session()
        until(lambda: heard.events and other.events)
        flood(stack, alice, 3)
        until(lambda: len(heard.events) >= 4 and len(other.events) >= 4)
        alice.session()
        until(lambda: len(heard.events) >= 5 and len(other.events) >= 5)
    assert sequences(heard) == sequences(other) == [1, 2, 3, 4, 5]


def test_nothing_kept_at_all(stack: Stack, alice: Person) -> None:
    for _ in range(3):
        alice.session()
    forget(stack, alice, upto=3)
    with alice.listening(last_sequence=3) as up_to_date, alice.listening(last_sequence=1) as behind:
        until(lambda: behind.events)
        alice.session()
        until(lambda: sequences(up_to_date) and sequences(behind))
    assert behind.events[0] == ("replay.gap", {"oldest_sequence": 4, "newest_sequence": 3})
    assert (sequences(up_to_date), sequences(behind)) == ([4], [4])
    assert up_to_date.of("replay.gap") == []


def test_a_sequence_from_the_future_is_now(stack: Stack, alice: Person) -> None:
    alice.session()
    with alice.listening(last_sequence=10**30) as heard:
        until(lambda: heard.events)
        alice.session()
        until(lambda: sequences(heard))
    assert heard.events[0] == ("replay.gap", {"oldest_sequence": 1, "newest_sequence": 1})
    assert sequences(heard) == [2]


def test_a_long_absence_is_made_good_in_order(stack: Stack, alice: Person) -> None:
    flood(stack, alice, 5 * MOST_WAITING)
    with alice.listening(last_sequence=0) as heard:
        until(lambda: len(heard.events) >= 5 * MOST_WAITING, 60)
    assert sequences(heard) == list(range(1, 5 * MOST_WAITING + 1))


# -- one that does not read ------------------------------------------------------------------------------------------


def unread(person: Person) -> socket.socket:
    """A Socket.IO client by hand, which says hello and then reads nothing."""
    address = urlsplit(person.base)
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.settimeout(30)
    wire.connect((address.hostname, address.port))
    hello = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", f"Host: {address.netloc}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "",
    )  # fmt: skip
    wire.sendall("\r\n".join(hello).encode())
    assert b" 101 " in wire.recv(1024)
    wire.sendall(frame(f"40/events,{json.dumps({'token': person.token, 'last_sequence': 0})}"))
    return wire


def frame(text: str) -> bytes:
    """A masked text frame of WebSocket (RFC 6455, section 5.2)."""
    data, mask = text.encode(), os.urandom(4)
    return b"\x81\xfe" + len(data).to_bytes(2) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def rest(wire: socket.socket) -> bytes:
    """All that was on its way, up to the end of the connection."""
    parts: list[Any] = []
    try:
        while part := wire.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_one_that_does_not_read_is_put_out(stack: Stack, alice: Person, bob: Person) -> None:
    flood(stack, alice, MANY)
    wire = unread(alice)
    with alice.listening() as heard, bob.listening() as other:
        until(lambda: "slow_subscriber_put_out" in stack.log.read_text(), 60)
        alice.session(), bob.session()
        until(lambda: heard.of("session.created") and other.of("session.created"))  # others hear as before
    came = rest(wire).count(b"session.created")
    assert 0 < came < MANY
    wire.close()
