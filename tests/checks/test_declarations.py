"""Everything in the schema says what it means and who may, or the project does not start."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from schema.connections import Connection
from schema.fields import connection, guarded, object_type, subscribed
from schema.mutation_field import mutation_field
from tests.support.contracts import MATRIX
from tests.support.schema_walk import PRINTED, object_types, who_may

ROOTS = ("Query", "Mutation", "Subscription")
WORDS = {"anyone", "signed", "in", "or", "for", "one's", "own", *MATRIX}


def test_everything_has_a_description() -> None:
    described = dict(_descriptions())

    assert len(described) > 500
    assert [name for name, description in described.items() if not (description or "").strip()] == []


def test_every_root_field_says_who_may() -> None:
    silent = [
        f"{root}.{name}"
        for root in ROOTS
        for name, field in _object(root).fields.items()
        if who_may(field.ast_node) is None
    ]

    assert silent == []


def test_every_other_type_says_who_may_see_its_fields() -> None:
    silent = [kind.name for kind in object_types() if kind.name not in ROOTS and not who_may(kind.ast_node)]

    assert silent == []


def test_who_may_is_said_in_permissions_of_the_matrix() -> None:
    said = {who_may(kind.ast_node) for kind in object_types()}
    said |= {who_may(field.ast_node) for kind in object_types() for field in kind.fields.values()}

    assert [who for who in said if who and not set(who.split()) <= WORDS] == []
    assert len(said) > 10


@pytest.mark.parametrize(
    "declare",
    [
        lambda: object_type(description="A thing."),  # type: ignore[call-arg]
        lambda: guarded(description="A thing."),  # type: ignore[call-arg]
        lambda: connection(_read, description="Things."),  # type: ignore[call-arg]
        lambda: mutation_field(_read, description="Does it."),  # type: ignore[call-arg]
        lambda: subscribed(_read, description="Things."),  # type: ignore[call-arg]
    ],
    ids=["object_type", "guarded", "connection", "mutation_field", "subscribed"],
)
def test_who_may_cannot_be_left_out(declare: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="allow"):
        declare()


def _read(*_: Any) -> Any:
    return Connection


def _descriptions() -> Iterator[tuple[str, str | None]]:
    for kind in PRINTED.type_map.values():
        if not kind.name.startswith("__") and not is_specified_scalar_type(kind):
            yield kind.name, kind.description
            yield from _within(kind)
    for directive in PRINTED.directives:
        yield f"@{directive.name}", directive.description


def _within(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field.description
            for argument_name, argument in field.args.items():
                yield f"{kind.name}.{name}({argument_name})", argument.description
    elif isinstance(kind, GraphQLInputObjectType):
        for name, input_field in kind.fields.items():
            yield f"{kind.name}.{name}", input_field.description
    elif isinstance(kind, GraphQLEnumType):
        for name, value in kind.values.items():
            yield f"{kind.name}.{name}", value.description


def _object(name: str) -> GraphQLObjectType:
    kind = PRINTED.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind
