"""Clients that send endless small messages are limited, and others are served."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest

from engine.fair_queue import Requester
from engine.operation_cache import Documents
from schema import SCHEMA
from tests.support.limited import VIEWER, limited
from tests.support.loop_time import measured_loop
from tests.support.raw_connections import TEXT, RawConnection, frame
from tests.support.toy_graphql import serving
from tests.support.world import World

MOST_SECONDS = 0.05
INIT = {"type": "connection_init"}
FIELDS = " ".join(f"a{index}: __typename" for index in range(29))


def message(content: dict[str, Any]) -> bytes:
    return frame(TEXT, json.dumps(content).encode())


def subscribe(operation_id: str, query: str) -> dict[str, Any]:
    return {"type": "subscribe", "id": operation_id, "payload": {"query": query}}


def new_document(number: int) -> str:
    return f"query Q{number} {{ viewer {{ {FIELDS} }} }}"


STOPPED = message(subscribe("1", "{ __typename }")) + message({"type": "complete", "id": "1"})
FLOODS = {
    "pings": message({"type": "ping"}),
    "pongs": message({"type": "pong"}) + message({"type": "ping"}),
    "unknown operations": message({"type": "complete", "id": "1"}) + message({"type": "ping"}),
    "operations that are stopped at once": STOPPED + message({"type": "ping"}),
}


async def opened(port: int, client: str = "127.0.0.1", token: str | None = None) -> RawConnection:
    connection = await RawConnection.open(port, client)
    assert await connection.upgrade() == b"HTTP/1.1 101 Switching Protocols"
    await connection.send(
        message(INIT | ({"payload": {"Authorization": f"Bearer {token}"}} if token else {}))
    )
    assert (await connection.receive_frame())[1] == b'{"type":"connection_ack"}'
    return connection


class Received:
    """The messages that a connection receives, by their type."""

    def __init__(self, connection: RawConnection) -> None:
        self.types = Counter[str]()
        self.codes = Counter[str]()
        self._task = asyncio.create_task(self._read(connection))

    async def until(self, kind: str, count: int) -> None:
        async with asyncio.timeout(20):
            while self.types[kind] < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _read(self, connection: RawConnection) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await self._read_frame(connection)

    async def _read_frame(self, connection: RawConnection) -> None:
        opcode, payload = await connection.receive_frame()
        if opcode == TEXT:
            received = json.loads(payload)
            self.types[received["type"]] += 1
            if received["type"] == "error":
                self.codes[received["payload"][0]["extensions"]["code"]] += 1


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_each_message_counts_as_a_request(world: World, flood: bytes, is_signed_in: bool) -> None:
    async with limited(world, per_minute=60, per_address=60) as (there, _):
        token = world.viewer.token if is_signed_in else None
        connection = await opened(there.settings.port, token=token)
        received = Received(connection)
        await connection.send(flood * 2_000)
        await received.until("pong", 10)

        answers = [await there.member.post(VIEWER) for _ in range(10)]

        assert all(answer["data"]["viewer"] for answer in answers)
        assert received.types["pong"] <= 70
        connection.close()


async def test_a_client_that_exceeds_its_limit_is_delayed_and_not_cut_off(world: World) -> None:
    async with limited(world, per_address=60) as (there, _):
        connection = await opened(there.settings.port)
        received = Received(connection)
        await connection.send(FLOODS["pings"] * 60)
        await received.until("pong", 59)

        await connection.send(FLOODS["pings"])

        await received.until("pong", 61)
        connection.close()


async def test_no_document_is_parsed_of_a_client_that_exceeds_its_limit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    parse = Documents._read

    def noting(documents: Documents, text: str) -> Any:
        parsed.append(text)
        return parse(documents, text)

    monkeypatch.setattr(Documents, "_read", noting)
    async with limited(world, per_address=4) as (there, _):
        connection = await opened(there.settings.port)
        received = Received(connection)
        for number in range(8):
            await connection.send(message(subscribe(f"{number}", new_document(number))))
            await received.until("error", max(0, number - 2))
            await received.until("complete", min(3, number + 1))
        connection.close()

    assert received.codes == {"RATE_LIMITED": 5}
    assert parsed == [new_document(number) for number in range(4)]


@pytest.mark.measures
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_without_a_limit_others_have_their_turn_between_two_messages(flood: bytes) -> None:
    """8,000 messages of eight clients: one of another client is answered before they are."""
    async with serving() as address:
        port = int(address.rpartition(":")[2])
        floods = [await opened(port, f"127.0.0.{number}") for number in range(2, 10)]
        received = [Received(connection) for connection in floods]
        other = await RawConnection.open(port)
        with measured_loop() as times:
            for connection in floods:
                connection.writer.write(flood * 1_000)
            await received[0].until("pong", 20)

            status = await other.request("/graphql?query={hello}")
            answered = sum(each.types["pong"] for each in received)

        for connection in [*floods, other]:
            connection.close()
    assert status.startswith(b"HTTP/1.1 200")
    assert answered < 4_000
    times.assert_longest_below(MOST_SECONDS)


@pytest.mark.parametrize("same", ["nothing", "address"])
async def test_clients_that_send_new_documents_take_turns(same: str) -> None:
    documents, order = Documents(SCHEMA._schema), list[str]()

    async def read(client: str, number: int) -> None:
        await documents.read(new_document(number), Requester(same == "address" or client, client))
        order.append(client)

    await asyncio.gather(*(read("busy", number) for number in range(6)), read("quiet", 6))

    assert order.index("quiet") <= 2
    assert order.count("busy") == 6


async def test_new_documents_of_one_address_delay_another_s_by_one(world: World) -> None:
    async with limited(world) as (there, _):
        sockets = [await opened(there.settings.port) for _ in range(5)]
        received = [Received(connection) for connection in sockets]
        for place, connection in enumerate(sockets):
            await connection.send(
                b"".join(
                    message(subscribe(f"{number}", new_document(20 * place + number))) for number in range(20)
                )
            )
        await received[0].until("complete", 1)
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
        async with httpx.AsyncClient(transport=transport, base_url=str(there.http.base_url)) as other:
            before = sum(each.types["complete"] for each in received)
            answer = await other.get("/graphql", params={"query": new_document(1_000)})
            answered = sum(each.types["complete"] for each in received) - before

        for connection in sockets:
            connection.close()
    assert answer.json()["data"] == {"viewer": None}
    assert answered < 50


async def test_new_documents_of_one_person_delay_another_s_at_its_address_by_one(world: World) -> None:
    async with limited(world) as (there, _):
        await there.admin.ask(VIEWER)
        viewer = there.viewer.token
        sockets = [await opened(there.settings.port, token=viewer) for _ in range(5)]
        received = [Received(connection) for connection in sockets]
        for place, connection in enumerate(sockets):
            await connection.send(
                b"".join(
                    message(subscribe(f"{number}", new_document(20 * place + number))) for number in range(20)
                )
            )
        await received[0].until("complete", 1)
        before = sum(each.types["complete"] for each in received)
        data = await there.admin.ask(new_document(1_000))
        answered = sum(each.types["complete"] for each in received) - before

        for connection in sockets:
            connection.close()
    assert data["viewer"]["a0"] == "Viewer"
    assert answered < 50
