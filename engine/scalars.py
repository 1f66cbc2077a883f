"""The custom scalars of the schema."""

import re
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry import UNSET
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

from engine.moments import RANGE, parse_moment

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)
_MOST = 2**53
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"-?[0-9]{1,16}")
_NO_TIME = f"A DateTime must look like 2026-01-31T12:00:00Z, with seconds and an offset, {RANGE}."
_NO_DECIMAL = 'A Decimal must look like "12.50": at most 20 digits before and after the point, no exponent.'
_NO_BIG_INT = "A BigInt must be an integer from -2^53 to 2^53, as a JSON number."


def _parse_time(value: object) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError(_NO_TIME)
    try:
        return parse_moment(value)
    except ValueError:
        raise GraphQLError(_NO_TIME) from None


def _time_literal(node: ValueNode, _variables: object = None) -> datetime:
    return _parse_time(node.value if isinstance(node, StringValueNode) else None)


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parse_decimal(value: object) -> Decimal:
    if (type(value) is int and abs(value) <= _MOST) or type(value) is float:
        value = str(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise GraphQLError(_NO_DECIMAL)


def _decimal_literal(node: ValueNode, _variables: object = None) -> Decimal:
    return _parse_decimal(
        node.value if isinstance(node, StringValueNode | IntValueNode | FloatValueNode) else None
    )


def _parse_big_int(value: object) -> int:
    """Accepts 1.0 as 1, as GraphQL's Int does."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and -_MOST <= value <= _MOST:
        return value
    raise GraphQLError(_NO_BIG_INT)


def _big_int_literal(node: ValueNode, _variables: object = None) -> int:
    return _parse_big_int(
        int(node.value) if isinstance(node, IntValueNode) and _INTEGER.fullmatch(node.value) else None
    )


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="Point in time as an RFC 3339 string with seconds and an offset from UTC, such as"
        f" `2026-01-31T12:00:00Z`. Results are in UTC with microseconds. Inputs are {RANGE}.",
        serialize=_format_time,
        parse_value=_parse_time,
        parse_literal=_time_literal,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='Exact decimal number as a string, such as `"12.50"`. Inputs have at most 20 digits'
        " before and 20 after the decimal point, and no exponent; a JSON number is accepted too.",
        serialize=str,
        parse_value=_parse_decimal,
        parse_literal=_decimal_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="Integer from -2^53 to 2^53, as a JSON number. `Int` has 32 bits only.",
        serialize=int,
        parse_value=_parse_big_int,
        parse_literal=_big_int_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, list, string, number, boolean or null.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}


def plain(value: object) -> Any:
    """Returns an input object as JSON with GraphQL names, without omitted fields."""
    if is_dataclass(value):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return {to_camel_case(name): plain(item) for name, item in given.items() if item not in (None, UNSET)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return _format_time(value)
    return str(value) if isinstance(value, Decimal | str) else value
