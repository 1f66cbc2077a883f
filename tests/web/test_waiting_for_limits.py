"""Subscriptions that wait until their credential's limit permits another request."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from settings import Settings
from web.rate_limits import RateLimiter, RateLimits

CREDENTIAL = UUID(int=1)
PER_MINUTE = 6_000
WAITING = 200


async def test_those_who_wait_for_one_limit_do_so_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else each of them would look once for every request that the limit permits."""
    limiter = RateLimiter(RateLimits(Settings(rate_limit_per_minute=PER_MINUTE)), max_unknown_lookups=1)
    looks = 0
    take = limiter._take

    def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return take(*arguments)

    monkeypatch.setattr(limiter, "_take", counted)
    for _ in range(PER_MINUTE):
        await limiter.wait_and_count(CREDENTIAL)
    looks = 0

    await asyncio.gather(*(limiter.wait_and_count(CREDENTIAL) for _ in range(WAITING)))

    assert looks <= 3 * WAITING
    assert not limiter._turns
