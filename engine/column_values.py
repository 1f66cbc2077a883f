"""Columns whose values the JSON writer, or a cast in SQL, serializes exactly as the field's scalar would."""

import orjson
from graphql import is_enum_type
from sqlalchemy import Boolean, DateTime, Enum, Integer, String
from sqlalchemy.dialects.postgresql import JSON
from sqlmodel import AutoString

from engine.compiler import Compiler


def pattern_of(kind: object, sa_type: object, compiler: Compiler) -> str | None:
    """Returns the code pattern that serializes a value of the column, or None where the scalar's serializer
    must be called."""
    name = getattr(kind, "name", "")
    if isinstance(sa_type, AutoString):
        sa_type = String()
    if is_enum_type(kind) and isinstance(sa_type, Enum):
        return "{}" if all(name == value.value for name, value in kind.values.items()) else None
    if name == "JSON" and isinstance(sa_type, JSON):
        return f"{compiler.constant(orjson.Fragment)}({{}})"
    plain = {"String": String, "Int": Integer, "BigInt": Integer, "Boolean": Boolean, "DateTime": DateTime}
    written = name in plain and isinstance(sa_type, plain[name]) and not isinstance(sa_type, Enum)
    return "{}" if written else None
