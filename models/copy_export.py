"""Many rows out of the database, as PostgreSQL's COPY writes them: however many, in the memory of a few, and
with a connection for no longer than PostgreSQL takes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from engine.fair_share import Claim, FairShare
from models.spools import Spool, Spools
from models.storage import StorageUnavailable

_PLACES = 3
_WAITING_SECONDS = 20

Look: TypeAlias = Callable[[asyncpg.Connection], Awaitable[None]]


async def no_look(_connection: asyncpg.Connection) -> None:
    return None


class Exports:
    """Three at once in a process, one of an account, each on a connection of its own, so that pages keep
    theirs. Those that wait take turns, account by account."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], spools: Spools) -> None:
        self._connect, self._spools = connect, spools
        self._places = FairShare(_PLACES, most_of_an_account=1, waiting_seconds=_WAITING_SECONDS)

    @asynccontextmanager
    async def connection(self, account_id: UUID) -> AsyncIterator[asyncpg.Connection]:
        """For a long read, in which each statement sees a snapshot. Raises StorageUnavailable where no place
        comes free."""
        claim = Claim(account_id)
        try:
            await self._places.take(claim)
        except TimeoutError:
            raise StorageUnavailable("Too many reports are being made at once.") from None
        try:
            connection = await self._connect()
            try:
                yield connection
            finally:
                connection.terminate()
        finally:
            self._places.give_back(claim)

    async def copied(
        self, account_id: UUID, sql: str, arguments: Sequence[Any], look: Look = no_look, **options: Any
    ) -> AsyncIterator[bytes]:
        """The rows of a SELECT, a piece at a time. `look` may read first, what is of the same moment.
        `options` are those of COPY. Raises StorageUnavailable."""
        spool = Spool(self._spools, account_id)
        copying = asyncio.create_task(self._copy(spool, sql, arguments, look, options))
        try:
            async for piece in spool.pieces():
                yield piece
        finally:
            copying.cancel()
            await asyncio.wait([copying])
            spool.close()

    async def _copy(
        self, spool: Spool, sql: str, arguments: Sequence[Any], look: Look, options: dict[str, Any]
    ) -> None:
        try:
            async with self.connection(spool.account_id) as connection:
                spool.begin()
                await connection.execute("BEGIN")  # For good: the connection ends with it.
                await look(connection)
                await connection.copy_from_query(sql, *arguments, output=spool.write, **options)
                await spool.end()
        except Exception as error:
            spool.fail(error)
