"""Loads rows by id, in one statement for all fields that ask in the same iteration of the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import cache
from operator import attrgetter
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from sqlmodel import SQLModel
from strawberry.dataloader import DataLoader

from engine import row_reader
from engine.conditions import Condition
from engine.pagination import Order
from engine.statements import any_of
from engine.tables import column_of

Row = TypeVar("Row", bound=SQLModel)
Key = tuple[UUID | None, UUID]
LoadingKey = TypeVar("LoadingKey", bound=Hashable)
Loaded = TypeVar("Loaded")
_account_id, _id = attrgetter("account_id"), attrgetter("id")


class LoadingContext(Protocol):
    """The part of a request that loading needs."""

    loaders: dict[object, Any]
    """Emptied whenever the rows that they have read may have changed."""

    @property
    def database(self) -> row_reader.RecordReader: ...

    def cached_row(self, id: UUID, /) -> SQLModel | None:
        """Returns a row that is in memory already, or None."""


async def load(context: LoadingContext, table: type[Row], id: UUID, *, account_id: UUID | None = None) -> Row:
    """Returns the row that a column of another row, which the viewer may see, refers to. With `account_id`,
    only a row of that account."""

    async def fetch(keys: list[Key]) -> list[Row | None]:
        where = [with_ids(table)([id for _, id in keys])]
        if account_id is not None:
            where.append(of_accounts(table)([account_id for account_id, _ in keys]))
        found: dict[Key, Row] = {}
        for row in await row_reader.rows(context.database, table, *where):
            found[_account_id(row) if account_id is not None else None, _id(row)] = row
        return [found.get(key) for key in keys]

    known = context.cached_row(id)
    if isinstance(known, table):
        return known
    return cast("Row", await loaded(context, table, fetch, (account_id, id)))


async def load_referring(
    context: LoadingContext,
    table: type[Row],
    column: str,
    referring: Condition,
    order: Order,
    id: UUID,
    account_id: UUID | None = None,
) -> list[Row]:
    """Returns the rows whose `column` has this id. With `account_id`, only those of that account."""

    async def fetch(keys: list[Key]) -> list[list[Row]]:
        where = [referring([id for _, id in keys])]
        if account_id is not None:
            where.append(of_accounts(table)([account_id for account_id, _ in keys]))
        found: dict[Key, list[Row]] = {key: [] for key in keys}
        for row in await row_reader.rows(context.database, table, *where, order=order):
            key = (_account_id(row) if account_id is not None else None, getattr(row, column))
            found.setdefault(key, []).append(row)
        return [found[key] for key in keys]

    return await loaded(context, (table, column), fetch, (account_id, id))


@cache
def with_ids(table: type[SQLModel]) -> Condition:
    return Condition(lambda ids: any_of(column_of(table, "id"), ids))


@cache
def with_id(table: type[SQLModel]) -> Condition:
    return Condition(lambda id: column_of(table, "id") == id)


@cache
def of_accounts(table: type[SQLModel]) -> Condition:
    return Condition(lambda ids: any_of(column_of(table, "account_id"), ids))


async def loaded(
    context: LoadingContext,
    what: object,
    fetch: Callable[[list[LoadingKey]], Awaitable[list[Loaded]]],
    key: LoadingKey,
) -> Loaded:
    """Returns what `fetch` finds for the key. It is called once for all keys of the same `what` that are
    loaded at the same time."""
    loader: DataLoader[LoadingKey, Loaded] | None = context.loaders.get(what)
    if loader is None:
        loader = context.loaders[what] = DataLoader(fetch)
    loading = asyncio.ensure_future(loader.load(key))
    # Retrieves the exception, which asyncio would log with a traceback if the request was cancelled before.
    loading.add_done_callback(lambda done: done.cancelled() or done.exception())
    # Others may wait for the same row: that one of them is cancelled shall not cancel it for all.
    return await asyncio.shield(loading)
