"""Memory that a WebSocket can occupy, before and after it presents a credential."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets import ConnectionClosed

from tests.support.commands import running
from tests.support.raw_connections import CONTINUATION, PING, PONG, TEXT, RawConnection, frame
from tests.support.toy_graphql import serving
from tests.web.test_websocket import opened
from web.connection_limits import ConnectionLimits, ConnectionRefused
from web.proxy_headers import Proxies
from web.websocket_limits import WebSocketTable

MEGABYTE = 1024 * 1024
LIMITS = ConnectionLimits(
    websockets_without_credential=8,
    websockets_without_credential_per_address=3,
    websockets_per_credential=2,
)
CREDENTIAL = {"Authorization": "Bearer right"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(LIMITS) as address:
        yield port_of(address)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@asynccontextmanager
async def web_sockets(port: int, count: int, client: str = "127.0.0.1") -> AsyncIterator[list[RawConnection]]:
    async with AsyncExitStack() as stack:
        connections = [await RawConnection.open(port, client) for _ in range(count)]
        for connection in connections:
            stack.callback(connection.close)
            assert await connection.upgrade() == b"HTTP/1.1 101 Switching Protocols"
        yield connections


UNFINISHED = {
    "one frame": [frame(TEXT, length=60 * MEGABYTE)],
    "fragments": [frame(TEXT, bytes(1_000), fin=False), frame(CONTINUATION, length=60 * MEGABYTE)],
    "small fragments": [frame(TEXT, fin=False), *([frame(CONTINUATION, bytes(15_000), fin=False)] * 2)],
    "empty fragments": [frame(TEXT, fin=False), frame(CONTINUATION, fin=False) * 2_000],
}


@pytest.mark.parametrize("parts", UNFINISHED.values(), ids=UNFINISHED.keys())
async def test_a_message_that_is_too_large_is_refused_while_it_comes_in(
    port: int, parts: list[bytes]
) -> None:
    async with web_sockets(port, 1) as [connection]:
        for part in parts:
            await connection.send(part)

        code, reason = await connection.closed_with()

    assert code == 1009
    assert any(limit in reason for limit in ("16384", "1,024 fragments", "1384"))


async def test_after_a_credential_messages_may_be_larger(port: int) -> None:
    query = json_padded("{hello}", 200 * 1024)
    async with opened(f"127.0.0.1:{port}", CREDENTIAL) as socket:
        await socket.send(query)
        assert (await socket.receive())["payload"]["data"] == {"hello": "Hello, world!"}
        await socket.receive()

        await socket.send(json_padded("{hello}", 300 * 1024))

        assert await socket.closed() == 1009


def json_padded(query: str, size: int) -> str:
    text = f'{{"id": "1", "type": "subscribe", "payload": {{"query": "{query}"}}}}'
    return text + " " * (size - len(text))


async def test_memory_stays_when_many_send_messages_that_never_end(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        before = memory_of(serve.processes())
        async with web_sockets(serve.port, 12) as connections:
            await asyncio.gather(*(flood(connection) for connection in connections))
            after = memory_of(serve.processes())

    assert after - before < 50 * MEGABYTE


async def flood(connection: RawConnection) -> None:
    """60 MB of a message, in frames of 1 MB."""
    await connection.send(frame(TEXT, bytes(100), fin=False))
    for _ in range(60):
        if not await connection.send(frame(CONTINUATION, bytes(MEGABYTE), fin=False)):
            return


async def test_memory_stays_when_pings_are_sent_and_no_pong_is_read(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        before = memory_of(serve.processes())
        async with web_sockets(serve.port, 12) as connections:
            for connection in connections:
                connection.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.gather(*(send_pings(connection) for connection in connections))
            after = memory_of(serve.processes())

    assert after - before < 50 * MEGABYTE


async def send_pings(connection: RawConnection) -> None:
    """20 MB of them, or until none is taken any more."""
    pings = frame(PING, bytes(125)) * 8_000
    for _ in range(20):
        connection.writer.write(pings)
        try:
            await asyncio.wait_for(connection.writer.drain(), 0.5)
        except (OSError, TimeoutError):
            return


def memory_of(processes: set[int]) -> int:
    """Bytes that belong to the processes alone."""
    kilobytes = 0
    for pid in processes:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes += sum(int(size) for size in re.findall(r"^Private_\w+: +(\d+) kB", rollup, re.MULTILINE))
    return kilobytes * 1024


async def test_who_never_begins_is_closed() -> None:
    async with (
        serving(LIMITS, connection_init_timeout_seconds=0.3) as address,
        web_sockets(port_of(address), 1) as [connection],
    ):
        code, _ = await connection.closed_with()

    assert code == 4408


async def test_who_answers_no_ping_is_closed() -> None:
    limits = replace(LIMITS, ping_seconds=0.2, pong_seconds=1)
    async with serving(limits) as address, web_sockets(port_of(address), 2) as [silent, lively]:
        for connection in (silent, lively):
            await connection.send(frame(TEXT, b'{"type": "connection_init"}'))
            assert (await connection.receive_frame())[0] == TEXT
        closed = asyncio.create_task(silent.closed_with())
        while not closed.done():
            opcode, payload = await lively.receive_frame()
            assert opcode == PING
            await lively.send(frame(PONG, payload))

        code, reason = closed.result()

    assert (code, reason) == (1011, "keepalive ping timeout")


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_who_sends_nothing_but_control_frames_is_closed(port: int, opcode: int) -> None:
    async with web_sockets(port, 1) as [connection]:
        await connection.send(frame(opcode) * 30_000)

        code, reason = await connection.closed_with()

    assert (code, reason) == (1008, "At most 100 pings and pongs in 10 seconds")


async def test_an_address_has_its_part_of_those_without_a_credential(port: int) -> None:
    async with web_sockets(port, 3):
        refused = await RawConnection.open(port)
        status = await refused.upgrade()
        body = await refused.rest()
        async with web_sockets(port, 3, "127.0.0.2"):
            pass

    assert status == b"HTTP/1.1 429 Too Many Requests"
    assert b'"limit":"websockets_without_credential_per_address","allowed":3' in body


async def test_those_with_a_credential_take_no_place_of_others(port: int) -> None:
    address = f"127.0.0.1:{port}"
    async with opened(address, CREDENTIAL), opened(address, CREDENTIAL), web_sockets(port, 3):
        pass


async def test_a_credential_has_its_part(port: int) -> None:
    address = f"127.0.0.1:{port}"
    async with (
        opened(address, CREDENTIAL),
        opened(address, CREDENTIAL),
        opened(address, init=False) as third,
    ):
        await third.send({"type": "connection_init", "payload": CREDENTIAL})
        assert await third.closed() == 1013
        assert "at most 2" in (third.connection.close_reason or "")
    async with opened(address, CREDENTIAL):
        pass


async def opened_until_refused(stack: AsyncExitStack, address: str, client: str) -> str:
    """Each with another credential of the same client, whom a proxy names; why no more are opened."""
    for number in range(1, 100):
        options: dict[str, Any] = {"init": False, "additional_headers": {"x-forwarded-for": client}}
        socket = await stack.enter_async_context(opened(address, **options))
        await socket.send(
            {"type": "connection_init", "payload": {"Authorization": f"Bearer number {number}"}}
        )
        try:
            await socket.receive()
        except ConnectionClosed:
            return socket.connection.close_reason or ""
    return ""


async def test_an_address_has_its_part_however_many_credentials_it_has() -> None:
    limits, proxies = replace(LIMITS, connections_per_address=5), Proxies(["127.0.0.0/8"])
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(limits, proxies))

        assert "from this address: at most 5" in await opened_until_refused(stack, address, "192.0.2.1")
        options: dict[str, Any] = {"additional_headers": {"x-forwarded-for": "192.0.2.2"}}
        async with opened(address, {"Authorization": "Bearer number 1"}, **options):
            pass


async def test_those_with_credentials_leave_connections_for_requests() -> None:
    limits, proxies = replace(LIMITS, connections=24), Proxies(["127.0.0.0/8"])
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(limits, proxies))

        assert "at most 18" in await opened_until_refused(stack, address, "192.0.2.1")
        connection = await RawConnection.open(int(address.rpartition(":")[2]))
        assert (await connection.request("/graphql?query={hello}")).startswith(b"HTTP/1.1 200")


async def test_the_address_with_the_most_makes_room_for_another_one() -> None:
    limits, proxies = replace(LIMITS, connections=24), Proxies(["127.0.0.0/8"])
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(limits, proxies))
        await opened_until_refused(stack, address, "192.0.2.1")
        options: dict[str, Any] = {"additional_headers": {"x-forwarded-for": "192.0.2.2"}}

        for number in range(50, 59):
            another = opened(address, {"Authorization": f"Bearer number {number}"}, **options)
            socket = await stack.enter_async_context(another)
            assert (await socket.ask("{hello}"))[-1]["type"] == "complete"
        assert "at most 18" in await opened_until_refused(stack, address, "192.0.2.2")


async def test_the_oldest_make_room_for_who_comes(port: int) -> None:
    async with AsyncExitStack() as stack:
        for number in range(2, 5):
            held = await stack.enter_async_context(web_sockets(port, 2, f"127.0.0.{number}"))
            for connection in held:
                await connection.send(frame(TEXT, b'{"type": "connection_init"}'))
        oldest = (await stack.enter_async_context(web_sockets(port, 2, "127.0.0.5")))[0]
        assert oldest is not None

        async with opened(f"127.0.0.1:{port}", CREDENTIAL) as socket:
            assert (await socket.ask("{hello}"))[-1]["type"] == "complete"


async def test_those_that_are_being_closed_take_no_place_of_others() -> None:
    limits = replace(LIMITS, connections=24, websockets_without_credential=16)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(limits))
        port = int(address.rpartition(":")[2])
        for number in range(2, 42):
            connection = await RawConnection.open(port, f"127.0.0.{number}")
            stack.callback(connection.close)
            assert await connection.upgrade() == b"HTTP/1.1 101 Switching Protocols"
            await connection.send(frame(TEXT, b'{"type": "connection_init"}'))

        async with opened(address, CREDENTIAL) as socket:
            assert (await socket.ask("{hello}"))[-1]["type"] == "complete"


def test_those_that_are_not_accepted_yet_make_no_room() -> None:
    table = WebSocketTable(replace(LIMITS, websockets_without_credential=1), Proxies(()))
    first, second = (
        HTTPConnection({"type": "websocket", "client": (f"127.0.0.{number}", 1), "headers": []})
        for number in (2, 3)
    )
    slot = table.admit(first)

    with pytest.raises(ConnectionRefused, match="Too many WebSockets without a credential") as refused:
        table.admit(second)
    table.release(slot)

    assert refused.value.status == 503
    assert table.admit(second).site != slot.site
