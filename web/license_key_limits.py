"""Rate limits of requests with license keys: per key for valid ones, per client address for all others.

A key that was found recently is looked up while its bucket is not empty. Few others are looked up at a time;
while the address's bucket is empty only one, and never one that was found not to exist.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from engine.fair_queue import FairSemaphore, Requester, requester
from permissions.client_sites import site_of
from permissions.errors import RateLimited
from permissions.tokens import hash_token
from resolvers.licenses.checks import CheckedLicense
from web.rate_limits import RateLimits
from web.recent_tokens import RecentTokens


class LicenseKeyLimiter:
    """Limiter of one process."""

    def __init__(self, rate_limits: RateLimits, max_unknown_lookups: int) -> None:
        self._limits = rate_limits
        self._known = RecentTokens[UUID]()
        self._useless = RecentTokens[bool]()
        self._unknown_lookups = FairSemaphore(max_unknown_lookups)
        self._over_limit_lookups = asyncio.Semaphore(1)

    async def find(
        self, key: str | None, ip: str | None, look_up: Callable[[str], Awaitable[CheckedLicense | None]]
    ) -> CheckedLicense | None:
        """Looks the key up and counts the request. Raises RateLimited. The key None is one that cannot
        exist."""
        if key is None:
            self.count_address(ip)
            return None
        requester.set(Requester(site_of(ip)))
        key_hash = hash_token(key)
        license_id = self._known.get(key_hash)
        if license_id is not None:
            self._count_key(license_id)
            found = await look_up(key)
        else:
            async with self._lookup_slot(ip, key_hash):
                found = await look_up(key)
            if found is not None:
                self._known.remember(key_hash, found.id)
                self._useless.forget(key_hash)
                self._count_key(found.id)
        if found is None:
            self._known.forget(key_hash)
            self._useless.remember(key_hash, True)
            self.count_address(ip)
        return found

    def count_address(self, ip: str | None) -> None:
        """Counts a request against the address. Raises RateLimited."""
        level = self._limits.addresses.take(site_of(ip))
        if level is not None and level.refused_until:
            raise RateLimited(level)

    def _count_key(self, license_id: UUID) -> None:
        level = self._limits.license_keys.take(license_id)
        if level is not None and level.refused_until:
            raise RateLimited(level)

    def _lookup_slot(self, ip: str | None, key_hash: bytes) -> AbstractAsyncContextManager[None]:
        level = self._limits.addresses.look(site_of(ip))
        if level is None or not level.refused_until:
            return self._unknown_lookups.place()
        if self._over_limit_lookups.locked() or self._useless.get(key_hash):
            raise RateLimited(level)
        return self._over_limit_lookups
