"""Rows, read by one statement: as records of a shape, or whole, as snapshots."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from sqlmodel import SQLModel

from models.database import Database
from models.snapshots import attributes, snapshot
from resolvers import sql
from resolvers.conditions import Bound
from resolvers.pages import Listing, Order, Page, Slice
from resolvers.queries import Query, Shape

Row = TypeVar("Row", bound=SQLModel)
Text = tuple[str, list[int]]

_MOST_TEXTS = 16
_NO_ORDER = Order("none", ())
_counts: dict[Any, Text] = {}


async def records(database: Database, shape: Shape, query: Query) -> list[Any]:
    """In the listing's order, or against it where the slice is counted from its end."""
    key = query.key
    text = shape.texts.get(key) or _keep(shape.texts, key, _rows_text(shape, key, query))
    return await _fetch(database, text, query)


async def page(database: Database, listing: Listing, slice: Slice) -> "SnapshotPage":
    """Its rows as snapshots."""
    shape = _whole(listing.table, cursors=True)
    found = await records(database, shape, Query(listing, slice, one_more=True))
    return SnapshotPage(listing, slice, found, None, shape.key_places(listing.order))


class SnapshotPage(Page):
    @property
    def nodes(self) -> Sequence[Any]:
        table = self.listing.table
        length = len(attributes(table))
        return [snapshot(table, record[:length]) for record in self.records]


async def rows(
    database: Database,
    table: type[Row],
    *where: Bound,
    order: Order | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Whole rows, in no order where none is given."""
    return await listed(database, table, Listing(table, where, order or _NO_ORDER), limit=limit)


async def listed(
    database: Database, table: type[Row], listing: Listing, *, limit: int | None = None
) -> list[Row]:
    """Whole rows of a listing of the table."""
    query = Query(listing, limit=limit)
    return [snapshot(table, record) for record in await records(database, _whole(table), query)]


async def row(database: Database, table: type[Row], *where: Bound, order: Order | None = None) -> Row | None:
    """The first of them."""
    return next(iter(await rows(database, table, *where, order=order, limit=1)), None)


async def count(database: Database, listing: Listing) -> int | None:
    """How many there are on all pages; None where there are more than are counted."""
    if listing.count is not None:
        statement, arguments = listing.count
        found = await database.fetch(statement.sql, *statement.arguments(**arguments))
        return int(found[0][0]) if found else 0
    query = Query(listing)
    key = (listing.table, listing.most_counted, listing.shape)
    text = _counts.get(key) or _keep(_counts, key, sql.write_count(query))
    return counted(listing, (await _fetch(database, text, query))[0][0])


def counted(listing: Listing, number: int) -> int | None:
    most = listing.most_counted
    return None if most is not None and number > most else number


def _rows_text(shape: Shape, key: Any, query: Query) -> Text:
    """Of shapes that are alike, whichever operations they belong to, each text is written once."""
    return _texts.get((shape.key, key)) or _texts.add((shape.key, key), sql.write_rows(shape, query))


class _Texts:
    """The last texts that were used, bounded by their characters together."""

    def __init__(self, most_characters: int) -> None:
        self._most_characters = most_characters
        self._characters = 0
        self._kept: OrderedDict[Any, Text] = OrderedDict()

    def get(self, key: Any) -> Text | None:
        text = self._kept.get(key)
        if text is not None:
            self._kept.move_to_end(key)
        return text

    def add(self, key: Any, text: Text) -> Text:
        self._kept[key] = text
        self._characters += len(text[0])
        while self._characters > self._most_characters:
            _, (oldest, _) = self._kept.popitem(last=False)
            self._characters -= len(oldest)
        return text


_texts = _Texts(10_000_000)


def _keep(texts: dict[Any, Text], key: Any, text: Text) -> Text:
    if len(texts) >= _MOST_TEXTS:
        texts.clear()
    texts[key] = text
    return text


async def _fetch(database: Database, text: Text, query: Query) -> list[Any]:
    statement, order = text
    values = query.values()
    return await database.fetch(statement, *[values[index] for index in order])


@cache
def _whole(table: type[SQLModel], *, cursors: bool = False) -> Shape:
    shape = Shape(table, cursors)
    for name in attributes(table):
        shape.column(0, name)
    return shape
