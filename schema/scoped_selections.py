"""Fields that an API key without the scope READ may select: those that its changes are about, and the
objects that they create."""

from collections.abc import Iterator, Mapping
from typing import cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from engine.operation_cache import PreparedOperation
from permissions.allow import Allow, Has
from permissions.errors import OutOfScope
from permissions.roles import Permission
from schema.fields import RULE

_ALL = None
_SHOWN: Mapping[str, frozenset[str] | None] = {
    "Query": frozenset({"account", "node", "nodes"}),
    "Account": frozenset({"id", "name", "slug", "limits", "viewerPermissions"}),
    "AccountLimits": frozenset({"activeLicenses", "maxActiveLicenses", "maxMonthlySpend"}),
    "SecurityPolicy": _ALL,
    "Member": frozenset({"id", "name"}),
    "License": frozenset({"key"}),
    "ApiKey": frozenset({"id", "name", "prefix"}),
    "Node": frozenset({"id"}),
    "Download": _ALL,
}
"""Fields by type that are allowed besides those whose rule the key's permissions meet. The objects themselves
are only reached by fields that are allowed. A license's key is shown to the key that provisioned it."""

Composite = GraphQLObjectType | GraphQLInterfaceType


def refuse_reading(prepared: PreparedOperation, schema: GraphQLSchema, seen: frozenset[Permission]) -> None:
    """Raises `OutOfScope`, before the execution, if an operation selects more than what the permissions
    `seen` show and what its changes create. Changes that they do not allow are not checked here: they are
    refused when they run, which is audited."""
    selections = _Selections(schema, prepared, seen)
    top = prepared.operation.node.selection_set
    if schema.mutation_type is not None and prepared.operation.node.operation.value == "mutation":
        for kind, node in selections.of(schema.mutation_type, top):
            field = kind.fields.get(node.name.value)
            if field is not None and isinstance(who := _rule_of(field), Has) and who.is_open_with(seen):
                payload = cast("GraphQLObjectType", get_named_type(field.type))
                selections.check(payload, cast("SelectionSetNode", node.selection_set))
    else:
        selections.check(cast("GraphQLObjectType", schema.query_type), top)


class _Selections:
    """Selections of one operation. Each fragment is visited once for each type, so the time is linear in the
    document's size."""

    def __init__(
        self, schema: GraphQLSchema, prepared: PreparedOperation, seen: frozenset[Permission]
    ) -> None:
        self._schema, self._seen = schema, seen
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

    def check(self, kind: Composite, selection: SelectionSetNode) -> None:
        for owner, node in self.of(kind, selection):
            name = node.name.value
            if name.startswith("__"):
                continue
            if not self._is_shown(owner, name):
                raise OutOfScope(
                    "This API key lacks the scope READ: it can read only what its changes are about and what"
                    f" they create, and not {owner.name}.{name}."
                )
            if node.selection_set is not None:
                inner = cast("Composite", get_named_type(owner.fields[name].type))
                self.check(inner, node.selection_set)

    def _is_shown(self, kind: Composite, name: str) -> bool:
        errors = cast("GraphQLInterfaceType", self._schema.type_map["UserError"])
        shown = _SHOWN.get(kind.name, frozenset())
        if shown is _ALL or name in shown or kind is errors or errors in kind.interfaces:
            return True
        who = _rule_of(kind.fields[name]) or _rule_of_type(kind)
        return who is not None and who.is_open_with(self._seen)

    def _type(self, name: str) -> Composite:
        return cast("Composite", self._schema.type_map[name])


def _rule_of(field: GraphQLField) -> Allow | None:
    """The field's own rule, if it has one."""
    who: Allow | None = field.extensions["strawberry-definition"].metadata.get(RULE)
    return who


def _rule_of_type(kind: Composite) -> Allow | None:
    """Rule of the fields without one, if the type declares it."""
    who: Allow | None = getattr(kind.extensions["strawberry-definition"].origin, "rule", None)
    return who
