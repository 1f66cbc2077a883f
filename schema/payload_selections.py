"""Fields of a payload that an API key without the scope READ may select: the objects that its change
created."""

from collections.abc import Iterator, Mapping
from typing import cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from strawberry.types.field import StrawberryField

from engine.operation_cache import PreparedOperation
from permissions.allow import AllowDirective
from permissions.errors import OutOfScope
from permissions.roles import CHANGES_WITHIN

_ALL = None
_SHOWN: Mapping[str, frozenset[str] | None] = {
    "License": _ALL,
    "Download": _ALL,
    "Theme": _ALL,
    "ThemeRelease": _ALL,
    "ThemeFile": _ALL,
    "Money": _ALL,
    "Account": frozenset({"id", "name", "slug"}),
    "Member": frozenset({"id", "name"}),
    "Node": frozenset({"id"}),
}
"""Allowed fields by type. Fields that are not listed are refused, also those that are added later."""

Composite = GraphQLObjectType | GraphQLInterfaceType


def refuse_reading(prepared: PreparedOperation, schema: GraphQLSchema) -> None:
    """Raises `OutOfScope`, before the execution, if a mutation selects more than the created objects. Changes
    that no scope allows are not checked here: they are refused when they run, which is audited."""
    mutations = cast("GraphQLObjectType", schema.mutation_type)
    selections = _Selections(schema, prepared)
    opened = {permission.value for permissions in CHANGES_WITHIN.values() for permission in permissions}
    for kind, node in selections.of(mutations, prepared.operation.node.selection_set):
        field = kind.fields.get(node.name.value)
        if field is None or _who_may(field.extensions["strawberry-definition"]) not in opened:
            continue
        payload = cast("GraphQLObjectType", get_named_type(field.type))
        selections.check(payload, cast("SelectionSetNode", node.selection_set), payload)


class _Selections:
    """Selections of one operation. Each fragment is visited once for each type, so the time is linear in the
    document's size."""

    def __init__(self, schema: GraphQLSchema, prepared: PreparedOperation) -> None:
        self._schema = schema
        definitions = prepared.document.ast.definitions
        self._fragments = {
            each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._checked: set[str] = set()

    def of(self, kind: Composite, selection: SelectionSetNode) -> Iterator[tuple[Composite, FieldNode]]:
        """The selected fields, each with its parent type."""
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield kind, node
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                if fragment.name.value not in self._checked:
                    self._checked.add(fragment.name.value)
                    yield from self.of(self._type(fragment.type_condition.name.value), fragment.selection_set)
            else:
                inline = cast("InlineFragmentNode", node)
                condition = inline.type_condition
                inner = self._type(condition.name.value) if condition else kind
                yield from self.of(inner, inline.selection_set)

    def check(self, kind: Composite, selection: SelectionSetNode, payload: Composite) -> None:
        for owner, node in self.of(kind, selection):
            name = node.name.value
            if not (owner is payload or name == "__typename" or self._is_shown(owner, name)):
                raise OutOfScope(
                    "This API key lacks the scope READ: of a payload it can read only what it has created,"
                    f" and not {owner.name}.{name}."
                )
            if node.selection_set is not None:
                inner = cast("Composite", get_named_type(owner.fields[name].type))
                self.check(inner, node.selection_set, payload)

    def _is_shown(self, kind: Composite, name: str) -> bool:
        errors = cast("GraphQLInterfaceType", self._schema.type_map["UserError"])
        if kind is errors or errors in kind.interfaces:
            return True
        shown = _SHOWN.get(kind.name, frozenset())
        return shown is _ALL or name in shown

    def _type(self, name: str) -> Composite:
        return cast("Composite", self._schema.type_map[name])


def _who_may(field: StrawberryField) -> str | None:
    return next((each.who for each in field.directives if isinstance(each, AllowDirective)), None)
