"""What rows are asked for: conditions that are written once, and given the values of a request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, String, func
from sqlalchemy import cast as cast_to


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """`expression` makes the SQL, once, of parameters or of a parent row's columns."""

    expression: Callable[..., ColumnElement[bool]]

    def __call__(self, *values: Any) -> "Bound":
        return Bound(self, values)


class ParentColumn(NamedTuple):
    """In the place of a value: what the row that a nested list belongs to has in this column."""

    name: str


class Bound(NamedTuple):
    """A condition with its values."""

    condition: Condition
    values: tuple[Any, ...]

    @property
    def shape(self) -> Any:
        """What of it is in the text of the SQL, and not in its parameters."""
        columns = [value if type(value) is ParentColumn else None for value in self.values]
        return (self.condition, *columns) if any(columns) else self.condition


class ParentRow:
    """A row that is not known yet, since it is read by the same statement as what belongs to it. Its account
    is known: it is the one that the viewer asked through."""

    def __init__(self, account_id: Any) -> None:
        self.account_id = account_id

    def __getattr__(self, name: str) -> ParentColumn:
        return ParentColumn(name)


def contains(text: Any, search: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether it has these letters somewhere, in whatever case. The search is `escaped`."""
    return cast("ColumnElement[bool]", text.ilike(func.concat("%", cast_to(search, String), "%"), escape="/"))


def escaped(search: str) -> str:
    """What it matches is what was typed: LIKE's own signs have no meaning in it."""
    return search.replace("/", "//").replace("%", "/%").replace("_", "/_")
