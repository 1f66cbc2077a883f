"""A purchase that is repeated after a lost response is made once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from tests.billing.test_purchases import purchase
from tests.processes.test_concurrency import at_once
from tests.support.changes import actions, nothing_changes, user_error
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.world import Person, World


async def test_a_retry_shows_what_has_become_of_it(world: World, themes: dict[str, str]) -> None:
    items = [(themes["basalt"], 2), (themes["aurora"], 1)]
    first = await purchase(world, *items, idempotencyKey="k")

    async with nothing_changes(world):
        assert await purchase(world, *items, idempotencyKey="k") == first
        other = await purchase(world, (themes["basalt"], 3), idempotencyKey="k")
    assert user_error(other) == ("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])
    await world.superuser.execute("UPDATE invoices SET status = 'PAID'")
    again = await purchase(world, *items, idempotencyKey="k")
    assert again["invoice"] == {**first["invoice"], "status": "PAID"}


async def test_ten_at_once_with_one_key_are_one(world: World, themes: dict[str, str]) -> None:
    answers = await at_once(*(purchase(world, (themes["basalt"], 2), idempotencyKey="k") for _ in range(10)))

    assert answers == [answers[0]] * 10
    assert answers[0]["entitlements"][0]["purchased"] == 2
    assert await world.superuser.fetchval("SELECT count(*) FROM invoices") == 1


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


@asynccontextmanager
async def cut_at_the_answer(world: World) -> AsyncIterator[Person]:
    """The Admin behind a relay that resets the connection instead of letting the answer through."""
    host = urlsplit(str(world.http.base_url))

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(host.hostname, host.port)
        forwarding = asyncio.create_task(forward(reader, to_server))
        assert await from_server.read(1)
        writer.transport.abort()
        forwarding.cancel()
        to_server.close()

    relaying = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = relaying.sockets[0].getsockname()[1]
    async with (
        relaying,
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield replace(world.admin, http=http)


async def test_a_retry_after_a_lost_answer_buys_nothing_more(world: World, themes: dict[str, str]) -> None:
    items = [(themes["basalt"], 2), (themes["aurora"], 1)]
    async with cut_at_the_answer(world) as cut_off:
        with pytest.raises(httpx.TransportError):
            await purchase(world, *items, by=cut_off, idempotencyKey="k")
    committed = await world.superuser.fetchrow("SELECT id, sequence FROM invoices")
    assert committed is not None

    async with nothing_changes(world):
        payload = await purchase(world, *items, idempotencyKey="k")

    assert payload["invoice"]["id"] == f"invoice_{committed['id'].hex}"
    bought = [(each["theme"]["slug"], each["purchased"]) for each in payload["entitlements"]]
    assert bought == [("basalt", 2), ("aurora", 6)]
    assert actions(await world.events()).count("INVOICE_ISSUED") == 1
