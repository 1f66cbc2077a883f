"""The printed schema has what the contract promises, with the same types; what is missing is listed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    find_breaking_changes,
)

from tests.support.contracts import BESIDE, CONTRACT, COPY
from tests.support.schema_walk import PRINTED

PROMISED = build_schema((CONTRACT / "schema.graphql").read_text())
MISSING = frozenset(Path(__file__).parents[1].joinpath("contract_missing.txt").read_text().splitlines())
"""Schema coordinates of the contract that the schema does not have yet, a line each."""


@pytest.mark.skipif(not BESIDE.is_dir(), reason="the original is not on this machine")
def test_the_copy_is_the_original() -> None:
    originals = {path.name: path.read_bytes() for path in BESIDE.iterdir()}

    assert {path.name: path.read_bytes() for path in COPY.iterdir()} == originals


def test_exactly_the_listed_coordinates_are_missing() -> None:
    """An entry that is no longer missing fails as well: remove it from the list."""
    printed, promised = dict(_coordinates(PRINTED)), dict(_coordinates(PROMISED))

    assert {name for name, kind in promised.items() if printed.get(name) != kind} == MISSING


def test_nothing_but_the_missing_breaks_a_client_of_the_contract() -> None:
    removals = {
        f"{prefix}{name} was removed."
        for name in MISSING
        for prefix in ("", "Field ", "Enum value ", "Argument ")
    }

    assert {change.description for change in find_breaking_changes(PROMISED, PRINTED)} - removals == set()


def _coordinates(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Each type, field, argument, input field, value and member, and what it is."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        yield name, type(kind).__name__
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{name} = {interface.name}", "interface") for interface in kind.interfaces)
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", str(field.type)
                yield from _typed(f"{name}.{field_name}(%s:)", field.args)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from _typed(f"{name}.%s", kind.fields)
        elif isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", "value") for value in kind.values)
        elif isinstance(kind, GraphQLUnionType):
            yield from ((f"{name} = {member.name}", "member") for member in kind.types)


def _typed(pattern: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((pattern % name, str(given.type)) for name, given in inputs.items())
