"""Reads the printed schema: fields and types that require a permission."""

from collections.abc import Iterable
from typing import cast

from graphql import (
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    build_schema,
    get_directive_values,
    get_named_type,
    parse,
)
from graphql.language import FieldDefinitionNode, ObjectTypeDefinitionNode

import schema
from tests.support.contracts import MATRIX

PRINTED: GraphQLSchema = build_schema(schema.printed())


def object_types() -> list[GraphQLObjectType]:
    return [
        kind
        for name, kind in PRINTED.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    ]


def who_may(node: FieldDefinitionNode | ObjectTypeDefinitionNode | None) -> str | None:
    """Argument `who` of its `@allow`."""
    directive = PRINTED.get_directive("allow")
    given = get_directive_values(directive, node) if directive and node else None
    return given["who"] if given else None


def guarded_fields() -> set[tuple[str, str]]:
    """`Type.field` and permission of each field that requires one."""
    return {
        (f"{kind.name}.{name}", permission)
        for kind in object_types()
        for name, field in kind.fields.items()
        for permission in _permissions(who_may(field.ast_node))
    }


def guarded_nodes() -> set[tuple[str, str]]:
    """Type and permission of each `Node` type that requires one."""
    return {
        (kind.name, permission)
        for kind in object_types()
        if any(interface.name == "Node" for interface in kind.interfaces)
        for permission in _permissions(who_may(kind.ast_node))
    }


def field_at(operation: str, at: str) -> str:
    """`Type.field` of the value at this path of the answer."""
    definition = cast("OperationDefinitionNode", parse(operation).definitions[0])
    kind = cast("GraphQLObjectType", PRINTED.query_type)
    selections: Iterable[SelectionNode] = definition.selection_set.selections
    coordinate = ""
    for key in (key for key in at.split(".") if not key.isdigit()):
        kind, field = _select(kind, selections, key)
        coordinate = f"{kind.name}.{key}"
        kind = cast("GraphQLObjectType", get_named_type(kind.fields[key].type))
        selections = field.selection_set.selections if field.selection_set else ()
    return coordinate


def _select(
    kind: GraphQLObjectType | GraphQLInterfaceType, selections: Iterable[SelectionNode], key: str
) -> tuple[GraphQLObjectType, FieldNode]:
    for selection in selections:
        if isinstance(selection, FieldNode) and selection.name.value == key:
            return cast("GraphQLObjectType", kind), selection
        if isinstance(selection, InlineFragmentNode) and selection.type_condition:
            within = cast("GraphQLObjectType", PRINTED.type_map[selection.type_condition.name.value])
            try:
                return _select(within, selection.selection_set.selections, key)
            except KeyError:
                continue
    raise KeyError(key)


def _permissions(who: str | None) -> list[str]:
    return [word for word in (who or "").split() if word in MATRIX]
