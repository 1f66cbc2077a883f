"""Token buckets for rate limits, in memory that all processes of a server share.

A bucket holds the tokens of one minute and refills evenly. Only the time at which it will be full again is
stored (the generic cell rate algorithm, ITU-T I.371), and nothing for a full one, so a table of a fixed size
suffices for any number of keys. A bucket in PostgreSQL would take forty times as long.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, LOCK_UN, lockf
from functools import lru_cache
from math import ceil
from struct import Struct
from time import monotonic_ns, time_ns
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from models.shared_memory import SharedMemory

Key: TypeAlias = UUID | int | tuple[int, ...]
"""Numbers only, because their hash is the same in every process; that of a text or of None may differ."""

_SECOND_NS = 10**9
Result = TypeVar("Result")
MINUTE_NS = 60 * _SECOND_NS
_PLACES = 4
# A place holds a key's hash and the time at which its bucket is full again; zeros if it is free.
_PLACE, _ROW = Struct("<qq"), Struct("<" + "qq" * _PLACES)
_ROWS = 1 << 14


class Level(NamedTuple):
    """State of a bucket. Times are values of `monotonic_ns()`, which all processes of a machine share."""

    limit: int
    remaining: int
    full_at: int
    refused_until: int
    """When there are enough tokens again; 0 if there were enough."""

    @property
    def wait_seconds(self) -> float:
        """Time until there are enough tokens again."""
        return max(self.refused_until - monotonic_ns(), 0) / _SECOND_NS

    def shown(self) -> dict[str, object]:
        """Fields of the `RateLimit` type. At `resetAt` the bucket is full again."""
        second = -(-(self.full_at + time_ns() - monotonic_ns()) // _SECOND_NS)
        return {"limit": self.limit, "remaining": self.remaining, "resetAt": _second(second)}


class Buckets:
    """Token buckets, one per key, of `per_minute` tokens each. If that is 0, nothing is limited.

    The table has 65,536 places in 1 MB. A key occupies a place until its bucket is full again. If there are
    more keys than places, the fullest of the four buckets in a row is dropped, which counts as full.
    """

    def __init__(self, per_minute: int, *, shared: bool = False) -> None:
        """`shared`: the processes that this one starts use the buckets too, so `take` locks the file."""
        self._limit = per_minute
        self._is_shared = shared
        self._shared_memory = SharedMemory(_ROWS * _ROW.size)
        self._memory = self._shared_memory.memory
        self._taken: dict[int, int] | None = None
        """Nanoseconds that this process has taken from each bucket, where they are handed over."""

    def __getstate__(self) -> tuple[int, bool, SharedMemory]:
        return self._limit, self._is_shared, self._shared_memory

    def __setstate__(self, state: tuple[int, bool, SharedMemory]) -> None:
        self._limit, self._is_shared, self._shared_memory = state
        self._memory = self._shared_memory.memory
        self._taken = None

    def take(self, key: Key, count: int = 1) -> Level | None:
        """Takes `count` tokens, or none if there are fewer. A full bucket suffices for any count. Returns
        None if there is no limit."""
        limit = self._limit
        if not limit:
            return None
        hashed = hash(key)
        row = hashed % _ROWS * _ROW.size
        cost = min(count, limit) * MINUTE_NS // limit
        if not self._is_shared:
            return self._take(hashed, row, cost)
        return self._locked(self._take, hashed, row, cost)

    def look(self, key: Key) -> Level | None:
        """Returns what `take` would return for one token, without taking it."""
        if not self._limit:
            return None
        hashed, now = hash(key), monotonic_ns()
        _, full_at = self._find(hashed, hashed % _ROWS * _ROW.size)
        return self._level(full_at, now, MINUTE_NS // self._limit)

    def note_taken(self) -> None:
        """From now on, notes what is taken for `hand_over_taken`."""
        self._taken = {}

    def hand_over_taken(self) -> dict[int, int]:
        """Returns what was taken since the last call, by the hash of the key: nanoseconds in which the bucket
        refills as much."""
        taken, self._taken = self._taken or {}, {}
        return taken

    def raise_to(self, hashed: int, ahead: int) -> None:
        """Lets the bucket be full again in `ahead` nanoseconds, if it would be sooner: others have taken from
        it."""
        row = hashed % _ROWS * _ROW.size
        if self._is_shared:
            self._locked(self._raise, hashed, row, ahead)
        else:
            self._raise(hashed, row, ahead)

    def _locked(self, act: Callable[[int, int, int], Result], hashed: int, row: int, amount: int) -> Result:
        file = self._shared_memory.file
        lockf(file, LOCK_EX, _ROW.size, row)  # The kernel releases it if the process dies.
        try:
            return act(hashed, row, amount)
        finally:
            lockf(file, LOCK_UN, _ROW.size, row)

    def _raise(self, hashed: int, row: int, ahead: int) -> None:
        place, full_at = self._find(hashed, row)
        raised = monotonic_ns() + ahead
        if ahead and full_at < raised:
            _PLACE.pack_into(self._memory, place, hashed, raised)

    def _take(self, hashed: int, row: int, cost: int) -> Level:
        now = monotonic_ns()
        place, full_at = self._find(hashed, row)
        level = self._level(full_at, now, cost)
        if not level.refused_until:
            _PLACE.pack_into(self._memory, place, hashed, level.full_at)
            if self._taken is not None:
                self._taken[hashed] = self._taken.get(hashed, 0) + cost
        return level

    def _level(self, full_at: int, now: int, cost: int) -> Level:
        full_at = max(full_at, now)
        refused_until = full_at + cost - MINUTE_NS
        if refused_until > now:
            cost = 0
        else:
            refused_until = 0
        remaining = (now + MINUTE_NS - full_at - cost) * self._limit // MINUTE_NS
        return Level(self._limit, remaining, full_at + cost, refused_until)

    def _find(self, hashed: int, row: int) -> tuple[int, int]:
        """Returns the offset of a key's place, and when its bucket is full again: 0 if the key has no
        place."""
        places = _ROW.unpack_from(self._memory, row)
        for place in range(0, 2 * _PLACES, 2):
            if places[place] == hashed:
                return row + place * 8, places[place + 1]
        place = min(range(0, 2 * _PLACES, 2), key=lambda place: places[place + 1])
        return row + place * 8, 0


def clock_time(at: int) -> datetime:
    """UTC time of a value of `monotonic_ns()`, rounded up by at most a microsecond."""
    return datetime.now(UTC) + timedelta(microseconds=(at - monotonic_ns()) // 1_000 + 1)


def time_text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def retry_after(at: datetime) -> str:
    """Value of the header `Retry-After`: seconds, rounded up."""
    return str(max(1, ceil((at - datetime.now(UTC)).total_seconds())))


@lru_cache(maxsize=1_024)
def _second(since_epoch: int) -> str:
    return time_text(datetime.fromtimestamp(since_epoch, UTC))
