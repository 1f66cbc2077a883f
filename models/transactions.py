"""Transaction of a change."""

from types import TracebackType
from typing import Any, cast

import asyncpg
from sqlalchemy import Connection, PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession


class Transaction:
    """The driver's own; and within it, for whoever asks, a session of the ORM, which costs as much as three
    statements do."""

    def __init__(
        self, engine: AsyncEngine, pooled: PoolProxiedConnection, driver: asyncpg.Connection
    ) -> None:
        self._engine, self._pooled = engine, pooled
        self.driver = driver
        self._session: AsyncSession | None = None

    @property
    def session(self) -> AsyncSession:
        if self._session is None:
            # The transaction has begun: the session is neither to begin nor to commit one.
            cast("Any", self._pooled.dbapi_connection).autocommit = True
            connection = Connection(self._engine.sync_engine, self._pooled)
            self._session = AsyncSession(AsyncConnection(self._engine, connection), expire_on_commit=False)
        return self._session

    @property
    def has_session(self) -> bool:
        return self._session is not None

    async def __aenter__(self) -> "Transaction":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Ends the session; the transaction is the driver's to end."""
        if self._session is None:
            return
        try:
            if kind is None:
                await self._session.commit()
        finally:
            await self._session.close()
            cast("Any", self._pooled.dbapi_connection).autocommit = False
