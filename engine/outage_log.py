"""Log of outages: one line when an outage begins, and one when it has ended; and of a busy database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import structlog

_LOOKED_EVERY_SECONDS = 1.0
_BUSY_LOGGED_EVERY_SECONDS = 60
_QUIET_SECONDS = 5.0
"""An outage has not ended before no request has met a failure for so long."""
log = structlog.get_logger()

IsAvailable = Callable[[], Awaitable[bool]]


class OutageLog:
    """Outages of this process. Hundreds of requests may meet the same one."""

    def __init__(self) -> None:
        self._since: float | None = None
        """When the outage began that has not ended."""
        self._failed_at = 0.0
        self._failures = 0
        self._is_available: IsAvailable | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_ongoing(self) -> bool:
        return self._since is not None

    def add(self, outage: BaseException, **details: object) -> None:
        """Adds a failure. The first one is logged as an error, the others are counted."""
        self._failed_at = monotonic()
        self._failures += 1
        if self._since is None:
            self._since = self._failed_at
            log.error("database_unavailable", error=_words(outage), **details)
        if self._watching is None and self._is_available is not None:
            self._watching = asyncio.create_task(self._watch(self._is_available))

    @contextmanager
    def ended_by(self, is_available: IsAvailable) -> Iterator[None]:
        """During the block, an outage ends as soon as `is_available` says so and nothing has failed lately.
        Without it, as in a command, there is only the first line."""
        before, self._is_available = self._is_available, is_available
        try:
            yield
        finally:
            self._is_available = before
            if self._watching is not None:
                self._watching.cancel()
            self._reset()

    async def _watch(self, is_available: IsAvailable) -> None:
        while True:
            await asyncio.sleep(_LOOKED_EVERY_SECONDS)
            if self._is_quiet and await is_available() and self._is_quiet:
                break
        seconds = round(self._failed_at - (self._since or self._failed_at), 1)
        # As the first line, so that no LOG_LEVEL shows one of them alone.
        log.error("database_available", outage_seconds=seconds, failures=self._failures)
        self._reset()

    def _reset(self) -> None:
        self._since, self._failures, self._watching = None, 0, None

    @property
    def _is_quiet(self) -> bool:
        return monotonic() - self._failed_at > _QUIET_SECONDS


class BusyLog:
    """Writes at most one line a minute about requests that waited in vain for a connection or a lock, with
    their number since the previous line."""

    def __init__(self) -> None:
        self._next_at, self._failures = 0.0, 0

    def add(self, failure: BaseException, **details: object) -> None:
        self._failures += 1
        if monotonic() >= self._next_at:
            log.error("database_busy", error=_words(failure), failures=self._failures, **details)
            self._next_at, self._failures = monotonic() + _BUSY_LOGGED_EVERY_SECONDS, 0


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
