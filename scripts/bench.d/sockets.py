"""Many Socket.IO clients in one thread: the wire by hand, because a thread or a session of a library for each would be what is measured."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from insight_journey.events import NAMESPACE

CONNECT_SECONDS = 60
READ = 65536


@dataclass
class Socket:
    """One connected client. `heard`: (monotonic seconds, kind, message) as they come."""

    owner: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.CLIENT))
    heard: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, event: Any) -> None:
        self.writer.write(self.protocol.send(event))

    async def listen(self, token: str) -> None:
        """Until the other end closes."""
        while data := await self.reader.read(READ):
            self.protocol.receive_data(data)
            for event in self.protocol.events():
                if isinstance(event, TextMessage):
                    self._take(str(event.data), token)
                elif isinstance(event, Ping):
                    self.send(event.response())
                elif isinstance(event, CloseConnection):
                    return
                else:
                    assert isinstance(event, AcceptConnection), event  # noqa: S101

    def _take(self, packet: str, token: str) -> None:
        """Engine.IO: 0 open, 2 ping, 3 pong, 4 message; in a message Socket.IO: 0 connected, 2 event."""
        if packet.startswith("0"):
            self.send(TextMessage(f"40{NAMESPACE},{json.dumps({'token': token})}"))
        elif packet.startswith("2"):
            self.send(TextMessage("3"))
        elif packet.startswith(f"40{NAMESPACE},"):
            self.connected.set()
        elif packet.startswith(f"42{NAMESPACE},"):
            kind, message = json.loads(packet.removeprefix(f"42{NAMESPACE},"))
            self.heard.append((time.monotonic(), kind, message))


async def connect(port: int, owner: str, token: str) -> Socket:
    """A client that is let in. Raises TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    socket = Socket(owner, reader, writer)
    socket.send(Request(host=f"127.0.0.1:{port}", target="/socket.io/?EIO=4&transport=websocket"))
    socket.task = asyncio.create_task(socket.listen(token))  # type: ignore[attr-defined]
    await asyncio.wait_for(socket.connected.wait(), CONNECT_SECONDS)
    return socket
