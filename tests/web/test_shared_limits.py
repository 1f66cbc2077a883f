"""Rate limits that several servers share through a server with the Redis protocol."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from permissions.rate_limits import MINUTE_NS
from settings import Settings
from tests.sessions.test_sign_in_events import info_logs
from tests.support.limited import limited, statuses
from tests.support.redis import PROGRAM, redis_server
from tests.support.world import World
from web.rate_limits import RateLimits
from web.shared_limits import SharedLimits

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed")
LIMIT = 2_000
KEY = 7


@pytest.fixture
def socket() -> Iterator[Path]:
    """Of a short path: those of sockets have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        yield Path(folder) / "redis"


@asynccontextmanager
async def counting(
    socket: Path, *, shared: bool = False, per_minute: int = LIMIT
) -> AsyncIterator[RateLimits]:
    """The limits of a server that shares them."""
    limits = RateLimits(Settings(rate_limit_per_minute=per_minute), shared=shared)
    sharing = SharedLimits(f"unix://{socket}", limits.by_name())
    sharing.start()
    try:
        yield limits
    finally:
        await sharing.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def take(limits: RateLimits, count: int = 1) -> bool:
    level = limits.credentials.take(KEY, count)
    assert level is not None
    return not level.refused_until


async def admitted(limits: RateLimits) -> int:
    """How many requests the server answers, one after the other, until it refuses one."""
    count = 0
    async with asyncio.timeout(30):
        while take(limits):
            count += 1
            await asyncio.sleep(0.01)
    return count


async def stored(socket: Path) -> list[object]:
    """The values of all buckets."""
    async with Redis.from_url(f"unix://{socket}") as redis:
        return [await redis.get(key) for key in await redis.keys()]


async def until_stored(socket: Path, before: list[object] = []) -> None:  # noqa: B006 - it is only read
    async with asyncio.timeout(20):
        while await stored(socket) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("shared", [False, True])
async def test_what_one_server_has_answered_counts_at_another(socket: Path, shared: bool) -> None:
    async with redis_server(socket), counting(socket, shared=shared) as one, counting(socket) as other:
        assert take(one, LIMIT)

        assert await admitted(other) < LIMIT / 2


async def test_no_bucket_is_emptier_than_empty(socket: Path) -> None:
    """Ten servers that did not know of each other yet have answered ten times the limit."""
    async with redis_server(socket), counting(socket, per_minute=600) as one:
        for _ in range(10):
            before = await stored(socket)
            async with counting(socket, per_minute=600) as other:
                assert take(other, 600)
                await until_stored(socket, before)
        assert take(one)

        await until(lambda: not take(one))

        level = one.credentials.look(KEY)
        assert level is not None
        assert level.wait_seconds <= MINUTE_NS / 600 / 1e9


async def test_without_the_other_server_each_counts_for_itself(socket: Path) -> None:
    with info_logs() as logs:
        async with counting(socket) as one, counting(socket) as other:
            assert [take(limits, LIMIT) for limits in (one, other)] == [True, True]
            await until(lambda: len(logs) >= 2)
            await asyncio.sleep(2.5)  # Two more attempts, which are not logged.
            assert [line["event"] for line in logs] == ["rate_limits_not_shared"] * 2

            async with redis_server(socket):
                await until(lambda: len(logs) >= 4)
                assert [line["event"] for line in logs[2:]] == ["rate_limits_shared"] * 2


async def test_limits_are_shared_again_after_an_outage(socket: Path) -> None:
    async with counting(socket) as one, counting(socket) as other:
        async with redis_server(socket):
            assert take(one)
            await until_stored(socket)
        with info_logs() as logs:
            assert take(one)
            await until(lambda: bool(logs))
        async with redis_server(socket):
            assert take(one, LIMIT - 50)
            await until_stored(socket)

            assert await admitted(other) < LIMIT / 2


async def test_in_an_outage_nothing_piles_up(socket: Path) -> None:
    with info_logs() as logs:
        async with counting(socket) as one:
            assert take(one)
            await until(lambda: bool(logs))
            for key in range(1_000):
                for buckets in one.by_name().values():
                    buckets.take(key)

            await until(lambda: not any(buckets._taken for buckets in one.by_name().values()))


async def test_requests_to_two_servers_have_one_limit(world: World, socket: Path) -> None:
    shared: Any = {"rate_limit_url": Settings(rate_limit_url=f"unix://{socket}").rate_limit_url}
    async with (
        redis_server(socket),
        limited(world, per_minute=60, **shared) as (one, _),
        limited(world, per_minute=60, **shared) as (other, _),
    ):
        assert set(await statuses(one.admin, 70)) == {200, 429}
        answered = 0
        async with asyncio.timeout(30):
            while await statuses(other.admin, 1) == [200]:
                answered += 1
                await asyncio.sleep(0.02)
        assert answered < 30

        # Other credentials have their own limits.
        assert await statuses(other.member, 1) == [200]
