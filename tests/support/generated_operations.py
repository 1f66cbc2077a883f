"""Hypothesis strategies for GraphQL operations on any schema.

The operations are valid and small: at most `depth` fields deep, with about `parts` fields and fragments, so
within the usual limits. A response name has the same field and arguments throughout an operation, so that
repeated selections can be merged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_union_type,
)
from hypothesis import strategies as st

from tests.support.generated_values import Chooser, Keys, Values, keys_of, literal, written

_INTROSPECTIONS = (
    "__schema { queryType { name } }",
    '__type(name: "Query") { name kind fields { name type { kind name } } }',
)
_CONDITION = GraphQLNonNull(GraphQLBoolean)


@dataclass(frozen=True)
class Generated:
    text: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@st.composite
def operations(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    schema: GraphQLSchema,
    values: Values,
    *,
    mistakes: bool = False,
    root: OperationType = OperationType.QUERY,
    depth: int = 6,
    parts: int = 25,
) -> Generated:
    """With `mistakes`, operations also have variables that cannot be coerced, wrong values, and pages from
    both ends."""
    choose = Chooser(draw, values, mistakes)
    names = ["A", "B"] if choose.chance(12) else ["A"]
    writers = [_Writer(schema, choose, name, parts) for name in names]
    texts = [writer.operation(root, depth) for writer in writers]
    asked = choose.number(0, len(names) - 1)
    if len(names) == 1 and choose.chance(70):
        texts[0] = texts[0].replace(f"{root.value} A", root.value, 1)
        return Generated(texts[0], _variables(choose, writers[0]), choose.one_of([None, ""]))
    named = None if len(names) == 1 and choose.chance(50) else names[asked]
    return Generated(" ".join(texts), _variables(choose, writers[asked]), named)


def _variables(choose: Chooser, writer: "_Writer") -> dict[str, Any] | None:
    if not writer.given:
        return choose.one_of([None, {}])
    return {**writer.given, "unasked": 1} if choose.chance(10) else writer.given


class _Place(NamedTuple):
    """Position of a selection: how many levels of fields may follow, and how many lists enclose it."""

    depth: int
    lists: int

    def below(self, definition: GraphQLField) -> "_Place":
        listed = is_list_type(get_nullable_type(definition.type)) or "first" in definition.args
        return _Place(self.depth - 1, self.lists + listed)


class _Fragment(NamedTuple):
    name: str
    condition: GraphQLNamedType
    place: _Place


class _Variable(NamedTuple):
    name: str
    declaration: str
    keys: Keys


@dataclass
class _Writer:
    """Writes one operation with its fragments and variables."""

    schema: GraphQLSchema
    choose: Chooser
    name: str
    parts: int
    given: dict[str, Any] = field(default_factory=dict)
    declared: list[_Variable] = field(default_factory=list)
    fragments: list[_Fragment] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    # Field, arguments and type of each response name.
    names: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    # Previous selections by type, each with the depth that remains below it.
    selected: dict[str, list[tuple[str, str, GraphQLField, _Place]]] = field(default_factory=dict)

    @property
    def often(self) -> Sequence[str]:
        return self.choose.values.often

    def operation(self, root: OperationType, depth: int) -> str:
        kind = self.schema.get_root_type(root)
        assert kind is not None
        selection = self.selection(kind, _Place(depth, 0))
        variables = f" ({', '.join(each.declaration for each in self.declared)})" if self.declared else ""
        return " ".join([f"{root.value} {self.name}{variables} {selection}", *self.printed])

    # Selections

    def selection(self, kind: GraphQLNamedType, place: _Place) -> str:
        parts = [self.part(kind, place)]
        more = self.choose.number(0, 3)
        while more > 0 and self.parts > 0:
            parts.append(self.part(kind, place))
            more -= 1
        return f"{{ {' '.join(parts)} }}"

    def part(self, kind: GraphQLNamedType, place: _Place) -> str:
        """A field, `__typename`, or a fragment."""
        self.parts -= 1
        chosen = self.choose.number(0, 99 if self.parts > 0 else 75)
        if chosen >= 88:
            return self.inline_fragment(kind, place)
        if chosen >= 76:
            return self.spread(kind, place)
        if chosen >= 68 or is_union_type(kind):
            return self.typename(kind, place)
        if chosen >= 55 and self.selected.get(kind.name):
            return self.again(kind, place)
        return self.new_field(kind, place)

    def typename(self, kind: GraphQLNamedType, place: _Place) -> str:
        if is_union_type(kind) and place.depth and self.choose.chance(60):
            return self.inline_fragment(kind, place)
        if kind is self.schema.query_type and self.choose.chance(8):
            return self.choose.one_of(_INTROSPECTIONS)
        alias = self.response_name("__typename", "", "String!")
        return f"{alias}{self.directives()}"

    def new_field(self, kind: Any, place: _Place) -> str:
        shallow = place.depth <= 1 or self.parts <= 0
        leaves = shallow or self.choose.chance(35)
        fields = {
            name: each
            for name, each in kind.fields.items()
            if is_leaf_type(get_named_type(each.type)) is leaves
        }
        if shallow and not fields:
            return self.typename(kind, place)
        often = {name: each for name, each in fields.items() if f"{kind.name}.{name}" in self.often}
        chosen = often if often and self.choose.chance(60) else fields or kind.fields
        name, definition = self.choose.one_of(list(chosen.items()))
        arguments = self.arguments(kind.name, name, definition, place)
        head = self.response_name(name, arguments, str(definition.type))
        below = place.below(definition)
        self.selected.setdefault(kind.name, []).append((head, arguments, definition, below))
        return self.written(head, arguments, definition, below)

    def again(self, kind: GraphQLNamedType, place: _Place) -> str:
        """The same field again, with another selection."""
        head, arguments, definition, below = self.choose.one_of(self.selected[kind.name])
        below = _Place(min(place.depth - 1, below.depth), max(place.lists, below.lists))
        if below.depth < 1 and is_composite_type(get_named_type(definition.type)):
            return self.new_field(kind, place)
        return self.written(head, arguments, definition, below)

    def written(self, head: str, arguments: str, definition: GraphQLField, below: _Place) -> str:
        directives = self.directives()
        kind = get_named_type(definition.type)
        selection = f" {self.selection(kind, below)}" if is_composite_type(kind) else ""
        return f"{head}{arguments}{directives}{selection}"

    def response_name(self, name: str, arguments: str, kind: str) -> str:
        """The field's name, with an alias if the name already has another meaning."""
        meaning = (name, arguments, kind)
        if not self.choose.chance(10) and self.names.setdefault(name, meaning) == meaning:
            return name
        alias = f"{self.choose.one_of('zyx')}{len(self.names)}"
        self.names[alias] = meaning
        return f"{alias}: {name}"

    # Fragments

    def inline_fragment(self, kind: GraphQLNamedType, place: _Place) -> str:
        if self.choose.chance(20):
            return f"...{self.directives()} {self.selection(kind, place)}"
        condition = self.condition(kind)
        return f"... on {condition.name}{self.directives()} {self.selection(condition, place)}"

    def spread(self, kind: GraphQLNamedType, place: _Place) -> str:
        """Spread of an existing fragment that may be used here, or of a new one."""
        known = [each for each in self.fragments if self.fits(each, kind, place)]
        if known and self.choose.chance(60):
            return f"...{self.choose.one_of(known).name}{self.directives()}"
        directives = self.directives()
        condition = self.condition(kind)
        selection = self.selection(condition, place)
        fragment = _Fragment(f"F{self.name}{len(self.fragments)}", condition, place)
        self.fragments.append(fragment)
        self.printed.append(f"fragment {fragment.name} on {condition.name} {selection}")
        return f"...{fragment.name}{directives}"

    def fits(self, fragment: _Fragment, kind: GraphQLNamedType, place: _Place) -> bool:
        overlaps = fragment.condition in self.conditions(kind)
        return overlaps and fragment.place.depth <= place.depth and fragment.place.lists >= place.lists

    def condition(self, kind: GraphQLNamedType) -> GraphQLNamedType:
        return self.choose.one_of(self.conditions(kind))

    def conditions(self, kind: GraphQLNamedType) -> Sequence[GraphQLNamedType]:
        return _conditions(self.schema, kind)

    def directives(self) -> str:
        written = [
            f" @{name}(if: {self.value(_CONDITION, ('if',))})"
            for name in ("skip", "include")
            if self.choose.chance(6)
        ]
        return "".join(reversed(written) if self.choose.chance(50) else written)

    # Arguments

    def arguments(self, owner: str, name: str, definition: GraphQLField, place: _Place) -> str:
        given = {
            each: self.argument(f"{owner}.{name}({each}:)", each, argument, place)
            for each, argument in definition.args.items()
            if self.is_given(each, argument)
        }
        self.page(definition, given, place)
        return f"({written(given)[1:-1]})" if given else ""

    def is_given(self, name: str, argument: GraphQLArgument) -> bool:
        if name in ("first", "last"):
            return False
        return is_required_argument(argument) or self.choose.chance(30)

    def page(self, definition: GraphQLField, given: dict[str, str], place: _Place) -> None:
        """Size of a page. Nested pages are small, because of the cost limit."""
        if "first" not in definition.args or (not place.lists and self.choose.chance(40)):
            return
        for name in (
            ("first", "last") if self.choose.mistake(10) else (self.choose.one_of(["first", "last"]),)
        ):
            if place.lists and not self.choose.mistake(10):
                given[name] = str(self.choose.number(0, 3))
            else:
                given[name] = self.argument(name, name, definition.args[name], place)

    def argument(self, coordinate: str, name: str, argument: GraphQLArgument, place: _Place) -> str:
        return self.value(argument.type, (coordinate, name), default=argument.default is not None)

    def value(self, kind: GraphQLInputType, keys: Keys, *, default: bool = False) -> str:
        """A variable, a literal, or a literal with variables in it."""
        if self.choose.chance(35):
            return self.variable(kind, keys, default=default)
        inner: Any = get_nullable_type(kind)
        if is_list_type(inner) and self.choose.chance(60):
            items = [self.value(inner.of_type, keys) for _ in range(self.choose.number(0, 3))]
            return f"[{', '.join(items)}]"
        if is_input_object_type(inner) and not inner.is_one_of and self.choose.chance(80):
            return written(
                {
                    name: self.value(inner.fields[name].type, keys_of(inner.name, name))
                    for name in self.choose.chosen_fields(inner)
                }
            )
        return literal(kind, self.choose.json(kind, keys))

    # Variables

    def variable(self, kind: GraphQLInputType, keys: Keys, *, default: bool) -> str:
        known = [each for each in self.declared if each.keys == (*keys, str(kind))]
        if known and self.choose.chance(50):
            return f"${self.choose.one_of(known).name}"
        name = f"{self.name.lower()}{len(self.declared)}"
        shown = str(kind)
        if is_non_null_type(kind):
            defaulted = self.choose.chance(25)
            declared = shown[:-1] if defaulted and self.choose.chance(50) else shown
        else:
            defaulted = self.choose.chance(30)
            declared = f"{shown}!" if self.choose.chance(20) else shown
        inner: Any = get_nullable_type(kind)
        value = literal(kind, self.choose.json(inner, keys, null=0)) if defaulted else ""
        self.declared.append(
            _Variable(name, f"${name}: {declared}{f' = {value}' if value else ''}", (*keys, shown))
        )
        self.give(name, kind, keys, optional=defaulted, nullable=not declared.endswith("!"))
        return f"${name}"

    def give(self, name: str, kind: Any, keys: Keys, *, optional: bool, nullable: bool) -> None:
        """Sets a value for the variable, or omits it if that is allowed."""
        if self.choose.mistake(8):
            self.given[name] = self.choose.uncoerced(kind)
        elif (optional or nullable) and self.choose.chance(40 if optional else 20):
            return
        elif nullable and (not is_non_null_type(kind) or self.choose.mistake(30)) and self.choose.chance(15):
            self.given[name] = None
        else:
            self.given[name] = self.choose.json(get_nullable_type(kind), keys, null=0)


@cache
def _conditions(schema: GraphQLSchema, kind: GraphQLNamedType) -> Sequence[GraphQLNamedType]:
    """Other types that an object of this type may have."""

    def possible(kind: Any) -> set[str]:
        return (
            {each.name for each in schema.get_possible_types(kind)} if is_abstract_type(kind) else {kind.name}
        )

    return [
        other
        for name, other in schema.type_map.items()
        if is_composite_type(other) and not name.startswith("__") and possible(kind) & possible(other)
    ]
