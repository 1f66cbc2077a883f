"""Pages of a list: keyset cursors over an index, in both directions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, cast, func, select, tuple_
from sqlmodel import SQLModel

from models.database import Database
from permissions.errors import BadUserInput

DEFAULT_SIZE = 50
MAXIMUM_SIZE = 100


@dataclass(frozen=True, slots=True)
class Slice:
    """The arguments `first`, `after`, `last` and `before`, checked. Raises `BadUserInput`."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise BadUserInput("Give `first` or `last`, not both.")
        for name, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= MAXIMUM_SIZE:
                raise BadUserInput(f"`{name}` may be 0 to {MAXIMUM_SIZE}, not {size}.")

    @property
    def backward(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        return next((size for size in (self.first, self.last) if size is not None), DEFAULT_SIZE)


@dataclass(frozen=True)
class Order:
    """A total order: the keys, the last of which is unique, all in one direction, as an index has them."""

    name: str
    keys: tuple[Any, ...]
    """Columns, or expressions of them."""
    descending: bool = False


@dataclass
class Page:
    rows: Sequence[SQLModel]
    cursors: list[str]
    has_next_page: bool
    has_previous_page: bool
    count: Callable[[], Awaitable[int | None]]
    """How many there are on all pages; costs a statement only where it is asked."""


async def page(
    database: Database,
    table: type[SQLModel],
    where: Sequence[ColumnElement[bool]],
    order: Order,
    slice: Slice,
    count: Callable[[], Awaitable[int | None]] | None = None,
) -> Page:
    """The slice's rows, in the order's order, whichever end they are counted from."""
    statement = select(table, *order.keys).where(*where)
    statement = _between(statement, order, slice)
    reverse = order.descending != slice.backward
    statement = statement.order_by(*(key.desc() if reverse else key.asc() for key in order.keys))
    async with database.reader() as reader:
        found = list(await reader.execute(statement.limit(slice.size + 1)))
    more = len(found) > slice.size
    found = found[: slice.size]
    if slice.backward:
        found.reverse()
    return Page(
        rows=[row[0] for row in found],
        cursors=[_encode(order, row[1:]) for row in found],
        has_next_page=slice.before is not None if slice.backward else more,
        has_previous_page=more if slice.backward else slice.after is not None,
        count=count or (lambda: count_rows(database, table, where)),
    )


async def count_rows(
    database: Database, table: type[SQLModel], where: Sequence[ColumnElement[bool]], limit: int | None = None
) -> int:
    """At most `limit`, where there is one."""
    matching = select(1).select_from(table).where(*where).limit(limit).subquery()
    async with database.reader() as reader:
        return int(await reader.scalar(select(func.count()).select_from(matching)) or 0)


def _between(statement: Select[Any], order: Order, slice: Slice) -> Select[Any]:
    keys = tuple_(*order.keys)
    for argument, cursor in (("after", slice.after), ("before", slice.before)):
        if cursor is None:
            continue
        bound = tuple_(*_decode(order, argument, cursor))
        upwards = (argument == "after") != order.descending
        statement = statement.where(keys > bound if upwards else keys < bound)
    return statement


def _encode(order: Order, values: Sequence[Any]) -> str:
    return urlsafe_b64encode(orjson.dumps([order.name, *values], default=str)).decode().rstrip("=")


def _decode(order: Order, argument: str, cursor: str) -> list[ColumnElement[Any]]:
    try:
        if len(cursor) > 2_000:
            raise ValueError
        name, *values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != order.name:
            raise ValueError
        return [
            cast(_parse(key.type.python_type, value), key.type)
            for key, value in zip(order.keys, values, strict=True)
        ]
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        raise BadUserInput(
            f"`{argument}` is no cursor of this list in this order: use a cursor that a page of it gave."
        ) from None


def _parse(python_type: type, value: Any) -> Any:
    if python_type is int:
        if not (isinstance(value, int) and 0 <= value < 2**63):
            raise ValueError
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError
    if python_type is datetime:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    if python_type is UUID:
        return UUID(value)
    return _amount(value) if python_type is Decimal else value


def _amount(value: str) -> Decimal:
    """As the tables have them: Numeric(14, 2)."""
    number = Decimal(value)
    if not number.is_finite() or not 0 <= number < 10**12 or number.as_tuple().exponent not in (0, -1, -2):
        raise ValueError
    return number
