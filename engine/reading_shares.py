"""Shares of the accounts in the connections for reading."""

from collections.abc import Hashable
from time import monotonic

from cachetools import TTLCache

_LONG_SECONDS = 0.1
"""A page takes some milliseconds. What takes longer counts or searches a large list."""
_SLOW_SECONDS = 10
_MOST_SLOW_ACCOUNTS = 10_000


class ReadingShares:
    """Counts the connections that each account has. Tasks of the server itself have no share.

    An account that has a connection gets another one only while more than one (of eight or more: two) are
    free, so that one is left for another account. An account is slow while a statement of it has run for over
    100 ms, and for 10 seconds after such a statement. A slow account gets a fifth of the connections at most.
    """

    def __init__(self, connections: int) -> None:
        self.free = connections
        self._kept_free = 0 if connections == 1 else 1 if connections < 8 else 2
        self._most_of_slow = max(1, connections // 5)
        self._starts: dict[Hashable, list[float]] = {}
        """Times at which the connections of each account were lent, oldest first."""
        self._slow: TTLCache[Hashable, None] = TTLCache(_MOST_SLOW_ACCOUNTS, _SLOW_SECONDS, monotonic)

    def may_take(self, account: Hashable) -> bool:
        """Becomes true for an account only when a connection is given back."""
        if not self.free:
            return False
        starts = self._starts.get(account)
        if starts is None:
            return True
        if self.free <= self._kept_free:
            return False
        return len(starts) < self._most_of_slow or not self._is_slow(account, starts)

    def take(self, account: Hashable) -> float:
        """Returns the start, for `give_back`."""
        self.free -= 1
        start = monotonic()
        if account is not None:
            self._starts.setdefault(account, []).append(start)
        return start

    def give_back(self, account: Hashable, start: float) -> None:
        self.free += 1
        if account is None:
            return
        if _is_long(start):
            self._slow[account] = None
        starts = self._starts[account]
        starts.remove(start)
        if not starts:
            del self._starts[account]

    def _is_slow(self, account: Hashable, starts: list[float]) -> bool:
        return account in self._slow or _is_long(starts[0])


def _is_long(start: float) -> bool:
    return monotonic() - start > _LONG_SECONDS
