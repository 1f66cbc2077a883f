"""Limits of the inputs of clients: characters of texts, items of lists, range of numbers.

A limit is declared with the field or argument, printed in its description, and checked before the value is
used. The schema cannot be built while a text or a list has no limit: see `require_limits`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, cast

import strawberry
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from strawberry.types.arguments import StrawberryArgumentAnnotation
from strawberry.types.base import StrawberryContainer, StrawberryList, has_object_definition
from strawberry.utils.str_converters import to_camel_case

_LIMIT = "limit"
ID_CHARACTERS = 100
_OF_SCALARS = {strawberry.ID: ID_CHARACTERS, datetime: 40, Decimal: 40}
_UNLIMITED = frozenset({int, float, bool})


@dataclass(frozen=True, slots=True)
class InputLimit:
    """`characters`: the most of a text, or of each text in a list. `items`: the most of a list. `numbers`:
    the smallest and the largest integer."""

    characters: int | None = None
    items: int | None = None
    numbers: tuple[int, int] | None = None
    code: str | None = None


class Excess(NamedTuple):
    """A value beyond its limit. `path` is within the arguments of a field, or within an input."""

    path: tuple[str, ...]
    message: str
    code: str | None = None
    """The error code that the limit was declared with."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Stands for a variable where a value is expected."""

    name: str


class LimitedVariable(NamedTuple):
    """A variable, and the limit that its value must keep where it is used."""

    name: str
    kind: object
    limit: InputLimit
    path: tuple[str, ...]


def text(description: str, *, most: int, code: str | None = None, **options: Any) -> Any:
    """Declares a text field of an input. `code` is the error code where it is too long."""
    metadata = {_LIMIT: InputLimit(characters=most, code=code)}
    return strawberry.field(description=_with(description, most), metadata=metadata, **options)


def items(description: str, *, most: int, most_characters: int | None = None, **options: Any) -> Any:
    """Declares a list field of an input. `most_characters` limits each text of the list."""
    each = "" if most_characters is None else f" of at most {most_characters:,} characters each"
    return strawberry.field(
        description=f"{description} At most {most:,} items{each}.",
        metadata={_LIMIT: InputLimit(characters=most_characters, items=most)},
        **options,
    )


def text_argument(description: str, *, most: int) -> StrawberryArgumentAnnotation:
    return strawberry.argument(
        description=_with(description, most), metadata={_LIMIT: InputLimit(characters=most)}
    )


def items_argument(description: str, *, most: int) -> StrawberryArgumentAnnotation:
    return strawberry.argument(
        description=f"{description} At most {most:,} items.", metadata={_LIMIT: InputLimit(items=most)}
    )


def number_argument(description: str, *, least: int, most: int) -> StrawberryArgumentAnnotation:
    return strawberry.argument(description=description, metadata={_LIMIT: InputLimit(numbers=(least, most))})


def limit_of(definition: Any) -> InputLimit:
    """The limit of one of Strawberry's arguments or fields."""
    return cast("InputLimit", definition.metadata.get(_LIMIT, _NONE))


_NONE = InputLimit()


def excesses_of(input: type | None, values: dict[str, object]) -> Iterator[Excess]:
    """Values of an input object that are beyond their limits."""
    return excesses(input, _NONE, values, (), [])


def excesses(
    kind: Any,
    limit: InputLimit,
    value: object,
    path: tuple[str, ...],
    variables: list[LimitedVariable],
) -> Iterator[Excess]:
    """Values beyond their limits, in a JSON value for an argument or input of that Strawberry type.
    Placeholders are added to `variables`. A value of the wrong type is left for coercion to refuse."""
    if isinstance(value, Placeholder):
        variables.append(LimitedVariable(value.name, kind, limit, path))
        return
    if isinstance(kind, StrawberryList):
        yield from _of_list(kind, limit, value if isinstance(value, list) else [value], path, variables)
    elif isinstance(kind, StrawberryContainer):
        yield from excesses(kind.of_type, limit, value, path, variables)
    elif has_object_definition(kind):
        if isinstance(value, dict):
            for name, field_kind, field_limit in _fields(kind):
                if name in value:
                    yield from excesses(field_kind, field_limit, value[name], (*path, name), variables)
    elif isinstance(value, str):
        most = limit.characters or _OF_SCALARS.get(kind)
        if most is not None and len(value) > most:
            message = f"has {len(value):,} characters; at most {most:,} are allowed."
            yield _excess(path, message, limit.code)
    elif limit.numbers is not None and isinstance(value, int | float):
        least, most = limit.numbers
        if not least <= value <= most:
            yield _excess(path, f"must be {least} to {most}, not {value}.")


def _of_list(
    kind: StrawberryList,
    limit: InputLimit,
    value: list[object],
    path: tuple[str, ...],
    variables: list[LimitedVariable],
) -> Iterator[Excess]:
    if limit.items is not None and len(value) > limit.items:
        yield _excess(path, f"has {len(value):,} items; at most {limit.items:,} are allowed.")
        return
    for index, item in enumerate(value):
        yield from excesses(kind.of_type, limit, item, (*path, str(index)), variables)


def require_limits(schema: GraphQLSchema) -> None:
    """Raises TypeError, which names the arguments and input fields whose texts or lists have no limit."""
    if found := _undeclared(schema):
        raise TypeError(f"Texts and lists need a limit, by text(…) or items(…): {', '.join(found)}")


def _undeclared(schema: GraphQLSchema) -> list[str]:
    """Coordinates of the arguments and input fields whose texts or lists have no limit."""
    found = []
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            inputs = {f"{kind.name}.{name}": each for name, each in kind.fields.items()}
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__"):
            inputs = {
                f"{kind.name}.{name}({argument}:)": cast("Any", each)
                for name, field in kind.fields.items()
                for argument, each in field.args.items()
            }
        else:
            continue
        for coordinate, each in inputs.items():
            definition = each.extensions["strawberry-definition"]
            if not _is_limited(definition.type, limit_of(definition)):
                found.append(coordinate)
    return found


def _is_limited(kind: object, limit: InputLimit) -> bool:
    if isinstance(kind, StrawberryList):
        return limit.items is not None and _is_limited(kind.of_type, limit)
    if isinstance(kind, StrawberryContainer):
        return _is_limited(kind.of_type, limit)
    if has_object_definition(kind) or _is_enum(kind) or kind in _UNLIMITED or kind in _OF_SCALARS:
        return True
    return getattr(kind, "__supertype__", kind) in _UNLIMITED or limit.characters is not None


def _is_enum(kind: object) -> bool:
    return hasattr(kind, "wrapped_cls") or (isinstance(kind, type) and issubclass(kind, StrEnum))


@cache
def _fields(kind: Any) -> list[tuple[str, object, InputLimit]]:
    """The fields of an input object: GraphQL name, type and limit."""
    definition = kind.__strawberry_definition__
    return [
        (
            each.graphql_name or to_camel_case(each.python_name),
            each.resolve_type(type_definition=definition),
            limit_of(each),
        )
        for each in definition.fields
    ]


def _excess(path: tuple[str, ...], message: str, code: str | None = None) -> Excess:
    return Excess(path, f"`{'.'.join(path)}` {message}", code)


def _with(description: str, most: int) -> str:
    return f"{description} At most {most:,} characters."
