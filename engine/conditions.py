"""Conditions of a WHERE clause, written once and given values at each request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, FromClause, String, func, literal_column, select
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from engine.tables import AnyExpression, table_of


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """`expression` makes the SQL once, from parameters or from columns of a parent row. `searches` names the
    columns in which a search compares rows that were already read."""

    expression: Callable[..., ColumnElement[bool]]
    searches: tuple[str, ...] = ()

    def __call__(self, *values: object) -> "BoundCondition":
        for value in values:
            if type(value) is ParentColumn:
                columns = [each if type(each) is ParentColumn else None for each in values]
                return BoundCondition(self, values, (self, *columns))
        return BoundCondition(self, values, self)


class ParentColumn(NamedTuple):
    """A value that is taken from a column of the row that a nested list belongs to."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class OfNextRows:
    """A value in the conditions of a search that its statement computes, from the next rows of the list in
    their order, and from what the search has prepared."""

    expression: Callable[[FromClause, ColumnElement[Any] | None], ColumnElement[Any] | None]


FIRST_KEY = OfNextRows(lambda rows, _: select(rows.c.key0).limit(1).scalar_subquery())
"""The first key of the order in the first row."""
PREPARED = OfNextRows(lambda _, prepared: prepared)


class BoundCondition(NamedTuple):
    """A condition with its values. `shape` is the part of it that is in the text of the SQL rather than in
    the parameters."""

    condition: Condition
    values: tuple[object, ...]
    shape: object


class ParentRow:
    """A row that is read by the same statement as the lists that belong to it, so that its values are not
    known yet. Its account is known, and so is the id of a row that `is_account`."""

    def __init__(self, account_id: object, *, is_account: bool = False) -> None:
        self.account_id = account_id
        if is_account:
            self.id = account_id

    def __getattr__(self, name: str) -> ParentColumn:
        return ParentColumn(name)


def contains(text: object, search: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the text contains the letters. Both are case-folded."""
    return func.strpos(text, cast_to(search, String)) > 0


def has_grams_of(
    table: type[SQLModel], column: str, account_id: AnyExpression, search: ColumnElement[str]
) -> ColumnElement[bool]:
    """The part of `contains` that an index can answer: a text of the account contains all pairs of letters of
    the search."""
    columns = table_of(table).c
    of_text = func.search_grams(
        columns.account_id, columns[column], literal_column("1"), type_=ARRAY(BigInteger)
    )
    searched = cast_to(search, String)
    shortest = func.least(literal_column("2"), func.length(searched))
    return of_text.contains(func.search_grams(account_id, searched, shortest, type_=ARRAY(BigInteger)))
