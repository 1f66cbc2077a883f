"""The scalars beside GraphQL's own."""

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry import UNSET
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)
_MOST = 2**53


def _parse_time(value: object) -> datetime:
    if isinstance(value, str) and len(value) <= 40:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return _utc(at)
    raise GraphQLError("A DateTime looks like 2026-01-31T12:00:00Z, with its offset.")


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise GraphQLError("A DateTime lies in the years 1 to 9999.") from None


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parse_decimal(value: object) -> Decimal:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) <= 40:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = None
        if number is not None and number.is_finite():
            return number
    raise GraphQLError('A Decimal looks like "12.50".')


def _parse_big_int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and -_MOST <= value <= _MOST:
        return value
    raise GraphQLError("A BigInt is a whole number up to 2^53.")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, in ISO 8601 with its offset; answers are in UTC, to the microsecond.",
        serialize=_format_time,
        parse_value=_parse_time,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, as a string: `"12.50"`.',
        serialize=str,
        parse_value=_parse_decimal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer up to 2^53, as a JSON number.",
        serialize=int,
        parse_value=_parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}


def plain(value: Any) -> Any:
    """An input as JSON has it, with GraphQL's names, and without what was not given."""
    if is_dataclass(value):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return {to_camel_case(name): plain(item) for name, item in given.items() if item not in (None, UNSET)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return _format_time(value)
    return str(value) if isinstance(value, Decimal | str) else value
