"""Clients that are slow or silent or open too many connections do not affect other clients."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from settings import Settings
from tests.support.commands import running
from tests.support.live import until
from tests.support.raw_connections import WAIT_SECONDS, RawConnection
from tests.support.serving import free_port
from tests.support.serving import serving as serving_app
from tests.support.toy_graphql import RECORD, serving
from web.connection_limits import ConnectionLimits

LIMITS = ConnectionLimits(
    connections=24,
    connections_per_address=8,
    header_seconds=0.4,
    body_seconds=0.4,
    body_bytes_per_second=1_000,
    keep_alive_seconds=0.4,
    send_seconds=0.4,
    pipelined_requests=4,
)
JSON_POST = (
    b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
)
QUERY = b'{"query": "{hello}"}'
OK = b"HTTP/1.1 200 OK\r\n"
OTHER = "127.0.0.2"


PATIENT = replace(
    LIMITS,
    header_seconds=WAIT_SECONDS,
    body_seconds=WAIT_SECONDS,
    keep_alive_seconds=WAIT_SECONDS,
    send_seconds=WAIT_SECONDS,
)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(PATIENT) as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture
async def impatient() -> AsyncIterator[int]:
    """Port of a server that waits for 0.4 s."""
    async with serving(LIMITS) as address:
        yield int(address.rpartition(":")[2])


async def answer_to_query(port: int, client: str) -> bytes:
    connection = await RawConnection.open(port, client)
    await connection.send(JSON_POST % len(QUERY) + QUERY)
    status = await asyncio.wait_for(connection.reader.readline(), 10)
    connection.close()
    return status


SLOW = {
    "header": (
        b"GET /graphql HTTP/1.1\r\nx-a: ",
        b"HTTP/1.1 408",
        b"header arrived too slowly: it must arrive within 0.4 seconds",
    ),
    "body": (JSON_POST % 100 + b"{", b"HTTP/1.1 408", b"body_seconds"),
    "chunked body": (
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"HTTP/1.1 408",
        b"body_seconds",
    ),
    "nothing": (b"", b"", b""),
    "empty lines": (b"\r\n\r\n", b"HTTP/1.1 408", b"header arrived too slowly"),
}


@pytest.mark.parametrize(("sent", "status", "limit"), SLOW.values(), ids=SLOW.keys())
async def test_who_owes_a_request_is_closed(impatient: int, sent: bytes, status: bytes, limit: bytes) -> None:
    connection = await RawConnection.open(impatient)
    await connection.send(sent)

    answer = await connection.rest()

    assert answer.startswith(status)
    assert limit in answer
    assert bool(answer) is bool(status)


async def test_a_body_that_comes_in_steadily_may_take_longer(impatient: int) -> None:
    connection = await RawConnection.open(impatient)
    await connection.send(JSON_POST % 16_000)
    for _ in range(8):
        await connection.send(b" " * 2_000)
        await asyncio.sleep(0.1)

    assert (await connection.rest()).startswith(b"HTTP/1.1 400")


async def test_a_body_that_comes_in_drop_by_drop_is_given_up(impatient: int) -> None:
    connection = await RawConnection.open(impatient)
    await connection.send(JSON_POST % 1_000)
    reading = asyncio.create_task(connection.rest())
    for _ in range(100):
        await connection.send(b" ")
        await asyncio.sleep(0.02)

    answer = await reading

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"1,000 bytes a second" in answer


async def test_an_idle_connection_is_closed_after_its_last_answer(impatient: int) -> None:
    connection = await RawConnection.open(impatient)
    await connection.send((JSON_POST % len(QUERY) + QUERY) * 2)

    answers = await connection.rest()

    assert answers.count(OK) == 2


TOO_LARGE = {
    "one header": b"GET /graphql HTTP/1.1\r\nx-a: " + b"a" * 100_000,
    "many headers": b"GET /graphql HTTP/1.1\r\n" + b"x-a: a\r\n" * 20_000,
    "complete": b"GET /graphql HTTP/1.1\r\nx-a: " + b"a" * 40_000 + b"\r\n\r\n",
    "target": b"GET /" + b"a" * 100_000,
    "trailers": (
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n" + b"x-a: a\r\n" * 20_000
    ),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
@pytest.mark.parametrize("part_bytes", [8_000, 200_000])
async def test_a_large_header_is_refused(port: int, kind: str, part_bytes: int) -> None:
    sent = TOO_LARGE[kind]
    if kind == "trailers":
        part_bytes = 8_000  # What comes in one read with the body is bounded by that read.
    connection = await RawConnection.open(port)
    for start in range(0, len(sent), part_bytes):
        await connection.send(sent[start : start + part_bytes])
        await asyncio.sleep(0)

    answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 431")
    assert b"32,768 bytes" in answer


async def test_pipelined_requests_are_answered_in_turn_up_to_a_limit(port: int) -> None:
    connection = await RawConnection.open(port)
    await connection.send((JSON_POST % len(QUERY) + QUERY) * 1_000)

    answers = await connection.rest()

    assert answers.count(OK) == 5
    assert answers.count(b"HTTP/1.1 429") == 1
    assert b'"limit":"pipelined_requests","allowed":4' in answers


async def test_who_takes_no_answer_in_is_closed(impatient: int) -> None:
    query = b'{"query": "query ($name: String!) {hello(name: $name)}", "variables": {"name": "%s"}}'
    request = query % (b"a" * 200_000)
    connection = await RawConnection.open(impatient)
    connection.reader._transport.pause_reading()  # type: ignore[attr-defined]

    with pytest.raises(ConnectionError):  # noqa: PT012 - whichever of the requests is the last
        while True:
            connection.writer.write(JSON_POST % len(request) + request)
            await asyncio.wait_for(connection.writer.drain(), WAIT_SECONDS)


@contextmanager
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_request_that_was_answered_before_its_end_leaves_an_idle_connection(impatient: int) -> None:
    connection = await RawConnection.open(impatient)
    await connection.send(b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n")
    status = await asyncio.wait_for(connection.reader.readline(), 10)

    await connection.send(b" " * 10)

    assert status.startswith(b"HTTP/1.1 415")
    await connection.rest()


async def test_one_address_cannot_hold_what_others_need(port: int) -> None:
    held = [await RawConnection.open(port) for _ in range(60)]

    assert await answer_to_query(port, OTHER) == OK
    assert await answer_to_query(port, "127.0.0.1") == OK
    for connection in held:
        connection.close()


async def test_many_addresses_cannot_hold_what_others_need(port: int) -> None:
    held = [await RawConnection.open(port, f"127.0.1.{number}") for number in range(60)]

    assert await answer_to_query(port, OTHER) == OK
    answers = [asyncio.create_task(connection.rest()) for connection in held]
    await until(lambda: any(each.done() and b"503" in each.result() for each in answers))
    refusals = [each.result() for each in answers if each.done() and b"503" in each.result()]
    assert all(b"at most 24 may be open" in refusal for refusal in refusals)
    for connection in held:
        connection.close()
    await asyncio.gather(*answers)


async def test_connections_that_are_being_answered_are_not_closed_for_others() -> None:
    slow = b'{"query": "{slow}"}'
    RECORD.events.clear()
    async with serving(PATIENT, timeout_seconds=3) as address:  # The server ends once they are answered.
        port = int(address.rpartition(":")[2])
        held = [await RawConnection.open(port) for _ in range(8)]
        for connection in held:
            await connection.send(JSON_POST % len(slow) + slow)
        await until(lambda: RECORD.events.count("started") == len(held))

        refused = await (await RawConnection.open(port)).rest()
        answer = await answer_to_query(port, OTHER)

        for connection in held:
            connection.close()
    assert refused.startswith(b"HTTP/1.1 429")
    assert b"at most 8 may be open" in refused
    assert answer == OK


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx-a: ",
        b"POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://127.0.0.1\r\n"
        b"content-length: 100\r\n\r\nemail=",
    ],
    ids=["idle", "half a header", "slow form"],
)
async def test_thousands_from_one_address_keep_nobody_waiting(
    tmp_path: Path, database_url: str, sent: bytes
) -> None:
    with many_files(), running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        held = []
        for _ in range(4_200):
            held.append(await RawConnection.open(serve.port))
            await held[-1].send(sent)

        other = await RawConnection.open(serve.port, OTHER)
        assert await other.request() == OK

        for connection in [*held, other]:
            connection.close()


def half_a_form(path: str, port: int) -> bytes:
    kind = "json" if path == "/graphql" else "x-www-form-urlencoded"
    host = f"127.0.0.1:{port}"
    return (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n"
        f"content-type: application/{kind}\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\nemail="
    ).encode()


async def is_being_read(connection: RawConnection) -> None:
    """The app reads the body of a request that expects leave to send it."""
    leave = await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
    assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_an_aborted_form_is_no_traceback_nor_is_one_that_the_end_of_the_server_cuts_short(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        for path in ("/sign-in", "/graphql", "/leaked-keys", "/sign-out"):
            connection = await RawConnection.open(serve.port)
            await connection.send(half_a_form(path, serve.port))
            await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
            connection.close()
        assert serve.status() == 200
        unfinished = await RawConnection.open(serve.port)
        await unfinished.send(half_a_form("/sign-in", serve.port))
        await is_being_read(unfinished)
        serve.process.terminate()
        answer = await unfinished.rest()
        code, _, err = serve.outcome()

    assert answer.startswith(b"HTTP/1.1 503")
    assert (code, err) == (0, "")


async def test_behind_a_proxy_the_clients_have_the_limit_and_not_the_proxy(app_settings: Settings) -> None:
    update = {"port": free_port(), "trusted_proxies": ("127.0.0.1",), "max_connections_per_address": 4}
    settings = app_settings.model_copy(update=update)
    async with serving_app(settings):
        held = [await RawConnection.open(settings.port) for _ in range(10)]
        for connection in held[:4]:
            await connection.send(proxied(settings.port, "203.0.113.7", 100, "expect: 100-continue\r\n"))
            await is_being_read(connection)

        await held[4].send(proxied(settings.port, "203.0.113.7", len(TYPENAME)) + TYPENAME)
        await held[5].send(proxied(settings.port, "203.0.113.8", len(TYPENAME)) + TYPENAME)
        refused, answer = await held[4].rest(), await held[5].reader.readline()

        for connection in held:
            connection.close()
    assert refused.startswith(b"HTTP/1.1 429")
    assert b"Too many requests from this address: at most 4" in refused
    assert b"content-security-policy" in refused
    assert answer == OK


TYPENAME = b'{"query": "{__typename}"}'


def proxied(port: int, client: str, length: int, header: str = "") -> bytes:
    return (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"x-forwarded-for: {client}\r\ncontent-length: {length}\r\n{header}\r\n"
    ).encode()
