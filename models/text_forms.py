"""What a text is found by and sorted by: computed here, by ICU's tables, and stored beside the text.

PostgreSQL's own `lower()` and ORDER BY depend on how its database was made: in one with the C locale É has no
small letter and comes after Z.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import icu  # type: ignore[import-untyped]
from sqlalchemy import Column, Text, event, inspect
from sqlalchemy.orm import Mapper
from sqlmodel import Field, SQLModel

_MOST_CHARACTERS = 1_000
"""More than any text that is found or sorted has: putting many marks in order takes quadratic time."""
_MOST_KEY_BYTES = 200
"""So that keys fit into an index and a cursor. Longer names that are alike up to there sort by their ids."""
_INFO = "derived"
_FOLDING = icu.Normalizer2.getNFKCCasefoldInstance()
_ROOT_COLLATION = icu.Collator.createInstance(icu.Locale.getRoot())


def folded(text: str) -> str:
    """Unicode's NFKC_Casefold: the same for all spellings that differ in case, width or composition."""
    return str(_FOLDING.normalize(text[:_MOST_CHARACTERS].replace("\x00", "")))


def sort_key(text: str) -> str:
    """Its key in ICU's root collation, a character for each byte: to be compared by code points."""
    key: bytes = _ROOT_COLLATION.getSortKey(text[:_MOST_CHARACTERS])
    return key.removesuffix(b"\0")[:_MOST_KEY_BYTES].decode("latin-1")


def folded_column(*sources: str) -> Any:
    """The folded form of other columns, a line for each."""
    return _derived(lambda *texts: "\n".join(map(folded, texts)), sources)


def sort_key_column(source: str) -> Any:
    return _derived(sort_key, (source,))


def derived_values(table: type[SQLModel], values: Mapping[str, Any]) -> dict[str, str]:
    """The derived columns of a row, of those of its other values that are given."""
    return {
        name: derive(*(values[source] for source in sources))
        for name, derive, sources in _derived_columns(table)
        if all(source in values for source in sources)
    }


def is_derived(column: Column[Any]) -> bool:
    return _INFO in column.info


@cache
def _derived_columns(table: type[SQLModel]) -> list[tuple[str, Callable[..., str], tuple[str, ...]]]:
    columns = inspect(table).columns
    return [(each.key, *each.info[_INFO]) for each in columns if is_derived(each)]


def _derived(derive: Callable[..., str], sources: tuple[str, ...]) -> Any:
    """Compared by code points, whatever the database's collation."""
    options = {"server_default": "", "info": {_INFO: (derive, sources)}}
    return Field(default="", sa_type=Text(collation="C"), sa_column_kwargs=options)


@event.listens_for(Mapper, "before_insert")
def _derive(_mapper: object, _connection: object, row: SQLModel) -> None:
    for name, value in derived_values(type(row), row.__dict__).items():
        setattr(row, name, value)


@event.listens_for(Mapper, "before_update")
def _derive_anew(_mapper: object, _connection: object, row: SQLModel) -> None:
    """Of what has changed."""
    history = inspect(row).attrs
    for name, derive, sources in _derived_columns(type(row)):
        if any(history[source].history.has_changes() for source in sources):
            setattr(row, name, derive(*(getattr(row, source) for source in sources)))
