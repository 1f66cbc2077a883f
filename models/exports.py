"""Many rows out of the database, as PostgreSQL's COPY writes them: however many, in the memory of a few."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import asyncpg

from models.database import Database
from models.storage import StorageUnavailable

_TAKING_SECONDS = 60
"""How long who takes the rows may take for a piece: a snapshot that is kept open holds up the database."""

Look: TypeAlias = Callable[[asyncpg.Connection], Awaitable[None]]


async def no_look(_connection: asyncpg.Connection) -> None:
    return None


async def copied(
    database: Database, sql: str, arguments: Sequence[Any], look: Look = no_look, **options: Any
) -> AsyncIterator[bytes]:
    """The rows of a SELECT, a piece at a time, and not before the last one was taken. `look` may read first,
    what is of the same moment. `options` are those of COPY. Raises StorageUnavailable where no connection
    comes free, or nobody takes the rows."""
    pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(1)
    copying = asyncio.create_task(_copy(database, sql, arguments, look, options, pieces))
    try:
        while (piece := await pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        copying.cancel()
        await asyncio.wait([copying])


async def _copy(
    database: Database,
    sql: str,
    arguments: Sequence[Any],
    look: Look,
    options: dict[str, Any],
    pieces: asyncio.Queue[bytes | Exception | None],
) -> None:
    async def hand_over(piece: bytes) -> None:
        async with asyncio.timeout(_TAKING_SECONDS):
            await pieces.put(piece)

    end: Exception | None = None
    try:
        async with database.exporting() as connection:
            await connection.execute("BEGIN")  # For good: the connection ends with it.
            await look(connection)
            await connection.copy_from_query(sql, *arguments, output=hand_over, **options)
    except TimeoutError:
        end = StorageUnavailable("Nobody has taken what is exported.")
    except Exception as error:
        end = error
    await pieces.put(end)
