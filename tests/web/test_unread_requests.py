"""Requests that are refused before their operation is read, and their audit events."""

import asyncio
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from engine import operation_cache
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.raw_connections import RawConnection
from tests.support.toy_graphql import RECORD, serving
from web import graphql_request

RESPONSE = "application/graphql-response+json"
MOST_BYTES = 1_000
HEAD = "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with serving(timeout_seconds=0.5, max_body_bytes=MOST_BYTES) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    RECORD.calls.clear()
    async with httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://{address}") as client:
        yield client


@pytest.mark.parametrize(
    ("credential", "status", "code"),
    [("Bearer wrong", 400, "BAD_REQUEST"), ("Bearer limited", 429, "RATE_LIMITED")],
)
async def test_what_is_not_json_counts_for_its_credential(
    client: httpx.AsyncClient, credential: str, status: int, code: str
) -> None:
    """What an unknown credential sends is not recorded."""
    headers = {"authorization": credential, "accept": RESPONSE, "content-type": "application/json"}

    response = await client.post("/graphql", content="{", headers=headers)

    assert response.status_code == status
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [code]
    recorded = [(call.status, call.codes) for call in RECORD.calls]
    assert recorded == ([(429, ["RATE_LIMITED"])] if status == 429 else [])


async def test_the_last_part_of_a_body_can_be_too_much(address: str) -> None:
    connection = await RawConnection.open(int(address.rpartition(":")[2]))
    body = "x" * (MOST_BYTES + 1)

    await connection.send(
        f"{HEAD}transfer-encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode()
    )

    assert (await connection.rest()).startswith(b"HTTP/1.1 413 ")


async def test_the_rest_of_a_body_is_discarded_within_bounds(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql_request, "_MAX_DISCARDED_BYTES", 5 * MOST_BYTES)
    connection = await RawConnection.open(int(address.rpartition(":")[2]))

    await connection.send(f"{HEAD}content-length: {100 * MOST_BYTES}\r\n\r\n{'x' * 10 * MOST_BYTES}".encode())

    assert (await connection.rest()).startswith(b"HTTP/1.1 413 ")


async def test_a_document_that_is_not_read_in_time(client: httpx.AsyncClient) -> None:
    others_are_read = threading.Event()
    busy = asyncio.create_task(operation_cache._thread.run(lambda: others_are_read.wait(10)))

    response = await client.post("/graphql", json={"query": "{ late: hello }"}, headers={"accept": RESPONSE})
    others_are_read.set()

    assert await busy
    assert response.status_code == 504
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["TIMEOUT"]
