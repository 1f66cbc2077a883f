"""Connections for reading, and their loans."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import cast

import asyncpg
from asyncpg import Record
from asyncpg.prepared_stmt import PreparedStatement

from engine.fair_queue import Requester

CLOSING_SECONDS = 2
_STATEMENTS_KEPT = 200


class Loan:
    """A connection that the current task has for one attempt to execute a statement. The connection is None
    where it has to be opened."""

    __slots__ = (
        "_cancelling",
        "_task",
        "attempt",
        "connection",
        "is_interrupted",
        "is_slow",
        "requester",
        "start",
    )

    def __init__(
        self, requester: Requester, attempt: int = 0, connection: "ReadingConnection | None" = None
    ) -> None:
        self.requester, self.attempt, self.connection = requester, attempt, connection
        self.is_slow = False
        """Whether it is of a slow account or of a repeated statement."""
        self.is_interrupted = False
        self.start = monotonic()

    def begin(self) -> None:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()

    def interrupt(self) -> None:
        self.is_interrupted = True
        self._task.cancel()

    def ends_by_interruption(self, error: BaseException) -> bool:
        """Whether the task goes on: nothing else has cancelled it."""
        return self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError)


class ReadingConnection:
    """A connection that keeps its prepared statements."""

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
            await self.driver.close(timeout=CLOSING_SECONDS)

    async def _prepare(self, sql: str) -> "PreparedStatement[Record]":
        if len(self._prepared) >= _STATEMENTS_KEPT:
            self._prepared.clear()
        statement = self._prepared[sql] = await self.driver.prepare(sql)
        return statement
