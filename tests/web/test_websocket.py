"""graphql-transport-ws on a real socket, with valid and invalid messages."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets import ClientConnection, ConnectionClosed, InvalidStatus, Subprotocol, connect

from tests.support.raw_connections import WAIT_SECONDS
from tests.support.toy_graphql import ALLOWED_ORIGIN, RECORD, serving

PROTOCOL = Subprotocol("graphql-transport-ws")


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with serving(max_subscriptions=3) as address:
        yield address


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[str]:
    """Address of a server that stops operations, and connections without a context, after 0.3 s."""
    async with serving(timeout_seconds=0.3) as address:
        yield address


@pytest.fixture(autouse=True)
def _forget() -> None:
    RECORD.events.clear()
    RECORD.scopes.clear()


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.connection.recv(), WAIT_SECONDS))  # type: ignore[no-any-return]

    async def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        await self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, **payload}})

    async def ask(self, query: str, **payload: Any) -> list[dict[str, Any]]:
        """All messages of one operation, the last one included."""
        await self.subscribe(query, "ask", **payload)
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] == "next":
            message = await self.receive()
            if message["id"] == "ask":
                messages.append(message)
        return messages

    async def closed(self) -> int:
        """The code that the server closes with."""
        try:
            while True:
                await asyncio.wait_for(self.connection.recv(), WAIT_SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0


@asynccontextmanager
async def opened(
    address: str, payload: Any = None, init: bool = True, **options: Any
) -> AsyncIterator[Socket]:
    options = {"subprotocols": [PROTOCOL], "proxy": None, **options}
    async with connect(f"ws://{address}/graphql", **options) as connection:
        socket = Socket(connection)
        if init:
            await socket.send({"type": "connection_init"} | ({} if payload is None else {"payload": payload}))
            assert await socket.receive() == {"type": "connection_ack"}
        yield socket


async def happened(*events: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not {*events} <= {*RECORD.events}:
        assert time.monotonic() < deadline, f"{events} are not in {RECORD.events}"
        await asyncio.sleep(0.01)


async def test_subscription_from_first_event_to_complete(address: str) -> None:
    async with opened(address) as socket:
        messages = await socket.ask("subscription($n: Int!) {count(to: $n)}", variables={"n": 2})

    assert [message["type"] for message in messages] == ["next", "next", "complete"]
    assert messages[1]["payload"] == {"data": {"count": 1}, "extensions": {"cost": 0}}


async def test_queries_and_mutations_are_served(address: str) -> None:
    async with opened(address) as socket:
        query, mutation = await socket.ask("{hello}"), await socket.ask("mutation {touch}")

    assert query[0]["payload"]["data"] == {"hello": "Hello, world!"}
    assert mutation[0]["payload"]["data"] == {"touch": "it"}
    assert "touched it" in RECORD.events


async def test_several_at_a_time_and_stopping_one(address: str) -> None:
    async with opened(address) as socket:
        await socket.subscribe("subscription {ticks}", "a")
        await socket.subscribe("subscription {ticks}", "b")
        assert {(await socket.receive())["id"] for _ in range(4)} == {"a", "b"}

        await socket.send({"id": "a", "type": "complete"})
        await happened("stopped")

        await socket.ask("{hello}")
        assert {(await socket.receive())["id"] for _ in range(4)} == {"b"}


async def test_leaving_stops_everything(address: str) -> None:
    async with opened(address) as socket:
        await socket.subscribe("subscription {ticks}")
        await socket.receive()

    await happened("stopped", "ended")


async def test_ping_is_answered(address: str) -> None:
    async with opened(address) as socket:
        await socket.send({"type": "ping", "payload": {"any": 1}})
        assert await socket.receive() == {"type": "pong"}
        await socket.send({"type": "pong"})
        assert (await socket.ask("{hello}"))[-1]["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "payload", "code"),
    [
        ("subscription {", {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription {zzz}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription A {ticks} subscription B {ticks}", {}, "OPERATION_RESOLUTION_FAILED"),
        ("subscription($n: Int!) {count(to: $n)}", {"variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ("query($n: Int!) {number(value: $n)}", {"variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ("query($n: String!) {hello(name: $n)}", {"variables": {"n": "a\0"}}, "BAD_USER_INPUT"),
        ("{items(first: 200){nodes{children(first: 200){nodes{id}}}}}", {}, "QUERY_TOO_COMPLEX"),
        ("{item{" + "parent{" * 15 + "id" + "}" * 17, {}, "QUERY_TOO_COMPLEX"),
        ("subscription {forbidden}", {}, "FORBIDDEN"),
    ],
)
async def test_what_one_operation_does_wrong_is_its_own_error(
    address: str, query: str, payload: dict[str, Any], code: str
) -> None:
    async with opened(address) as socket:
        await socket.subscribe("subscription {ticks}", "other")
        (error,) = await socket.ask(query, **payload)

        assert error["type"] == "error"
        assert error["payload"][0]["extensions"]["code"] == code
        assert (await socket.receive())["id"] == "other"


async def test_an_operation_that_takes_too_long_is_its_own_error(impatient: str) -> None:
    async with opened(impatient) as socket:
        await socket.subscribe("subscription {ticks}", "other")
        (error,) = await socket.ask("{slow}")

        assert error["type"] == "error"
        assert error["payload"][0]["extensions"]["code"] == "TIMEOUT"
        assert (await socket.receive())["id"] == "other"


async def test_errors_are_masked(address: str) -> None:
    async with opened(address) as socket:
        query = await socket.ask("{broken}")
        mutation = await socket.ask("mutation {fail}")
        subscription = await socket.ask("subscription {breaks}")

    shown = [query[0]["payload"]["errors"], mutation[0]["payload"]["errors"], subscription[1]["payload"]]
    assert [message["type"] for message in subscription] == ["next", "error"]
    for (error,) in shown:
        assert error["extensions"]["code"] == "INTERNAL_ERROR"
        assert "request-1" in error["message"]
        assert "vault" not in json.dumps(error)


FRAMES: dict[str, Any] = {
    "binary": b'{"type": "ping"}',
    "not JSON": "{",
    "nothing": "",
    "null": "null",
    "number": "7",
    "list": "[]",
    "deep": "[" * 10_000,
    "5,000 digits": "1" * 5_000,
    "lone surrogate": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "no type": "{}",
    "type as an object": '{"type": {}}',
    "unknown type": json.dumps({"type": "x" * 1_000}),
    "payload as a list": '{"type": "ping", "payload": []}',
    "subscribe without id": '{"type": "subscribe", "payload": {"query": "{hello}"}}',
    "subscribe with an object as id": '{"type": "subscribe", "id": {}, "payload": {"query": "{hello}"}}',
    "subscribe with an endless id": json.dumps(
        {"type": "subscribe", "id": "x" * 256, "payload": {"query": "{hello}"}}
    ),
    "subscribe without payload": '{"type": "subscribe", "id": "1"}',
    "subscribe with a list": '{"type": "subscribe", "id": "1", "payload": []}',
    "subscribe without query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "subscribe with a number": '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    "variables as a list": '{"type": "subscribe", "id": "1", "payload": {"query": "", "variables": []}}',
    "complete without id": '{"type": "complete"}',
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("init", [True, False])
async def test_what_is_no_message_closes_the_socket(address: str, frame: str | bytes, init: bool) -> None:
    async with opened(address, init=init) as socket:
        await socket.send(frame)

        assert await socket.closed() == 4400


async def test_without_a_credential_a_message_has_16_kib_at_most(address: str) -> None:
    async with opened(address) as socket:
        await socket.send('{"type": "ping"}'.ljust(16 * 1024))
        assert await socket.receive() == {"type": "pong"}

        await socket.send('{"type": "ping"}'.ljust(16 * 1024 + 1))

        assert await socket.closed() == 1009


async def test_an_unknown_complete_is_ignored(address: str) -> None:
    async with opened(address) as socket:
        await socket.send({"id": "never", "type": "complete"})

        assert (await socket.ask("{hello}"))[-1]["type"] == "complete"


async def test_credential_from_the_header_or_from_the_first_message(address: str) -> None:
    async with opened(address, additional_headers={"authorization": "Bearer header"}) as socket:
        await socket.ask("{hello}")
    async with opened(address, {"Authorization": "Bearer payload"}) as socket:
        await socket.ask("{hello}")

    seen = [scope.authorization for scope in RECORD.scopes]
    assert seen == ["Bearer header"] * 2 + ["Bearer payload"] * 2


@pytest.mark.parametrize(
    ("credential", "code"), [("Bearer wrong", 4403), ("Bearer crash", 4500), ("Bearer slow", 1013)]
)
async def test_a_connection_without_a_context_is_closed(impatient: str, credential: str, code: int) -> None:
    async with opened(impatient, init=False) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": credential}})

        assert await socket.closed() == code
        assert "10.0.0.7" not in (socket.connection.close_reason or "")


async def test_silence_is_closed() -> None:
    async with (
        serving(connection_init_timeout_seconds=0.3) as address,
        opened(address, init=False) as socket,
    ):
        assert await socket.closed() == 4408


async def test_subscribing_before_the_connection_is_acknowledged(address: str) -> None:
    async with opened(address, init=False) as socket:
        await socket.subscribe("{hello}")

        assert await socket.closed() == 4401


async def test_beginning_twice(address: str) -> None:
    async with opened(address) as socket:
        await socket.send({"type": "connection_init"})

        assert await socket.closed() == 4429


async def test_the_same_id_twice(address: str) -> None:
    async with opened(address) as socket:
        await socket.subscribe("subscription {ticks}")
        assert (await socket.receive())["type"] == "next"
        await socket.subscribe("subscription {ticks}")

        assert await socket.closed() == 4409
    await happened("stopped")


async def test_no_more_subscriptions_than_allowed(address: str) -> None:
    async with opened(address) as socket:
        for operation_id in ("1", "2", "3"):
            await socket.subscribe("subscription {ticks}", operation_id)
        (error,) = await socket.ask("subscription {ticks}")
        await socket.send({"id": "3", "type": "complete"})
        answered = await socket.ask("{hello}")

    assert error["payload"][0]["extensions"] == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "subscriptions",
        "actual": 4,
        "allowed": 3,
    }
    assert answered[-1]["type"] == "complete"


async def test_the_context_can_close_the_socket(address: str) -> None:
    async with opened(address) as socket:
        await socket.subscribe("subscription {ticks}")
        await socket.receive()

        await RECORD.scopes[0].close(4403, "The session has ended")

        assert await socket.closed() == 4403
        assert socket.connection.close_reason == "The session has ended"
    await happened("stopped", "ended")


async def test_a_client_that_does_not_answer_a_close_is_left(address: str) -> None:
    async with opened(address, close_timeout=0.1) as socket:
        await socket.subscribe("subscription {ticks}")
        await socket.receive()
        socket.connection.transport.pause_reading()

        await RECORD.scopes[0].close(4403, "The session has ended")

        await happened("stopped", "ended")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(None, True), ("SAME", True), (ALLOWED_ORIGIN, True), ("https://evil.example", False), ("null", False)],
)
async def test_pages_of_other_origins_are_refused(address: str, origin: str | None, allowed: bool) -> None:
    options: dict[str, Any] = {"origin": origin.replace("SAME", f"http://{address}")} if origin else {}
    if allowed:
        async with opened(address, **options) as socket:
            assert (await socket.ask("{hello}"))[-1]["type"] == "complete"
        return
    with pytest.raises(InvalidStatus) as refused:
        async with opened(address, **options):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("protocols", [["graphql-ws"], None])
async def test_other_protocols_are_refused(address: str, protocols: list[str] | None) -> None:
    async with opened(address, init=False, subprotocols=protocols) as socket:
        assert await socket.closed() == 4406
