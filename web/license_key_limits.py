"""Rate limits of requests with license keys: per key for valid ones, per client address for all others."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from uuid import UUID

from engine.fair_queue import Requester, requester
from permissions.client_sites import site_of
from permissions.errors import RateLimited
from permissions.tokens import hash_token
from resolvers.licenses.checks import CheckedLicense
from telemetry.families import RATE_LIMITED
from web.rate_limits import RateLimiter
from web.recent_tokens import RecentTokens

_DELAY_SECONDS = 0.5
_LIMITED = RATE_LIMITED.labels("license_key")
_MOST_DELAYED = 1_024  # A quarter of MAX_CONNECTIONS as it is by default.


class LicenseKeyLimiter:
    """Limiter of one process. A key that was found recently is looked up while its bucket is not empty, in
    the turn of its account."""

    def __init__(self, rate_limiter: RateLimiter) -> None:
        self._limiter, self._unknown = rate_limiter, rate_limiter.unknown
        self._known = RecentTokens[UUID]()
        """Accounts of keys, by the hashes of the keys."""
        self._delayed = 0

    async def find(
        self, key: str | None, ip: str | None, look_up: Callable[[str], Awaitable[CheckedLicense | None]]
    ) -> CheckedLicense | None:
        """Looks the key up and counts the request. Raises RateLimited. The key None is one that cannot
        exist."""
        if key is None:
            self.count_address(ip)
            return None
        key_hash, site = hash_token(key), site_of(ip)
        account_id = self._known.get(key_hash)
        requester.set(Requester(account_id or site))
        if account_id is not None:
            self._count_key(key_hash)
            found = await look_up(key)
        else:
            refusal = self._unknown.refusal(key_hash, site)
            if refusal is not None:
                raise refusal
            async with self._unknown.place(site):
                found = await look_up(key)
            if found is not None:
                self._known.remember(key_hash, found.account_id)
                self._unknown.useless.forget(key_hash)
                self._count_key(key_hash)
        if found is None:
            self._known.forget(key_hash)
            self._unknown.useless.remember(key_hash, True)
            self.count_address(ip)
        return found

    def count_address(self, ip: str | None) -> None:
        """Counts a request against the address. Raises RateLimited."""
        self._limiter.count_address(ip, {})

    async def delay_refusal(self) -> None:
        """Delays the answer to a refused request. A client that waits for its answers sends fewer of them
        meanwhile, which leaves the time to others. The rest of very many is refused at once, because each of
        them keeps a connection."""
        if self._delayed < _MOST_DELAYED:
            self._delayed += 1
            try:
                await sleep(_DELAY_SECONDS)
            finally:
                self._delayed -= 1

    def _count_key(self, key_hash: bytes) -> None:
        """Counts a request with the key. A former key of a license has a bucket of its own: whoever has it
        cannot use up that of the new one."""
        level = self._limiter.rate_limits.license_keys.take(int.from_bytes(key_hash))
        if level is not None and level.refused_until:
            _LIMITED.value += 1
            raise RateLimited(level)
