"""Reads rows by one statement: as records of a shape, or whole, as snapshots."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from typing import Protocol, TypeVar
from uuid import UUID

from asyncpg import Record
from sqlmodel import SQLModel

from engine import sql
from engine.conditions import BoundCondition
from engine.pagination import Listing, Order, Page, Slice
from engine.query import RowQuery, Shape
from engine.snapshots import attributes, snapshot
from engine.sql import Template, Text
from engine.statement_cache import templates

Row = TypeVar("Row", bound=SQLModel)


class RecordReader(Protocol):
    """Runs statements that read."""

    @property
    def fetch(self) -> Callable[..., Awaitable[list[Record]]]:
        """Takes one SELECT and its arguments, and returns its records."""


_MOST_TEXTS = 16
_NO_ORDER = Order("none", ())
_counts: dict[object, Text] = {}


async def records(
    reader: RecordReader, shape: Shape, query: RowQuery, account_id: UUID | None = None
) -> list[Record]:
    """Returns records in the listing's order, or reversed where the slice counts from the end. `account_id`
    is who waits in the queue where the statement's text has to be written first."""
    key = query.key
    text = shape.texts.get(key)
    if text is None:
        write = partial(sql.write_rows, shape, query)
        text = _keep(shape.texts, key, await _written((shape.key, query.form), write, query, account_id))
    return await _fetch(reader, text, query)


async def page(reader: RecordReader, listing: Listing, slice: Slice) -> "SnapshotPage":
    """Returns a page whose nodes are snapshots."""
    shape = _whole(listing.table, cursors=True)
    found = await records(reader, shape, RowQuery(listing, slice, one_more=True))
    return SnapshotPage(listing, slice, found, None, shape.key_places(listing.order))


class SnapshotPage(Page):
    @property
    def nodes(self) -> Sequence[SQLModel]:
        table = self.listing.table
        length = len(attributes(table))
        return [snapshot(table, record[:length]) for record in self.records]


async def rows(
    reader: RecordReader,
    table: type[Row],
    *where: BoundCondition,
    order: Order | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Returns whole rows; their order is undefined without `order`."""
    return await listed(reader, table, Listing(table, where, order or _NO_ORDER), limit=limit)


async def listed(
    reader: RecordReader, table: type[Row], listing: Listing, *, limit: int | None = None
) -> list[Row]:
    """Returns whole rows of a listing of the table."""
    query = RowQuery(listing, limit=limit)
    return [snapshot(table, record) for record in await records(reader, _whole(table), query)]


async def row(
    reader: RecordReader, table: type[Row], *where: BoundCondition, order: Order | None = None
) -> Row | None:
    """Returns the first matching row, or None."""
    return next(iter(await rows(reader, table, *where, order=order, limit=1)), None)


async def count(reader: RecordReader, listing: Listing, account_id: UUID | None = None) -> int | None:
    """Returns the total number of rows, or None above the listing's `most_counted`. `account_id` as for
    `records`."""
    if listing.count is not None:
        statement, arguments = listing.count
        found = await reader.fetch(statement.sql, *statement.arguments(**arguments))
        return int(found[0][0]) if found else 0
    query = RowQuery(listing)
    key = (listing.table, listing.most_counted, listing.shape)
    text = _counts.get(key)
    if text is None:
        write = partial(sql.write_count, query)
        text = _keep(_counts, key, await _written(key, write, query, account_id))
    return counted(listing, (await _fetch(reader, text, query))[0][0])


def counted(listing: Listing, number: int) -> int | None:
    most = listing.most_counted
    return None if most is not None and number > most else number


async def _written(
    key: object, write: Callable[[], Template], query: RowQuery, account_id: UUID | None
) -> Text:
    """Returns the statement's text. Its template is shared by all queries of the same form."""
    template = await templates.get(key, write, account_id)
    return template.filled([each.limit for each in query.all()])


def _keep(texts: dict[object, Text], key: object, text: Text) -> Text:
    if len(texts) >= _MOST_TEXTS:
        texts.clear()
    texts[key] = text
    return text


async def _fetch(reader: RecordReader, text: Text, query: RowQuery) -> list[Record]:
    statement, order = text
    values = query.values()
    return await reader.fetch(statement, *[values[index] for index in order])


@cache
def _whole(table: type[SQLModel], *, cursors: bool = False) -> Shape:
    shape = Shape(table, cursors)
    for name in attributes(table):
        shape.column(0, name)
    return shape
