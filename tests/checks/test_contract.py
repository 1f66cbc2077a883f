"""What clients rely on is there, with the same types; what is still to come is known by name, exactly."""

from collections.abc import Iterator, Mapping
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

from tests.contracts import BESIDE, CONTRACT, COPY
from tests.schema_walk import PRINTED

PROMISED = build_schema((CONTRACT / "schema.graphql").read_text())

# The integrity of the log. An entry that is there by now fails the test.
FIELDS_TO_COME = {
    "Account": {"auditIntegrity"},
}
TYPES_TO_COME = {
    "AuditIntegrity",
}
TO_COME = {
    *(f"{kind}.{field}" for kind, fields in FIELDS_TO_COME.items() for field in fields),
    *TYPES_TO_COME,
}
BREAKS = {
    *(f"Field {kind}.{field} was removed." for kind, fields in FIELDS_TO_COME.items() for field in fields),
    *(f"{name} was removed." for name in TYPES_TO_COME),
}


@pytest.mark.skipif(not BESIDE.is_dir(), reason="the original is not on this machine")
def test_the_copy_is_the_original() -> None:
    originals = {path.name: path.read_bytes() for path in BESIDE.iterdir()}

    assert {path.name: path.read_bytes() for path in COPY.iterdir()} == originals


def test_nothing_breaks_a_client_of_the_contract() -> None:
    assert {change.description for change in find_breaking_changes(PROMISED, PRINTED)} == BREAKS


def test_everything_promised_is_there_with_the_same_type() -> None:
    printed, promised = dict(_coordinates(PRINTED)), dict(_coordinates(PROMISED))
    different = {name for name, kind in promised.items() if printed.get(name) != kind}

    assert {name for name in different if not _belongs_to(name, TO_COME)} == set()
    assert TO_COME - different == set()


def _belongs_to(name: str, to_come: set[str]) -> bool:
    """The fields and arguments of what is to come are to come too."""
    return any(
        name == entry or name.startswith((f"{entry}.", f"{entry}(", f"{entry} =")) for entry in to_come
    )


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
                yield from _typed(f"{name}.{field_name}(%s)", field.args)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from _typed(f"{name}.%s", kind.fields)
        elif isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", "value") for value in kind.values)
        elif isinstance(kind, GraphQLUnionType):
            yield from ((f"{name} = {member.name}", "member") for member in kind.types)


def _typed(pattern: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((pattern % name, str(given.type)) for name, given in inputs.items())
