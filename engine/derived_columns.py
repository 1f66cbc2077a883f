"""Columns whose values are computed from other columns of their row, and stored beside them."""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, Text, inspect
from sqlmodel import Field, SQLModel

_INFO = "derived"


def derived_column(derive: Callable[..., str], *sources: str) -> Any:
    """A text, computed by `derive` from the values of the `sources`. Compared by code points, whatever the
    database's collation."""
    options = {"server_default": "", "info": {_INFO: (derive, sources)}}
    return Field(default="", sa_type=Text(collation="C"), sa_column_kwargs=options)


def derived_values(
    table: type[SQLModel], values: Mapping[str, object], changed: Collection[str] | None = None
) -> dict[str, str]:
    """Returns the derived columns of a row whose source columns are all among `values`."""
    return {
        name: derive(*(values[source] for source in sources))
        for name, derive, sources in _derived_columns(table)
        if all(source in values for source in sources)
        and (changed is None or any(source in changed for source in sources))
    }


def derives_from(table: type[SQLModel], names: Collection[str]) -> bool:
    """Whether a derived column is computed from one of these columns."""
    return any(source in names for _, _, sources in _derived_columns(table) for source in sources)


def is_derived(column: Column[object]) -> bool:
    return _INFO in column.info


@cache
def _derived_columns(table: type[SQLModel]) -> list[tuple[str, Callable[..., str], tuple[str, ...]]]:
    columns = inspect(table).columns
    return [(each.key, *each.info[_INFO]) for each in columns if is_derived(each)]
