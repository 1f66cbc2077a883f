"""Ends of operations and WebSockets: refused, too slow, not read, or closed twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLError
from websockets import ConnectionClosed

from tests.support.live import until
from tests.support.raw_connections import CONTINUATION, PING, TEXT, WAIT_SECONDS, RawConnection, frame
from tests.support.toy_graphql import RECORD, serving
from tests.web.test_websocket import Socket, happened, opened
from tests.web.test_websocket_limits import web_sockets
from web import websocket_adapter
from web.connection_limits import ConnectionLimits
from web.request_scope import RequestScope

PATIENT = ConnectionLimits()
BLOBS = "subscription { blobs }"


@pytest.fixture(autouse=True)
def _forget() -> None:
    RECORD.events.clear()
    RECORD.scopes.clear()


def unread(address: str) -> Any:
    """A WebSocket whose client reads nothing but what it is asked for."""
    return opened(address, max_queue=1, ping_interval=None, close_timeout=0.1)


async def is_answered(port: int) -> bool:
    connection = await RawConnection.open(port)
    try:
        return (await connection.request("/graphql?query={hello}")).startswith(b"HTTP/1.1 200")
    finally:
        connection.close()


async def is_closed(socket: Socket) -> bool:
    """After all that the server had sent."""
    try:
        while True:
            await asyncio.wait_for(socket.connection.recv(), WAIT_SECONDS)
    except ConnectionClosed:
        return True


@pytest.mark.parametrize(
    ("subscription", "code"), [("refusedAtOnce", "FORBIDDEN"), ("beginsSlowly", "TIMEOUT")]
)
async def test_a_subscription_that_does_not_begin(subscription: str, code: str) -> None:
    async with serving(timeout_seconds=0.5) as address, opened(address) as socket:
        (answer,) = await socket.ask(f"subscription {{ {subscription} }}")
        after = await socket.ask("{hello}")

    assert answer["type"] == "error"
    assert [error["extensions"]["code"] for error in answer["payload"]] == [code]
    assert [message["type"] for message in after] == ["next", "complete"]


@pytest.mark.parametrize("query", ["{hello}", "{unknown}", "subscription {refusedAtOnce}"])
async def test_an_operation_that_cannot_be_recorded_is_not_answered(query: str) -> None:
    async with serving() as address, opened(address, {"Authorization": "Bearer unrecorded"}) as socket:
        (answer,) = await socket.ask(query)

    assert answer["type"] == "error"
    (error,) = answer["payload"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "could not be recorded" in error["message"]


async def test_operations_end_with_the_socket_while_a_message_is_delayed() -> None:
    is_limited = False

    def limit(_scope: RequestScope, *, counts: bool) -> None:
        if is_limited:
            raise GraphQLError("Too many messages.", extensions={"code": "RATE_LIMITED"})

    async with serving(limit_message=limit) as address, opened(address) as socket:
        await socket.subscribe("subscription {ticks}")
        await socket.receive()
        is_limited = True
        await socket.send({"type": "ping"})
        await asyncio.sleep(0.05)

        await RECORD.scopes[0].close(4403, "The session has ended")

        await happened("stopped")
        assert "ended" not in RECORD.events
        assert await socket.closed() == 4403
        await happened("ended")


async def test_a_socket_that_is_to_be_closed_twice_keeps_its_first_reason() -> None:
    """The second time for want of a context, which took too long."""
    limits = replace(PATIENT, websockets_without_credential=1)
    async with serving(limits, timeout_seconds=1) as address, opened(address, init=False) as first:
        payload = {"Authorization": "Bearer slow"}
        await first.send({"type": "connection_init", "payload": payload})
        await until(lambda: bool(RECORD.scopes))

        async with opened(address) as second:
            assert await first.closed() == 1013
            assert "Too many WebSockets without a credential" in (first.connection.close_reason or "")
            await asyncio.sleep(1.2)
            assert [message["type"] for message in await second.ask("{hello}")] == ["next", "complete"]


async def test_messages_that_are_not_read_end_the_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_adapter, "_SENDING_SECONDS", 0.1)
    monkeypatch.setattr(websocket_adapter, "_CLOSING_SECONDS", 0.1)
    async with serving() as address, unread(address) as socket:
        await socket.subscribe(BLOBS)

        await happened("stopped", "ended")

        assert await is_closed(socket)


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with serving(replace(PATIENT, send_seconds=0.1)) as address, unread(address) as socket:
        await socket.subscribe(BLOBS)

        await happened("stopped", "ended")

        assert await is_closed(socket)


async def test_a_client_that_reads_nothing_makes_room() -> None:
    async with (
        serving(replace(PATIENT, connections_per_address=1)) as address,
        unread(address) as socket,
    ):
        await socket.subscribe(BLOBS)
        await asyncio.sleep(0.2)
        assert "stopped" not in RECORD.events

        async with asyncio.timeout(WAIT_SECONDS):
            while not await is_answered(int(address.rpartition(":")[2])):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # Until the server cannot send any more.
        await happened("stopped", "ended")


async def test_the_first_violation_is_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving(replace(PATIENT, message_fragments=3)) as address,
        web_sockets(int(address.rpartition(":")[2]), 1) as (connection,),
    ):
        pings, fragments = frame(PING) * 101, frame(CONTINUATION, fin=False) * 10
        await connection.send(frame(TEXT, fin=False) + pings + fragments)

        code, reason = await connection.closed_with()

    assert code == 1008
    assert "At most 100 pings" in reason
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
