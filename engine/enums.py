"""Enums of the schema, with a description for each value."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Enum = TypeVar("Enum", bound=type[StrEnum])


def described_enum(description: str, values: str | None = None) -> Callable[[Enum], Enum]:
    """Declares an enum of the schema. `values` has a line for each value: `NAME What it means.` Without it,
    each value has its description as an attribute."""

    def decorate(enum: Enum) -> Enum:
        meanings = _attributes(enum) if values is None else _lines(values)
        declared: Any = strawberry.enum(enum, description=description)
        definition = cast("StrawberryEnumDefinition", declared.__strawberry_definition__)
        if meanings.keys() != {value.name for value in definition.values}:
            raise TypeError(f"{enum.__name__}: every value needs one description, and no other")
        for value in definition.values:
            value.description = meanings[value.name]
        return enum

    return decorate


def _lines(values: str) -> dict[str, str]:
    return dict(line.strip().split(" ", 1) for line in values.strip().splitlines())


def _attributes(enum: type[StrEnum]) -> dict[str, str]:
    return {value.name: value.description for value in cast("Any", enum)}
