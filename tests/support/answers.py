"""Parts of GraphQL answers that tests of permissions expect."""

from collections.abc import Iterator
from typing import Any


def forbidden(permission: str) -> dict[str, str]:
    """`extensions` of the error for a missing permission."""
    return {"code": "FORBIDDEN", "permission": permission}


def nulls(data: Any, at: tuple[str | int, ...] = ()) -> Iterator[list[str | int]]:
    """Path of each null in the data."""
    if data is None:
        yield list(at)
    for key, value in items(data):
        yield from nulls(value, (*at, key))


def items(data: Any) -> Iterator[tuple[str | int, Any]]:
    """Items of an object or a list; none of a scalar."""
    if isinstance(data, dict):
        yield from data.items()
    if isinstance(data, list):
        yield from enumerate(data)
