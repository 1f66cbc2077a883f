"""Lists, their pages and cursors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import orjson
from asyncpg import Record
from sqlalchemy.sql.functions import coalesce
from sqlmodel import SQLModel

from engine.conditions import BoundCondition
from engine.errors import BadUserInput
from engine.statements import Statement

DEFAULT_SIZE = 50
MAXIMUM_SIZE = 100
MOST_CURSOR_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Slice:
    """The arguments `first`, `after`, `last` and `before`, whose declarations have their limits. Raises
    `BadUserInput` for both sizes."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise BadUserInput("Use `first` or `last`, not both.")

    @property
    def backward(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        if self.first is not None:
            return self.first
        return DEFAULT_SIZE if self.last is None else self.last


@dataclass(frozen=True)
class Order:
    """A total order in one direction: its keys, the last of which is unique. An index has the same keys.

    Raises `TypeError`, at the declaration, for a key whose values a cursor cannot hold."""

    name: str
    keys: tuple[Any, ...]
    """Columns, or expressions of them, of the types in `_KEY_TYPES` and never null."""
    descending: bool = False

    def __post_init__(self) -> None:
        for key in self.keys:
            if _python_type(key) not in _KEY_TYPES:
                names = ", ".join(sorted(each.__name__ for each in _KEY_TYPES))
                raise TypeError(f"{key} cannot be a key of the order {self.name}: a key is of {names}.")
            if _may_be_null(key):
                raise TypeError(
                    f"{key} cannot be a key of the order {self.name}: it may be null."
                    " Use coalesce() with a column that is not."
                )


_KEY_TYPES = frozenset({int, str, datetime, UUID, Decimal})
"""Types of the keys that cursors hold; numbers are not negative."""


def _python_type(key: Any) -> type:
    """Type of the key's values in Python. SQLModel's type of texts names none, but the one in it does."""
    sa_type = getattr(key.type, "impl_instance", key.type)
    return cast("type", sa_type.python_type)


def _may_be_null(key: Any) -> bool:
    if isinstance(key, coalesce):
        return all(_may_be_null(each) for each in key.clauses)
    return bool(getattr(key, "nullable", True))


class Count(NamedTuple):
    """Counts a list by a statement that returns one number, instead of by its rows."""

    statement: Statement
    arguments: dict[str, object]


class ThroughRows(NamedTuple):
    """A small set of rows of another table. A branch finds its own rows by each of them."""

    table: type[SQLModel]
    where: BoundCondition


class Branch(NamedTuple):
    """A part of a listing's rows; parts do not overlap. With `is_few` they are so few that they are sorted.
    With `through`, its conditions may name columns of those rows by a `ParentColumn`."""

    where: tuple[BoundCondition, ...]
    is_few: bool = False
    through: ThroughRows | None = None

    @property
    def conditions(self) -> tuple[BoundCondition, ...]:
        return self.where if self.through is None else (*self.where, self.through.where)

    @property
    def shape(self) -> object:
        return tuple([bound.shape for bound in self.conditions]), self.is_few


_MOST_BRANCHES = 64
Value = TypeVar("Value")


def each_of(
    values: Sequence[Value],
    one: Callable[[Value | None], BoundCondition],
    any_of: Callable[[Sequence[Value]], BoundCondition],
) -> tuple[tuple[BoundCondition, ...], tuple[Branch, ...]]:
    """A filter by several values, as one condition or as branches, each with its own range of an index.

    Repeated values count once. To bound the number of different statements, there are 2, 4, 8 … 64 branches,
    some of which find nothing; more than 64 values become one condition.
    """
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return (one(distinct[0]),), ()
    if not distinct or len(distinct) > _MOST_BRANCHES:
        return (any_of(distinct),), ()
    padded = distinct + [None] * ((1 << (len(distinct) - 1).bit_length()) - len(distinct))
    return (), tuple(Branch((one(value),)) for value in padded)


def narrowed(
    where: tuple[BoundCondition, ...],
    branches: tuple[Branch, ...],
    values: Sequence[Value],
    one: Callable[[Value | None], BoundCondition],
    any_of: Callable[[Sequence[Value]], BoundCondition],
) -> tuple[tuple[BoundCondition, ...], tuple[Branch, ...]]:
    """Adds a filter: by `each_of` where it is the first, otherwise as a condition."""
    if where or branches:
        return (*where, any_of(values)), branches
    return each_of(values, one, any_of)


class Window(NamedTuple):
    """A part of a list, and whether it has all rows whose first key is less than that of a page's first
    row."""

    branch: Branch
    has_all_before: BoundCondition

    @property
    def conditions(self) -> tuple[BoundCondition, ...]:
        return *self.branch.conditions, self.has_all_before


class Search(NamedTuple):
    """Condition of a search, and branches that find the matching rows by an index. The branches do not
    overlap.

    In a list of millions of rows, a page is looked for in `windows` before, each of which finds the matching
    rows in a part of the list that begins with its first row; the parts grow, up to one that has all rows.
    `prepared` is no condition but a value for those of the branches, computed once, where a branch needs
    it."""

    match: BoundCondition
    otherwise: tuple[Branch, ...]
    windows: tuple[Window, ...] = ()
    prepared: BoundCondition | None = None

    @property
    def branches(self) -> tuple[Branch, ...]:
        return *(window.branch for window in self.windows), *self.otherwise

    @property
    def conditions(self) -> Iterator[BoundCondition]:
        """All conditions, in the order of their parameters."""
        yield self.match
        if self.prepared is not None:
            yield self.prepared
        for window in self.windows:
            yield from window.conditions
        for branch in self.otherwise:
            yield from branch.conditions


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to be read.

    Its rows meet all of `where`, the `search` if there is one, and, where there are any, one of the
    `branches`. At most `most_counted` rows are counted.
    """

    table: type[SQLModel]
    where: tuple[BoundCondition, ...]
    order: Order
    count: Count | None = None
    most_counted: int | None = None
    branches: tuple[Branch, ...] = ()
    search: Search | None = None

    def conditions(self) -> Sequence[BoundCondition]:
        """All conditions, in the order of their parameters."""
        if not self.branches and self.search is None:
            return self.where
        conditions = list(self.where)
        for branch in self.branches:
            conditions += branch.conditions
        if self.search is not None:
            conditions += self.search.conditions
        return conditions

    @property
    def shape(self) -> object:
        """The part of the listing that is in the text of a statement rather than in its parameters."""
        where = tuple([bound.shape for bound in self.where])
        if not self.branches and self.search is None:
            return where, self.order.name
        each = tuple([branch.shape for branch in self.branches])
        if self.search is None:
            return where, self.order.name, each
        found = tuple([branch.shape for branch in self.search.branches])
        search = self.search
        prepared = search.prepared and search.prepared.shape
        return where, self.order.name, each, search.match.shape, prepared, len(search.windows), found


class PageEdge(NamedTuple):
    cursor: str
    node: object


class Page:
    """A slice of a listing, always in the listing's order."""

    def __init__(
        self,
        listing: Listing,
        slice: Slice,
        records: Sequence[Record],
        total: int | None = None,
        keys: Sequence[int] = (),
    ) -> None:
        """`records` has one record more than the slice where there are more rows. `keys` are the places of
        the order's keys in a record, where cursors are needed."""
        self.listing = listing
        self.total = total
        self._keys = keys
        self._slice = slice
        self._more = len(records) > slice.size
        records = records[: slice.size] if self._more else records
        self.records = records[::-1] if slice.backward else records

    @property
    def nodes(self) -> Sequence[Record | SQLModel]:
        return self.records

    @property
    def page_info(self) -> "Page":
        return self

    @property
    def edges(self) -> list[PageEdge]:
        return [
            PageEdge(self._cursor(record), node)
            for record, node in zip(self.records, self.nodes, strict=True)
        ]

    @property
    def has_next_page(self) -> bool:
        return self._slice.before is not None if self._slice.backward else self._more

    @property
    def has_previous_page(self) -> bool:
        return self._more if self._slice.backward else self._slice.after is not None

    @property
    def start_cursor(self) -> str | None:
        return self._cursor(self.records[0]) if self.records else None

    @property
    def end_cursor(self) -> str | None:
        return self._cursor(self.records[-1]) if self.records else None

    def _cursor(self, record: Record) -> str:
        """Empty where cursors were not requested."""
        if not self._keys:
            return ""
        return encode_cursor(self.listing.order.name, [record[place] for place in self._keys])


def encode_cursor(order_name: str, values: Iterable[object]) -> str:
    """The cursor of a row: `values` are those of the order's keys."""
    return urlsafe_b64encode(orjson.dumps([order_name, *values], default=str)).decode().rstrip("=")


def decode_cursor(order: Order, argument: str, cursor: str) -> list[object]:
    """The values of the order's keys in a cursor. Raises `BadUserInput`."""
    try:
        name, *values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != order.name:
            raise ValueError
        keys = zip(order.keys, values, strict=True)
        return [_parse(_python_type(key), value) for key, value in keys]
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        raise BadUserInput(
            f"`{argument}` is not a cursor of this list in this order: use one from a page of this list."
        ) from None


def _parse(python_type: type, value: object) -> object:
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
    """An amount as the tables store it: Numeric(14, 2)."""
    number = Decimal(value)
    if not number.is_finite() or not 0 <= number < 10**12 or number.as_tuple().exponent not in (0, -1, -2):
        raise ValueError
    return number
