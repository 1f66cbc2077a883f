"""Read-only connections that the requests of a process share.

asyncpg's own pool spends 50 µs on lending a connection and taking it back, more than a short statement takes
(19 µs). On these connections each statement is a transaction of its own, so nothing has to be reset. Prepared
statements are kept.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any

import asyncpg
from asyncpg import Record

from engine.fair_queue import FairQueue, Requester, requester
from engine.outages import NoConnectionFree, is_of_ended_session
from engine.read_loans import CLOSING_SECONDS, Loan, ReadingConnection
from engine.reading_shares import ATTEMPTS, ReadingShares
from telemetry import tracing
from telemetry.families import POOL_WAIT_SECONDS, STATEMENT_SECONDS

_WAITING_SECONDS = 5
_LOOKED_EVERY_SECONDS = 0.05
_STATEMENT = STATEMENT_SECONDS.labels()
_WAIT = POOL_WAIT_SECONDS.labels("reading")


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
        self._idle: list[ReadingConnection] = []
        self._queues = [_AttemptQueue(each, self._shares) for each in ATTEMPTS]
        self._turns = deque(self._queues)
        """The queue that was served longest ago comes first."""
        self._running: set[Loan] = set()
        """Loans whose statements may be interrupted."""
        self._interrupted = 0
        """Number of loans that end as soon as the server has cancelled their statements."""
        self._waiting: deque[tuple[float, asyncio.Future[Loan]]] = deque()
        """Until when each waits. Some no longer do."""
        self._looking: asyncio.TimerHandle | None = None
        self._resting: set[asyncio.Task[None]] = set()
        self.answered_at = monotonic()
        """When a statement was answered last, here or elsewhere."""

    @property
    def lent(self) -> int:
        return self._most - self._shares.free

    @property
    def waiting(self) -> int:
        """Number of statements that wait for a connection."""
        return sum(not waiting.done() for _, waiting in self._waiting)

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        """Returns the records of a statement. Raises NoConnectionFree where no connection is free for 5
        seconds."""
        asking, attempt = requester.get(), 0
        while True:
            if self._shares.may_take(asking.account, attempt):
                loan = self._lend(asking, attempt)
            else:
                loan = await self._wait(attempt)
            try:
                return await self._fetch(loan, sql, arguments)
            except _Interrupted:
                attempt += 1

    async def close(self) -> None:
        for connection in self._idle:
            self._close_soon(connection)
        self._idle.clear()
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*self._resting)

    async def _fetch(self, loan: Loan, sql: str, arguments: tuple[object, ...]) -> list[Record]:
        try:
            connection = loan.connection
            if connection is None or connection.driver.is_closed():
                connection = loan.connection = ReadingConnection(await self._connect())
            loan.begin()
            self._running.add(loan)
            start = monotonic()
            executing = self._records(loan, connection, sql, arguments)
            records = await (
                executing if tracing.tracer is None else tracing.traced_statement(sql, executing)
            )
            _STATEMENT.observe(monotonic() - start)
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
        self.answered_at = monotonic()
        return records

    async def _records(
        self, loan: Loan, connection: ReadingConnection, sql: str, arguments: tuple[object, ...]
    ) -> list[Record]:
        try:
            return await connection.fetch(sql, arguments)
        except asyncpg.InternalClientError as error:
            if not is_of_ended_session(error):
                raise
        loan.connection = None
        self._close_soon(connection)
        connection = loan.connection = ReadingConnection(await self._connect())
        return await connection.fetch(sql, arguments)

    async def _wait(self, attempt: int) -> Loan:
        start, waiting = monotonic(), self._queues[attempt].join()
        self._waiting.append((monotonic() + _WAITING_SECONDS, waiting))
        if self._looking is None:
            self._look_later()
        try:
            loan = await waiting
            _WAIT.observe(monotonic() - start)
            return loan
        except asyncio.CancelledError:
            # A connection may have been assigned at the moment of the cancellation.
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._take_back(waiting.result())
            raise

    def _lend(self, asking: Requester, attempt: int) -> Loan:
        loan = Loan(asking, attempt, self._idle.pop() if self._idle else None)
        self._shares.take(loan)
        return loan

    def _take_back(self, loan: Loan) -> None:
        """Takes the connection back and lends what is free to those who wait."""
        self._running.discard(loan)
        if self._looking is not None and self._passes_on(loan):
            return
        self._shares.give_back(loan)
        if loan.connection is not None:
            self._idle.append(loan.connection)
        if self._looking is None:  # Nobody waits.
            return
        served = self._serve()
        # Where the same account got it, the others may have no more than before.
        if served is not None and (served.requester.account != loan.requester.account or loan.is_slow):
            self._lend_free()

    def _passes_on(self, loan: Loan) -> bool:
        """Whether the connection was lent to the next task of the same account, as the only account that
        waits. All shares remain the same: on a busy server, most loans end so."""
        first, second, third = self._queues
        account = loan.requester.account
        if (
            len(first.accounts) != 1
            or account not in first.accounts
            or second.accounts
            or third.accounts
            or loan.connection is None
            or not self._shares.may_pass_on(loan)
        ):
            return False
        found = first.next_of(account)
        if found is None:
            return False
        new = Loan(found[0], 0, loan.connection)
        self._shares.pass_on(loan, new)
        found[1].set_result(new)
        return True

    def _lend_free(self) -> None:
        while self._shares.free and self._serve():
            pass

    def _serve(self) -> Loan | None:
        """Lends a connection to the first who may have one."""
        used = self._shares.used if self._shares.was_used_long else None
        for queue in self._turns:
            if not queue.accounts:
                continue
            found = queue.next(queue.may_take, used)
            if found is not None:
                asking, waiting = found
                loan = self._lend(asking, queue.attempt)
                waiting.set_result(loan)
                if self._turns[-1] is not queue:
                    self._turns.remove(queue)
                    self._turns.append(queue)
                return loan
        return None

    def _look(self) -> None:
        """Interrupts statements whose time slices are over, as many as other persons wait for. Looks again
        soon."""
        self._looking = None
        self._end_waiting()
        self._lend_free()  # With time, an account may no longer be slow.
        if not any(queue.accounts for queue in self._queues):
            return
        over = [loan for loan in self._running if self._shares.is_over(loan)]
        for loan in sorted(over, key=self._size_of, reverse=True):
            if self._is_wanted(loan):
                self._running.discard(loan)
                self._interrupted += 1
                loan.interrupt()
        self._look_later()

    def _end_waiting(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] < monotonic()):
            _, waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(NoConnectionFree("No connection for reading became free in time."))

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOKED_EVERY_SECONDS, self._look)

    def _is_wanted(self, loan: Loan) -> bool:
        """Whether more persons wait for a connection than there are interrupted ones."""
        persons = (
            person
            for queue in self._queues
            for person in queue.others(loan.requester, partial(queue.may_take, instead_of=loan))
        )
        return next(islice(persons, self._interrupted, None), None) is not None

    def _size_of(self, loan: Loan) -> tuple[int, float]:
        """Number of connections that the account has, and the start: the newest has the least to repeat."""
        return self._shares.held(loan.requester.account), loan.start

    async def _take_back_cancelled(self, loan: Loan) -> None:
        """Takes the connection back once the server has cancelled its statement, which a statement shows that
        returns nothing."""
        connection = loan.connection
        try:
            if connection is not None:
                await connection.driver.execute("SELECT", timeout=CLOSING_SECONDS)
        except Exception:
            if connection is not None:
                self._close_soon(connection)
                loan.connection = None
        self._interrupted -= 1
        self._take_back(loan)

    def _close_soon(self, connection: ReadingConnection) -> None:
        self._soon(connection.close())

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._resting.add(task)
        task.add_done_callback(self._resting.discard)


class _AttemptQueue(FairQueue[Loan]):
    """Tasks that wait for a connection for one attempt."""

    def __init__(self, attempt: int, shares: ReadingShares) -> None:
        super().__init__()
        self.attempt = attempt
        self.may_take = partial(shares.may_take, attempt=attempt) if attempt else shares.may_take
