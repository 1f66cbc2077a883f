"""Everything in the schema has a description and a rule."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from models.billing import InvoiceLine
from models.members import Member
from schema.connections import Connection
from schema.fields import connection, guarded, object_type, require_node_rules, subscribed
from schema.mutation_field import mutation_field
from tests.support.contracts import MATRIX
from tests.support.problems import require_none
from tests.support.schema_walk import PRINTED, guarded_fields, object_types, who_may

ROOTS = ("Query", "Mutation", "Subscription")
SENTENCE = re.compile(r"[A-Z0-9`].*\.", re.DOTALL)
RIDDLES = {
    *("What", "Who", "Whom", "Whose", "When", "Where", "Which", "How", "Those", "It", "They", "Its"),
    *("Of", "As", "To", "For", "By", "From", "In", "At", "Never"),
}
"""First words of a description that continues the field's name instead of being a sentence."""
WORDS = {"anyone", "signed", "in", "or", "for", "one's", "own", *MATRIX}


def test_everything_has_a_description() -> None:
    described = dict(_descriptions())

    assert len(described) > 500
    require_none(
        f"{name} has no description: add `description=` where it is declared."
        for name, text in described.items()
        if not (text or "").strip()
    )


def test_every_description_is_a_sentence_of_four_words_or_more() -> None:
    require_none(
        f"{name}: {text!r} is not a sentence of four words or more, with a capital letter and a full stop."
        for name, text in _descriptions()
        if text and text.strip() and not _is_sentence(text)
    )


def test_no_description_begins_with_part_of_a_sentence() -> None:
    require_none(
        f"{name}: {text!r} begins with part of a sentence. Begin with what it is, such as Name or Time."
        for name, text in _described()
        if text.split(maxsplit=1)[0] in RIDDLES
    )


def test_every_nullable_field_says_when_it_is_null() -> None:
    nullable = {
        f"{kind.name}.{name}": field.description or ""
        for kind in object_types()
        for name, field in kind.fields.items()
        if not isinstance(field.type, GraphQLNonNull)
    }

    assert len(nullable) > 100
    require_none(
        f'{name} is nullable, and its description does not say when it is null: add "Null when …."'
        for name, text in nullable.items()
        if _is_sentence(text) and not re.search(r"\bnull\b", text, re.I)
    )


def test_every_optional_input_says_what_happens_without_it() -> None:
    optional = dict(_optional_inputs())

    assert len(optional) > 100
    require_none(
        f'{name} is optional, and its description does not say what happens without it: add "If omitted, …."'
        for name, text in optional.items()
        if _is_sentence(text) and "if omitted" not in text.lower()
    )


def test_every_guarded_field_says_which_permission_it_requires() -> None:
    described, guarded_by = dict(_described()), guarded_fields()

    assert len(guarded_by) > 30
    require_none(
        f"{name} requires {permission}, and its description does not say so: declare it by `guarded()`,"
        " `connection()` or `mutation_field()`, which add it."
        for name, permission in guarded_by
        if name in described and f"`{permission}`" not in described[name]
    )


def test_every_root_field_says_who_may() -> None:
    require_none(
        f"{root}.{name} does not say who may call it: declare it by a function that takes `allow=`."
        for root in ROOTS
        for name, field in _object(root).fields.items()
        if who_may(field.ast_node) is None
    )


def test_every_other_type_says_who_may_see_its_fields() -> None:
    require_none(
        f"{kind.name} does not say who may see its fields: declare it by `object_type(allow=…)`."
        for kind in object_types()
        if kind.name not in ROOTS and not who_may(kind.ast_node)
    )


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


def test_a_table_with_ids_needs_a_type() -> None:
    require_node_rules([Member])

    with pytest.raises(TypeError, match="has to show each of these tables: InvoiceLine"):
        require_node_rules([Member, InvoiceLine])


def _read(*_: Any) -> Any:
    return Connection


def _descriptions() -> Iterator[tuple[str, str | None]]:
    for kind in PRINTED.type_map.values():
        if not kind.name.startswith("__") and not is_specified_scalar_type(kind):
            yield kind.name, kind.description
            yield from _within(kind)
    for directive in PRINTED.directives:
        yield f"@{directive.name}", directive.description


def _described() -> Iterator[tuple[str, str]]:
    """Descriptions that are sentences. Two tests find those that are missing, or none."""
    return ((name, text) for name, text in _descriptions() if text and _is_sentence(text))


def _is_sentence(text: str) -> bool:
    return len(text.split()) >= 4 and SENTENCE.fullmatch(text) is not None


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


def _optional_inputs() -> Iterator[tuple[str, str]]:
    for kind in PRINTED.type_map.values():
        inputs: dict[str, Any] = {}
        if isinstance(kind, GraphQLInputObjectType):
            inputs = dict(kind.fields)
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            inputs = {
                f"{name}({each})": arg for name, f in kind.fields.items() for each, arg in f.args.items()
            }
        for name, each in inputs.items():
            if not isinstance(each.type, GraphQLNonNull):
                yield f"{kind.name}.{name}", each.description or ""


def _object(name: str) -> GraphQLObjectType:
    kind = PRINTED.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind
