"""Exports of many rows by PostgreSQL's COPY, in constant memory. The connection is in use only for as long as
PostgreSQL needs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias, TypedDict, Unpack

import asyncpg

from engine.fair_share import Claim, FairShare
from models.spools import Spool, Spools
from models.storage import StorageUnavailable

_PLACES = 3
_WAITING_SECONDS = 20

Look: TypeAlias = Callable[[asyncpg.Connection], Awaitable[None]]
Write: TypeAlias = Callable[[bytes], Coroutine[None, None, None]]
Make: TypeAlias = Callable[[asyncpg.Connection, Write], Awaitable[None]]
"""Writes an export within one snapshot."""


async def no_look(_connection: asyncpg.Connection) -> None:
    return None


class CopyOptions(TypedDict, total=False):
    """Options of COPY that exports use."""

    format: Literal["csv"]
    header: bool
    delimiter: str
    quote: str
    escape: str


class Exports:
    """Exports of this process: at most three at once, one per account and one per person, each on a
    connection of its own, so that the connections of the pools remain free. Waiting exports are served in
    turn, account by account."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], spools: Spools) -> None:
        self._connect, self._spools = connect, spools
        self._places = FairShare(_PLACES, most_of_an_account=1, waiting_seconds=_WAITING_SECONDS)

    @asynccontextmanager
    async def connection(self, claim: Claim) -> AsyncIterator[asyncpg.Connection]:
        """Connection for a long read. Each of its transactions reads one snapshot. Raises StorageUnavailable
        if no place becomes free within 20 seconds."""
        try:
            await self._places.take(claim)
        except TimeoutError:
            raise StorageUnavailable("Too many reports are being created at once.") from None
        try:
            connection = await self._connect()
            try:
                yield connection
            finally:
                connection.terminate()
        finally:
            self._places.give_back(claim)

    def copied(
        self,
        claim: Claim,
        sql: str,
        arguments: Sequence[object],
        look: Look = no_look,
        **options: Unpack[CopyOptions],
    ) -> AsyncGenerator[bytes]:
        """Yields the rows of a SELECT in the format of COPY, with its `options`. `look` reads first, within
        the same snapshot. Raises StorageUnavailable."""

        async def make(connection: asyncpg.Connection, write: Write) -> None:
            await look(connection)
            await connection.copy_from_query(sql, *arguments, output=write, **options)

        return self.made(claim, make)

    async def made(self, claim: Claim, make: Make) -> AsyncGenerator[bytes]:
        """Yields what `make` writes, while it is written. Raises StorageUnavailable."""
        spool = Spool(self._spools, claim)
        copying = asyncio.create_task(self._make(spool, make))
        try:
            async for piece in spool.pieces():
                yield piece
        finally:
            copying.cancel()
            await asyncio.wait([copying])
            spool.close()

    async def _make(self, spool: Spool, make: Make) -> None:
        try:
            async with self.connection(spool.claim) as connection:
                spool.begin()
                await connection.execute("BEGIN")  # Never committed: the connection is closed afterwards.
                await make(connection, spool.write)
                await spool.end()
        except Exception as error:
            spool.fail(error)
