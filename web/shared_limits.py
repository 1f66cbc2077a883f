"""Rate limits that several servers share through a server with the Redis protocol, such as Valkey.

Requests are counted in memory, as without it, and never wait for the other server. Each process adds what it
has counted to the shared buckets ten times a second, and takes over how full they are. So a client that uses
all servers at once can exceed its limit by what they answer within that time.
"""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice

import structlog
from redis.asyncio import Redis

from permissions.rate_limits import MINUTE_NS, Buckets

_EXCHANGED_SECONDS = 0.1
_TIMEOUT_SECONDS = 1
_RETRY_SECONDS = 1
_MOST_KEYS = 1_000
"""Number of buckets that one script adds to."""
_MINUTE_MICROSECONDS = MINUTE_NS // 1_000

# Like `Buckets`, with times of that server's clock in microseconds: only the time at which a bucket is full
# again is stored. Returns how far ahead it is: at most a minute, since a bucket cannot be emptier than empty.
_ADD = """
local time, ahead = redis.call('TIME'), {}
local now = time[1] * 1000000 + time[2]
for place, key in ipairs(KEYS) do
    local full_at = math.max(tonumber(redis.call('GET', key) or 0), now) + ARGV[place]
    local left = math.min(full_at - now, tonumber(ARGV[#KEYS + 1]))
    if left > 0 then
        redis.call('SET', key, string.format('%.0f', now + left), 'PX', math.ceil(left / 1000))
    end
    ahead[place] = left
end
return ahead
"""

log = structlog.get_logger()


class SharedLimits:
    """Exchanges the buckets of one process with those of other servers, by the buckets' names. While the
    other server cannot be reached, each server counts for itself."""

    def __init__(self, url: str, buckets: Mapping[str, Buckets]) -> None:
        self._buckets = buckets
        self._redis = Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
        self._add = self._redis.register_script(_ADD)
        self._is_available = True
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        for each in self._buckets.values():
            each.note_taken()
        self._task = asyncio.create_task(self._exchange())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._redis.aclose()

    async def _exchange(self) -> None:
        while True:
            await asyncio.sleep(_EXCHANGED_SECONDS if self._is_available else _RETRY_SECONDS)
            try:
                for name, taken in self._taken():
                    await self._share(name, taken)
                if not self._is_available:
                    await self._redis.ping()
                    self._note(is_available=True)
            except Exception as error:
                # Whatever it is: requests are answered without the other server.
                self._note(is_available=False, error=type(error).__name__)

    def _taken(self) -> list[tuple[str, dict[int, int]]]:
        """Takes over from all buckets at once, so that nothing piles up in an outage. What was taken then is
        not shared: it counted where it was taken."""
        return [(name, buckets.hand_over_taken()) for name, buckets in self._buckets.items()]

    async def _share(self, name: str, all_taken: dict[int, int]) -> None:
        buckets = self._buckets[name]
        for taken in _parts(all_taken):
            keys = [f"team-access:limits:{name}:{hashed}" for hashed in taken]
            costs = [-(-cost // 1_000) for cost in taken.values()]
            ahead = await self._add(keys=keys, args=[*costs, _MINUTE_MICROSECONDS])
            for hashed, microseconds in zip(taken, ahead, strict=True):
                buckets.raise_to(hashed, microseconds * 1_000)

    def _note(self, *, is_available: bool, **facts: str) -> None:
        """Logs the beginning and the end of an outage."""
        if is_available != self._is_available:
            self._is_available = is_available
            if is_available:
                log.info("rate_limits_shared")
            else:
                log.warning("rate_limits_not_shared", **facts)


def _parts(taken: dict[int, int]) -> Iterator[dict[int, int]]:
    items = iter(taken.items())
    while part := dict(islice(items, _MOST_KEYS)):
        yield part
