"""Client of graphql-transport-ws with concurrent subscriptions on one socket."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from websockets import ClientConnection, ConnectionClosed, Subprotocol, connect

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT_SECONDS = 30


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._messages: dict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)
        self._reading = asyncio.create_task(self._read())

    async def subscribe(self, query: str, **variables: Any) -> "Subscription":
        return await self.send({"query": query, "variables": variables})

    async def send(self, payload: dict[str, Any]) -> "Subscription":
        id = str(len(self._messages))
        subscription = Subscription(self._messages[id])
        await self.connection.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))
        return subscription

    async def is_open(self) -> bool:
        await asyncio.wait_for(await self.connection.ping(), WAIT_SECONDS)
        return True

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the server's close."""
        await asyncio.wait_for(self.connection.wait_closed(), WAIT_SECONDS)
        return self.connection.close_code or 0, self.connection.close_reason or ""

    @contextmanager
    def taking_nothing_in(self) -> Iterator[None]:
        self._reading.cancel()
        yield
        self._reading = asyncio.create_task(self._read())

    def abort(self) -> None:
        """Closes the connection without a close frame, as a network failure does."""
        self.connection.transport.abort()

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.connection:
                message = json.loads(text)
                self._messages[message["id"]].put_nowait(message)


class Subscription:
    def __init__(self, messages: asyncio.Queue[dict[str, Any]]) -> None:
        self._messages = messages

    async def next(self) -> Any:
        """Value of the root field in the next event."""
        message = await asyncio.wait_for(self._messages.get(), WAIT_SECONDS)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (event,) = message["payload"]["data"].values()
        return event

    async def message(self, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Next message of any type."""
        return await asyncio.wait_for(self._messages.get(), seconds)

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[Any]:
        """Remaining events. Call `ended` afterwards."""
        taken: list[Any] = []
        while True:
            message = await asyncio.wait_for(self._messages.get(), WAIT_SECONDS)
            if message["type"] != "next":
                self._messages.put_nowait(message)
                return taken
            taken.append(message["payload"])

    async def ended(self) -> list[dict[str, Any]]:
        """`extensions` of the errors; empty if it completed."""
        message = await asyncio.wait_for(self._messages.get(), WAIT_SECONDS)
        assert message["type"] in ("complete", "error"), message
        return [error["extensions"] for error in message.get("payload", [])]

    async def silent(self, seconds: float = 0.2) -> bool:
        """Whether no message arrives within this time."""
        await asyncio.sleep(seconds)
        return self._messages.empty()


@asynccontextmanager
async def connected(url: str, token: str | None = None, **options: Any) -> AsyncIterator[Socket]:
    """Connects to the server at `url` without cookies. `options` are passed to `websockets`."""
    address = url.replace("http", "ws", 1) + "/graphql"
    options = {"subprotocols": [PROTOCOL], "proxy": None, **options}
    async with connect(address, **options) as connection:
        payload = {"Authorization": f"Bearer {token}"} if token else {}
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        acknowledged = await asyncio.wait_for(connection.recv(), WAIT_SECONDS)
        assert json.loads(acknowledged) == {"type": "connection_ack"}
        yield Socket(connection)
