"""Columns whose values are computed from other columns of their row, and stored beside them."""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column, Text, event, inspect
from sqlalchemy.orm import Mapper
from sqlmodel import Field, SQLModel

_INFO = "derived"


def derived_column(derive: Callable[..., str], *sources: str) -> Any:
    """A text, computed by `derive` from the values of the `sources`. Compared by code points, whatever the
    database's collation."""
    options = {"server_default": "", "info": {_INFO: (derive, sources)}}
    return Field(default="", sa_type=Text(collation="C"), sa_column_kwargs=options)


def derived_values(
    table: type[SQLModel], values: Mapping[str, Any], changed: Collection[str] | None = None
) -> dict[str, str]:
    """Returns the derived columns of a row whose source columns are all among `values`."""
    return {
        name: derive(*(values[source] for source in sources))
        for name, derive, sources in _derived_columns(table)
        if all(source in values for source in sources)
        and (changed is None or any(source in changed for source in sources))
    }


def is_derived(column: Column[Any]) -> bool:
    return _INFO in column.info


@cache
def _derived_columns(table: type[SQLModel]) -> list[tuple[str, Callable[..., str], tuple[str, ...]]]:
    columns = inspect(table).columns
    return [(each.key, *each.info[_INFO]) for each in columns if is_derived(each)]


@event.listens_for(Mapper, "before_insert")
def _derive(_mapper: object, _connection: object, row: SQLModel) -> None:
    for name, value in derived_values(type(row), row.__dict__).items():
        setattr(row, name, value)


@event.listens_for(Mapper, "before_update")
def _derive_anew(_mapper: object, _connection: object, row: SQLModel) -> None:
    """Computes the columns whose sources have changed."""
    history = inspect(row).attrs
    for name, derive, sources in _derived_columns(type(row)):
        if any(history[source].history.has_changes() for source in sources):
            setattr(row, name, derive(*(getattr(row, source) for source in sources)))
