"""Connections that only read, shared by the requests of a process.

asyncpg's own pool spends more on lending a connection and taking it back (50 µs: a task, a proxy, timers)
than on a short statement (19 µs). A connection on which each statement is a transaction of its own has
nothing to be set back, so lending it takes no more than a stack.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from models.deadlines import Deadline

_WAITING_SECONDS = 10
_CLOSING_SECONDS = 2


class ReadingConnections:
    """At most `most`, opened when they are needed and kept. The last one used is the next one lent."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], most: int) -> None:
        self._connect = connect
        self._places = most
        self._idle: list[asyncpg.Connection] = []
        self._waiting: deque[asyncio.Future[asyncpg.Connection | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self.lent = 0

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Raises TimeoutError where no connection is to be had for 10 seconds."""
        connection = self._idle.pop() if self._idle else await self._wait()
        if connection is None or connection.is_closed():
            connection = await self._open()
        self.lent += 1
        try:
            records: list[Any] = await connection.fetch(sql, *arguments)
        except asyncpg.PostgresError:
            self._take_back(connection)
            raise
        except BaseException:
            # Cut off in the middle: asyncpg has the server cancel it, and closes once that is done.
            self._close_soon(connection)
            self._take_back(None)
            raise
        self._take_back(connection)
        return records

    async def close(self) -> None:
        for connection in self._idle:
            self._close_soon(connection)
        self._idle.clear()
        await asyncio.gather(*self._closing)

    async def _wait(self) -> asyncpg.Connection | None:
        """A connection, or None for the place of one that is to be opened."""
        if self._places:
            self._places -= 1
            return None
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            with Deadline(_WAITING_SECONDS):
                return await turn
        except BaseException:
            # It may have been handed over in the very moment in which the wait was given up.
            if turn.done() and not turn.cancelled():
                self._hand_on(turn.result())
            raise

    async def _open(self) -> asyncpg.Connection:
        try:
            return await self._connect()
        except BaseException:
            self._hand_on(None)
            raise

    def _take_back(self, connection: asyncpg.Connection | None) -> None:
        self.lent -= 1
        self._hand_on(None if connection is None or connection.is_closed() else connection)

    def _hand_on(self, connection: asyncpg.Connection | None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._places += 1
        else:
            self._idle.append(connection)

    def _close_soon(self, connection: asyncpg.Connection) -> None:
        task = asyncio.create_task(_close(connection))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=_CLOSING_SECONDS)
    except Exception:
        connection.terminate()
