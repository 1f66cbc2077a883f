"""Clients that follow an account's audit log, and subscribe again with the last number that they have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets import ConnectionClosed

from tests.support.graphql_ws import connected
from tests.support.world import World
from tests.web.test_streams import streaming

_LOG = """subscription ($id: ID!, $after: BigInt) { auditLogAppended(accountId: $id, afterSequence: $after) {
  sequence } }"""
_CODES = {1013: "UNAVAILABLE"}
_PAUSE_SECONDS = 0.1
_WAIT_SECONDS = 60


@dataclass
class Follower:
    numbers: list[int] = field(default_factory=list)
    """Numbers of events, as they came."""
    interruptions: list[str] = field(default_factory=list)
    """Codes of the errors that ended a subscription."""

    def take(self, payload: dict[str, object]) -> bool:
        """Whether the subscription goes on after this message."""
        match payload:
            case {"errors": [{"extensions": {"code": str(code)}}]}:
                self.interruptions.append(code)
                return False
            case {"data": {"auditLogAppended": {"sequence": number}}}:
                self.numbers.append(int(str(number)))
                return True
        raise AssertionError(payload)

    async def has_all(self, last: int) -> None:
        """Waits for the event with the last number. Each event came once, in order."""
        async with asyncio.timeout(_WAIT_SECONDS):
            while not self.numbers or self.numbers[-1] < last:  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE_SECONDS)
        assert self.numbers == list(range(self.numbers[0], self.numbers[-1] + 1))
        assert set(self.interruptions) <= {"UNAVAILABLE"}


@asynccontextmanager
async def followers(world: World, after: int) -> AsyncIterator[list[Follower]]:
    """One on a WebSocket and one of server-sent events."""
    on_socket, on_stream = Follower([after]), Follower([after])
    tasks = [
        asyncio.create_task(_on_socket(world, on_socket)),
        asyncio.create_task(_on_stream(world, on_stream)),
    ]
    try:
        yield [on_socket, on_stream]
        assert not [task for task in tasks if task.done()], tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _on_socket(world: World, follower: Follower) -> None:
    url = f"http://127.0.0.1:{world.settings.port}"
    while True:
        try:
            async with connected(url, world.admin.token) as socket:
                while True:
                    after = follower.numbers[-1]
                    subscription = await socket.subscribe(_LOG, id=world.account_id, after=after)
                    while follower.take(_payload(await subscription.message(_WAIT_SECONDS))):
                        pass
                    await asyncio.sleep(_PAUSE_SECONDS)
        except ConnectionClosed as closed:
            follower.interruptions.append(_CODES.get(closed.rcvd.code if closed.rcvd else 0, str(closed)))
        await asyncio.sleep(_PAUSE_SECONDS)


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    errors = message["payload"] if message["type"] == "error" else None
    return {"errors": errors} if errors else message["payload"]


async def _on_stream(world: World, follower: Follower) -> None:
    while True:
        variables = {"id": world.account_id, "after": follower.numbers[-1]}
        async with streaming(world, _LOG, world.admin.token, variables=variables) as stream:
            if stream.response.status_code == 503:
                follower.interruptions.append("UNAVAILABLE")
                continue
            async for line in stream.response.aiter_lines():
                data = line.removeprefix("data:").strip()
                if data != line and data and not follower.take(json.loads(data)):
                    break
        await asyncio.sleep(_PAUSE_SECONDS)
