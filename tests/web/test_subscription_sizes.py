"""The total size of the subscriptions of an address is limited, because they stay in memory."""

import asyncio
import json
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any

import pytest

from engine.operation_cache import Documents, OperationRefused
from permissions.client_sites import site_of
from tests.support.graphql_ws import Socket, connected
from tests.support.limited import limited
from tests.support.raw_connections import WAIT_SECONDS
from tests.support.toy_graphql import SCHEMA
from tests.support.world import World
from web.subscription_sizes import SubscriptionSizes

MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
REFUSED = {"code": "QUERY_TOO_COMPLEX", "limit": "subscription_bytes_per_address", "allowed": 512 * 1024}
LARGE = 120_000


def padded(number: int, size: int) -> str:
    return f"{MEMBER} # {number} {'x' * size}"


@pytest.mark.parametrize("part", ["document", "variables"])
async def test_subscriptions_of_an_address_have_a_size(world: World, app_url: str, part: str) -> None:
    def large(number: int) -> tuple[str, dict[str, str]]:
        if part == "document":
            return padded(number, LARGE), {"id": world.account_id}
        return MEMBER, {"id": world.account_id, "unused": "x" * LARGE}

    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(app_url, world.admin.token)) for _ in range(2)]
        for number in range(4):
            query, variables = large(number)
            await (await sockets[number % 2].subscribe(query, **variables)).next()
        query, variables = large(4)
        (refused,) = await (await sockets[0].subscribe(query, **variables)).ended()
        await sockets[1].connection.send(json.dumps({"id": "0", "type": "complete"}))
        async with asyncio.timeout(WAIT_SECONDS):
            while (again := await _first_message(sockets[0], query, variables))["type"] == "error":  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        assert refused.pop("actual") > 512 * 1024
        assert refused == REFUSED
        assert again["payload"]["data"]["viewerMemberChanged"]["role"] == "ADMIN"


async def test_a_document_that_subscriptions_share_counts_once(world: World, app_url: str) -> None:
    shared = padded(0, 9_000)

    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(app_url, world.admin.token)) for _ in range(4)]
        for socket in sockets:
            subscriptions = [await socket.subscribe(shared, id=world.account_id) for _ in range(20)]

            assert [(await each.next())["role"] for each in subscriptions] == ["ADMIN"] * 20


async def test_a_refused_subscription_counts_as_a_request(world: World) -> None:
    async with (
        limited(world, per_minute=10) as (_, state),
        connected(f"http://127.0.0.1:{state.settings.port}", world.admin.token) as socket,
    ):
        for number in range(4):
            await (await socket.subscribe(padded(number, LARGE), id=world.account_id)).next()

        refused = [
            await (await socket.subscribe(padded(4, LARGE), id=world.account_id)).ended() for _ in range(10)
        ]

    codes = [error["code"] for (error,) in refused]
    assert codes[0] == "QUERY_TOO_COMPLEX"
    assert codes[-1] == "RATE_LIMITED"


async def _first_message(socket: Socket, query: str, variables: dict[str, str]) -> dict[str, Any]:
    return await (await socket.subscribe(query, **variables)).message()


def test_addresses_that_use_all_leave_room_for_small_subscriptions_of_others() -> None:
    sizes, documents = SubscriptionSizes(), Documents(SCHEMA._schema)
    small, large, most = (
        documents.prepare("{ __typename }", None, {"unused": "x" * size}) for size in (300, 10_000, 250_000)
    )

    with ExitStack() as stack:
        for prepared in (most, most, large, large):
            for number in range(20):
                with suppress(OperationRefused):
                    stack.enter_context(sizes.counted(site_of(f"127.0.1.{number}"), prepared))

        for number in range(3):
            other = site_of(f"127.0.2.{number}")
            for _ in range(5):
                stack.enter_context(sizes.counted(other, small))
            with pytest.raises(OperationRefused, match="of all clients"):
                stack.enter_context(sizes.counted(other, large))


def test_only_the_open_subscriptions_count() -> None:
    sizes, site = SubscriptionSizes(allowed_per_address=200), site_of("127.0.0.1")
    documents = Documents(SCHEMA._schema)
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    small, large = (documents.prepare(text, None, {"ids": ["x" * size]}) for size in (50, 90))

    with sizes.counted(site, small):
        for _ in range(3):
            with sizes.counted(site, small):
                pass
        with pytest.raises(OperationRefused, match="from your address"), sizes.counted(site, large):
            pass

    assert not sizes._sizes
    assert not sizes._uses
