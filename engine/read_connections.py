"""Read-only connections that the requests of a process share.

asyncpg's own pool spends 50 µs on lending a connection and taking it back, more than a short statement takes
(19 µs). On these connections each statement is a transaction of its own, so nothing has to be reset. Prepared
statements are kept.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, cast

import asyncpg
from asyncpg import Record
from asyncpg.prepared_stmt import PreparedStatement

from engine.deadlines import Deadline
from engine.fair_queue import FairQueue, Requester, requester
from engine.outages import NoConnectionFree
from engine.reading_shares import ATTEMPTS, ReadingShares, Share

_WAITING_SECONDS = 5
_CLOSING_SECONDS = 2
_STATEMENTS_KEPT = 200
_LOOKED_EVERY_SECONDS = 0.05


class _Interrupted(Exception):
    """The statement's time slice was over, and others were waiting."""


class ReadingConnections:
    """At most `most` connections, opened on demand and kept. The most recently used one is lent next. Those
    who wait get them in turn, within the shares of their accounts.

    A statement whose time slice is over is interrupted where another person waits for its connection, and is
    executed again later, with a longer slice. It only reads, so that repeating it changes nothing.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._shares = ReadingShares(most)
        self._idle: list[_Connection] = []
        self._queues: deque[tuple[int, FairQueue[_Loan]]] = deque((each, FairQueue()) for each in ATTEMPTS)
        """Queue of each attempt. The one that was served longest ago comes first."""
        self._running: set[_Loan] = set()
        """Loans whose statements may be interrupted."""
        self._interrupted = 0
        """Number of loans that end as soon as the server has cancelled their statements."""
        self._looking: asyncio.TimerHandle | None = None
        self._resting: set[asyncio.Task[None]] = set()

    @property
    def lent(self) -> int:
        return self._most - self._shares.free

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        """Returns the records of a statement. Raises NoConnectionFree where no connection is free for 5
        seconds."""
        attempt = 0
        while True:
            try:
                return await self._fetch(attempt, sql, arguments)
            except _Interrupted:
                attempt += 1

    async def close(self) -> None:
        for connection in self._idle:
            self._close_soon(connection)
        self._idle.clear()
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*self._resting)

    async def _fetch(self, attempt: int, sql: str, arguments: tuple[object, ...]) -> list[Record]:
        asking = requester.get()
        is_free = self._shares.may_take(asking.account, attempt)
        loan = self._lend(asking, attempt) if is_free else await self._wait(attempt)
        try:
            if loan.connection is None or loan.connection.driver.is_closed():
                loan.connection = _Connection(await self._connect())
            loan.begin()
            self._running.add(loan)
            records = await loan.connection.fetch(sql, arguments)
        except (asyncpg.PostgresError, asyncpg.InternalClientError, ValueError):
            # Refused by the server, or not encoded or decoded by the driver: nothing is under way.
            self._take_back(loan)
            raise
        except BaseException as error:
            self._running.discard(loan)
            if loan.is_interrupted:
                self._soon(self._take_back_cancelled(loan))
                if loan.ends_by_interruption(error):
                    raise _Interrupted from None
                raise
            # Cut off in the middle: asyncpg has the server cancel it, and closes once that is done.
            if loan.connection is not None:
                self._close_soon(loan.connection)
                loan.connection = None
            self._take_back(loan)
            raise
        self._take_back(loan)
        return records

    async def _wait(self, attempt: int) -> "_Loan":
        (queue,) = [queue for each, queue in self._queues if each == attempt]
        waiting = queue.join()
        if self._looking is None:
            self._look_later()
        try:
            with Deadline(_WAITING_SECONDS):
                return await waiting
        except BaseException as error:
            # A connection may have been assigned at the moment of the cancellation.
            if waiting.done() and not waiting.cancelled():
                self._take_back(waiting.result())
            if isinstance(error, TimeoutError):
                raise NoConnectionFree("No connection for reading became free in time.") from None
            raise

    def _lend(self, asking: Requester, attempt: int) -> "_Loan":
        return _Loan(self._shares.take(asking, attempt), self._idle.pop() if self._idle else None)

    def _take_back(self, loan: "_Loan") -> None:
        """Takes the connection back and lends what is free to those who wait."""
        self._running.discard(loan)
        self._shares.give_back(loan.share)
        if loan.connection is not None and not loan.connection.driver.is_closed():
            self._idle.append(loan.connection)
        self._lend_free()

    def _lend_free(self) -> None:
        while self._shares.free and self._serve():
            pass

    def _serve(self) -> bool:
        """Lends a connection to the first who may have one. Returns whether there was one."""
        for place, (attempt, queue) in enumerate(self._queues):
            if not queue:
                continue
            found = queue.next(partial(self._shares.may_take, attempt=attempt), self._shares.used)
            if found is not None:
                asking, waiting = found
                waiting.set_result(self._lend(asking, attempt))
                del self._queues[place]
                self._queues.append((attempt, queue))
                return True
        return False

    def _look(self) -> None:
        """Interrupts statements whose time slices are over, as many as other persons wait for. Looks again
        soon."""
        self._looking = None
        self._lend_free()  # With time, an account may no longer be slow.
        if not any(queue for _, queue in self._queues):
            return
        over = [loan for loan in self._running if loan.share.is_over]
        for loan in sorted(over, key=self._size_of, reverse=True):
            if self._is_wanted(loan.share):
                self._running.discard(loan)
                self._interrupted += 1
                loan.interrupt()
        self._look_later()

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOKED_EVERY_SECONDS, self._look)

    def _is_wanted(self, share: Share) -> bool:
        """Whether more persons wait for a connection than there are interrupted ones."""
        persons = (
            person
            for attempt, queue in self._queues
            for person in queue.others(
                share.requester, partial(self._shares.may_take, attempt=attempt, instead_of=share)
            )
        )
        return next(islice(persons, self._interrupted, None), None) is not None

    def _size_of(self, loan: "_Loan") -> tuple[int, float]:
        """Number of connections that the account has, and the start: the newest has the least to repeat."""
        return self._shares.held(loan.share.requester.account), loan.share.start

    async def _take_back_cancelled(self, loan: "_Loan") -> None:
        """Takes the connection back once the server has cancelled its statement, which a statement shows that
        returns nothing."""
        connection = loan.connection
        try:
            if connection is not None:
                await connection.driver.execute("SELECT", timeout=_CLOSING_SECONDS)
        except Exception:
            if connection is not None:
                self._close_soon(connection)
                loan.connection = None
        self._interrupted -= 1
        self._take_back(loan)

    def _close_soon(self, connection: "_Connection") -> None:
        self._soon(connection.close())

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._resting.add(task)
        task.add_done_callback(self._resting.discard)


class _Loan:
    """A connection that the current task has for an account. None where it has to be opened."""

    __slots__ = ("_cancelling", "_task", "connection", "is_interrupted", "share")

    def __init__(self, share: Share, connection: "_Connection | None") -> None:
        self.share, self.connection = share, connection
        self.is_interrupted = False

    def begin(self) -> None:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()

    def interrupt(self) -> None:
        self.is_interrupted = True
        self._task.cancel()

    def ends_by_interruption(self, error: BaseException) -> bool:
        """Whether the task goes on: nothing else has cancelled it."""
        return self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError)


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
