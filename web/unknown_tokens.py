"""Look-ups of tokens of which is not known that they belong to anything.

Few run at a time, so that database connections are left for known tokens; while the address's bucket is empty
only one at a time, and never that of a token that was found to belong to nothing.
"""

import asyncio
from contextlib import AbstractAsyncContextManager

from engine.fair_queue import FairSemaphore
from permissions.client_sites import Site
from permissions.errors import RateLimited
from permissions.rate_limits import Buckets, Level
from web.recent_tokens import RecentTokens


class UnknownTokens:
    """Look-ups of one process, of credentials and license keys together."""

    def __init__(self, addresses: Buckets, max_lookups: int) -> None:
        """`max_lookups`: how many tokens are looked up at a time."""
        self.useless = RecentTokens[bool]()
        """Tokens that were found to belong to nothing, by their hashes."""
        self._addresses = addresses
        self._lookups = FairSemaphore(max_lookups)
        self._over_limit_lookups = asyncio.Semaphore(1)

    def place(self, site: Site) -> AbstractAsyncContextManager[None]:
        """A place for a look-up that `refusal` does not refuse."""
        return self._lookups.place() if self._exceeded(site) is None else self._over_limit_lookups

    def refusal(self, token_hash: bytes, site: Site, *, is_useless: bool = False) -> RateLimited | None:
        """Why the token is not looked up now: the address is over its limit, and the token is useless or
        another one is looked up. `is_useless`: the token is useless in any case."""
        level = self._exceeded(site)
        if level is None:
            return None
        is_refused = is_useless or self._over_limit_lookups.locked() or self.useless.get(token_hash)
        return RateLimited(level) if is_refused else None

    def _exceeded(self, site: Site) -> Level | None:
        """The level of the address's bucket where it is empty."""
        level = self._addresses.look(site)
        return level if level is not None and level.refused_until else None
