"""Read-only connections that the requests of a process share.

asyncpg's own pool spends 50 µs on lending a connection and taking it back, more than a short statement takes
(19 µs). On these connections each statement is a transaction of its own, so nothing has to be reset. Prepared
statements are kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
from asyncpg import Record
from asyncpg.prepared_stmt import PreparedStatement

from engine.deadlines import Deadline
from engine.fair_queue import FairQueue
from engine.outages import NoConnectionFree

_WAITING_SECONDS = 5
_CLOSING_SECONDS = 2
_STATEMENTS_KEPT = 200


class ReadingConnections:
    """At most `most` connections, opened on demand and kept. The most recently used one is lent next. Where
    all are in use, those who wait get them in waiting; a single account may use all of them."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], most: int) -> None:
        self._connect = connect
        self._places = most
        self._idle: list[_Connection] = []
        self._waiting: FairQueue[_Connection | None] = FairQueue()
        self._closing: set[asyncio.Task[None]] = set()
        self.lent = 0

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        """Returns the records of a statement. Raises NoConnectionFree where no connection is free for 5
        seconds."""
        connection = self._idle.pop() if self._idle else await self._wait()
        if connection is None or connection.driver.is_closed():
            connection = await self._open()
        self.lent += 1
        try:
            records = await connection.fetch(sql, arguments)
        except (asyncpg.PostgresError, asyncpg.InternalClientError, ValueError):
            # Refused by the server, or not encoded or decoded by the driver: nothing is under way.
            self._take_back(connection)
            raise
        except BaseException:
            # Cut off in the middle: asyncpg has the server cancel it, and closes once that is done.
            self._close_soon(connection)
            self._take_back(None)
            raise
        self.lent -= 1
        self._hand_on(connection)
        return records

    async def close(self) -> None:
        for connection in self._idle:
            self._close_soon(connection)
        self._idle.clear()
        await asyncio.gather(*self._closing)

    async def _wait(self) -> "_Connection | None":
        """Returns a connection, or None where the caller is to open one."""
        if self._places:
            self._places -= 1
            return None
        waiting = self._waiting.join()
        try:
            with Deadline(_WAITING_SECONDS):
                return await waiting
        except BaseException as error:
            # A connection may have been assigned at the moment of the cancellation.
            if waiting.done() and not waiting.cancelled():
                self._hand_on(waiting.result())
            if isinstance(error, TimeoutError):
                raise NoConnectionFree("No connection for reading became free in time.") from None
            raise

    async def _open(self) -> "_Connection":
        try:
            return _Connection(await self._connect())
        except BaseException:
            self._hand_on(None)
            raise

    def _take_back(self, connection: "_Connection | None") -> None:
        self.lent -= 1
        self._hand_on(None if connection is None or connection.driver.is_closed() else connection)

    def _hand_on(self, connection: "_Connection | None") -> None:
        if self._waiting.give(connection):
            return
        if connection is None:
            self._places += 1
        else:
            self._idle.append(connection)

    def _close_soon(self, connection: "_Connection") -> None:
        task = asyncio.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Connection:
    def __init__(self, driver: asyncpg.Connection) -> None:
        self.driver = driver
        self._prepared: dict[str, PreparedStatement[Record]] = {}

    async def fetch(self, sql: str, arguments: tuple[object, ...]) -> list[Record]:
        statement = self._prepared.get(sql) or await self._prepare(sql)
        try:
            return await statement.fetch(*arguments)
        except asyncpg.InvalidCachedStatementError:
            # The tables were migrated since it was prepared.
            return await (await self._prepare(sql)).fetch(*arguments)

    async def close(self) -> None:
        with suppress(Exception):  # Where it does not end in time, asyncpg has aborted it.
            await self.driver.close(timeout=_CLOSING_SECONDS)

    async def _prepare(self, sql: str) -> "PreparedStatement[Record]":
        if len(self._prepared) >= _STATEMENTS_KEPT:
            self._prepared.clear()
        statement = self._prepared[sql] = await self.driver.prepare(sql)
        return statement
