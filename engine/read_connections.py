"""Read-only connections that the requests of a process share.

asyncpg's own pool spends 50 µs on lending a connection and taking it back, more than a short statement takes
(19 µs). On these connections each statement is a transaction of its own, so nothing has to be reset. Prepared
statements are kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import NamedTuple

import asyncpg
from asyncpg import Record
from asyncpg.prepared_stmt import PreparedStatement

from engine.deadlines import Deadline
from engine.fair_queue import FairQueue, requester
from engine.outages import NoConnectionFree
from engine.reading_shares import ReadingShares

_WAITING_SECONDS = 5
_CLOSING_SECONDS = 2
_STATEMENTS_KEPT = 200


class ReadingConnections:
    """At most `most` connections, opened on demand and kept. The most recently used one is lent next. Those
    who wait get them in turn, within the shares of their accounts."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._shares = ReadingShares(most)
        self._idle: list[_Connection] = []
        self._waiting: FairQueue[_Loan] = FairQueue()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def lent(self) -> int:
        return self._most - self._shares.free

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        """Returns the records of a statement. Raises NoConnectionFree where no connection is free for 5
        seconds."""
        account = requester.get().account
        loan = self._lend(account) if self._shares.may_take(account) else await self._wait()
        connection = loan.connection
        try:
            if connection is None or connection.driver.is_closed():
                connection = _Connection(await self._connect())
            records = await connection.fetch(sql, arguments)
        except (asyncpg.PostgresError, asyncpg.InternalClientError, ValueError):
            # Refused by the server, or not encoded or decoded by the driver: nothing is under way.
            self._take_back(loan, connection)
            raise
        except BaseException:
            # Cut off in the middle: asyncpg has the server cancel it, and closes once that is done.
            if connection is not None:
                self._close_soon(connection)
            self._take_back(loan, None)
            raise
        self._take_back(loan, connection)
        return records

    async def close(self) -> None:
        for connection in self._idle:
            self._close_soon(connection)
        self._idle.clear()
        await asyncio.gather(*self._closing)

    async def _wait(self) -> "_Loan":
        waiting = self._waiting.join()
        try:
            with Deadline(_WAITING_SECONDS):
                return await waiting
        except BaseException as error:
            # A connection may have been assigned at the moment of the cancellation.
            if waiting.done() and not waiting.cancelled():
                loan = waiting.result()
                self._take_back(loan, loan.connection)
            if isinstance(error, TimeoutError):
                raise NoConnectionFree("No connection for reading became free in time.") from None
            raise

    def _lend(self, account: Hashable) -> "_Loan":
        return _Loan(account, self._shares.take(account), self._idle.pop() if self._idle else None)

    def _take_back(self, loan: "_Loan", connection: "_Connection | None") -> None:
        """Takes the connection back and lends what is free to those who wait. None for one that is gone."""
        self._shares.give_back(loan.account, loan.start)
        if connection is not None and not connection.driver.is_closed():
            self._idle.append(connection)
        while self._shares.free:
            found = self._waiting.next(self._shares.may_take)
            if found is None:
                return
            account, waiting = found
            waiting.set_result(self._lend(account))

    def _close_soon(self, connection: "_Connection") -> None:
        task = asyncio.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Loan(NamedTuple):
    """A connection that an account has. None where it has to be opened."""

    account: Hashable
    start: float
    connection: "_Connection | None"


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
