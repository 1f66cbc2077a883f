"""The two ways to PostgreSQL: a reading one, which cannot write, and the writing one of changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.canonical_json import canonical_json
from engine.fair_share import Claim, FairShare
from engine.outages import NoConnectionFree
from engine.read_connections import ReadingConnections
from models.copy_export import Exports
from models.postgresql import connect
from models.spools import Spools
from models.transactions import Transaction
from postgresql_dsn import parse

_SETTINGS = {
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}
# A change's statements find rows by their keys: one plan is right for all accounts, and row-level security
# makes PostgreSQL take its estimate for the worse one, and plan each statement anew.
# A plan that was made while a table was empty, such as the queue of emails, would read all of it ever after.
_WRITING_SETTINGS = {**_SETTINGS, "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
# The head of a log is held for the end of a change.
_APPENDING_SETTINGS = {**_SETTINGS, "lock_timeout": "1s"}
# Pages are walked along an index that has their order, whichever account asks: a plan that is made once is
# the right one for all. PostgreSQL would plan most of them anew each time, which takes longer than they do;
# or, since most accounts are small, sort the large one's rows, or read them all to join a few.
_READING_SETTINGS = {
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
ACCOUNT_SETTING = "team_access.account_id"
"""Names the account whose rows a transaction may write: the policies of the tables ask for it."""
_EXPORTING_SETTINGS = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
    "statement_timeout": "1h",
}


class Database:
    """Connections as the app's role. Reading is by asyncpg itself, each statement a transaction that cannot
    write; `writing` is for changes."""

    def __init__(self, url: str, pool_size: int = 10, spools: Spools | None = None) -> None:
        self.url = url
        self._dsn = parse(url)
        self.reading = ReadingConnections(self._connect_reading, pool_size)
        self.writing = _engine(partial(connect, self._dsn, server_settings=_WRITING_SETTINGS), pool_size)
        self._changes = FairShare(pool_size)
        self.exports = Exports(self._connect_exporting, spools or Spools())
        self.fetch = self.reading.fetch
        """The rows of one statement, which stays prepared."""

    async def _connect_reading(self) -> asyncpg.Connection:
        settings = {**_SETTINGS, **_READING_SETTINGS}
        return await connect(self._dsn, server_settings=settings, max_cached_statement_lifetime=0)

    @asynccontextmanager
    async def transaction(self, claim: Claim = Claim()) -> AsyncIterator[Transaction]:  # noqa: B008 - frozen
        """For a change: committed at the end, or rolled back where that raises. Row-level security lets it
        write rows of the claim's account; of none where none is named. Raises NoConnectionFree where the
        connections are taken for 10 seconds."""
        try:
            await self._changes.take(claim)
        except TimeoutError:
            raise NoConnectionFree("No connection for a change has come free in time.") from None
        try:
            async with self._pooled_transaction(claim.account_id) as transaction:
                yield transaction
        finally:
            self._changes.give_back(claim)

    @asynccontextmanager
    async def _pooled_transaction(self, account_id: UUID | None) -> AsyncIterator[Transaction]:
        pooled = await self.writing.raw_connection()
        driver: asyncpg.Connection = cast("Any", pooled.driver_connection)
        try:
            async with _begun(driver, account_id), Transaction(self.writing, pooled, driver) as transaction:
                yield transaction
        finally:
            if not driver.is_closed() and driver.is_in_transaction():
                driver.terminate()  # Cut off while it was rolled back: nobody else may inherit it.
            pooled.close()

    async def _connect_exporting(self) -> asyncpg.Connection:
        return await connect(self._dsn, server_settings={**_SETTINGS, **_EXPORTING_SETTINGS})

    async def connect_appending(self) -> asyncpg.Connection:
        """A connection for events that belong to no change; the app's role has no UPDATE or DELETE there."""
        return await connect(self._dsn, server_settings=_APPENDING_SETTINGS, command_timeout=10)

    async def connect(self, application_name: str = "team-access") -> asyncpg.Connection:
        """A connection of one's own, outside the pools: to LISTEN on, or for the jobs."""
        return await connect(self._dsn, application_name=application_name, command_timeout=10)

    async def close(self) -> None:
        await self.reading.close()
        await self.writing.dispose()


@asynccontextmanager
async def _begun(driver: asyncpg.Connection, account_id: UUID | None) -> AsyncIterator[None]:
    """As asyncpg's own, with the account in the statement that begins it: the server is asked once."""
    setting = "" if account_id is None else f"; SET LOCAL {ACCOUNT_SETTING} = '{UUID(int=account_id.int)}'"
    await driver.execute(f"BEGIN{setting}")
    try:
        yield
    except BaseException:
        if not driver.is_closed():
            await driver.execute("ROLLBACK")
        raise
    await driver.execute("COMMIT")


def _engine(connect: Callable[[], Awaitable[asyncpg.Connection]], pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # Errors quote parameters, and logs quote errors: license keys, addresses, hashes of tokens.
        hide_parameters=True,
        json_serializer=canonical_json,
        # JSON arrives as text, as on the connections for reading.
        json_deserializer=str,
    )
    # One statement for many rows: asyncpg's executemany hangs for good, with all that the transaction
    # has locked, where it is cancelled while it sends.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    event.listen(engine.sync_engine, "checkout", _replace_if_closed)
    return engine


def _replace_if_closed(connection: Any, *_: object) -> None:
    """A pooled connection that the server has ended meanwhile; the driver knows without asking it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
