"""Compiles GraphQL operations to Python functions.

graphql-core walks the operation again for every object that it completes. The compiler walks it once and
writes a function that does the same for these fields in this order. The function covers successful execution
only: what the compiler does not support raises `NotCompiled` while compiling, and any exception while the
function runs makes graphql-core execute the operation from the start.

The compiler knows Strawberry, and no schema in particular. A field that reads several objects at once has a
`FieldPlan` in its metadata, which writes its part of the function.

Compiled functions take `o`, the parent object, and `c`, the `Request`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.permission import PermissionExtension
from strawberry.types.field import StrawberryField

from engine.arguments import Arguments, arguments
from engine.list_sizes import list_size_of
from engine.runtime import (
    EnumNames,
    FunctionsByType,
    Request,
    TypeInfo,
    counted,
    gather,
    is_coroutine,
    listed,
    present,
    record,
    stop,
)

PLANNED = "planned"
_DEFINITION = "strawberry-definition"

Selection = Sequence[FieldDetails]
FieldReaders = Mapping[str, "FieldReader"]
_ListType = GraphQLList[GraphQLOutputType]
Run = Callable[[object, Request], Any]


class NotCompiled(Exception):
    """The operation cannot be compiled. The message is the reason."""


class FieldReader(Protocol):
    """Writes the code that reads objects which a planned field has fetched. None of them is null."""

    def expression(self, compiler: "Compiler", kind: GraphQLObjectType, selection: Selection) -> "Code": ...


class FieldPlan(Protocol):
    """Field metadata: writes the code of the field's completed value."""

    def plan(self, compiler: "Compiler", selected: "SelectedField", readers: FieldReaders) -> "Code": ...


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression. With `awaits`, its value is awaited."""

    text: str
    awaits: bool = False

    @property
    def value(self) -> str:
        return f"(await {self.text})" if self.awaits else self.text


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A field in a selection, with its arguments and sub-selections."""

    name: str
    definition: GraphQLField
    selection: Selection

    @property
    def node(self) -> FieldNode:
        return self.selection[0].node

    @property
    def field(self) -> StrawberryField:
        return cast("StrawberryField", self.definition.extensions[_DEFINITION])

    @property
    def permissions(self) -> list[Any]:
        found = []
        for extension in self.field.extensions:
            if type(extension) is not PermissionExtension or extension.fail_silently:
                raise NotCompiled("a field extension")
            found += extension.permissions
        if any(iscoroutinefunction(each.has_permission) for each in found):
            raise NotCompiled("a permission that is awaited")
        return found


@dataclass
class Compiler:
    """Compiles one operation for one choice of its @skip and @include variables."""

    schema: Schema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    conditions: VariableValues
    """The variables of @skip and @include, which decide what is compiled at all."""
    most_fields: int
    fields: int = 0
    _lines: list[str] = field(default_factory=list)
    _names: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (
            self.schema.config.default_resolver is not getattr
            or self.schema.schema_converter.exception_handlers
        ):
            raise NotCompiled("a schema with resolvers or handlers of its own")

    def compile(self) -> Run:
        """Returns the function of the root fields. It takes the root value and the request."""
        name = self.root()
        source = "\n".join(self._lines)
        exec(compile(source, "<operation>", "exec"), self._names)  # noqa: S102 - of our own writing
        return cast("Run", self._names[name])

    def root(self) -> str:
        root = cast("GraphQLObjectType", self.core.get_root_type(self.operation.operation))
        collected = collect_fields(self.core, self.fragments, self.conditions, root, self.operation)
        selected = self._fields_of(root, collected.grouped_field_set)
        if self.operation.operation is OperationType.MUTATION:
            return self._one_after_the_other(root, selected).text
        return self._object(root, selected, {}).text

    @cached_property
    def core(self) -> GraphQLSchema:
        return self.schema._schema

    # ------------------------------------------------------------------ for planned fields too

    def constant(self, value: object) -> str:
        """Returns the name by which the compiled code refers to the value."""
        name = f"k{id(value)}"
        self._names[name] = value
        return name

    def function(self, body: Sequence[str], *, awaits: bool) -> Code:
        """Adds a function of `o` and `c` to the compiled code."""
        name = f"f{len(self._lines)}"
        lines = "\n    ".join(body)
        self._lines.append(f"{'async ' if awaits else ''}def {name}(o, c):\n    {lines}")
        return Code(name, awaits)

    def selected(self, kind: GraphQLObjectType, selection: Selection) -> list[SelectedField | str]:
        """Returns the fields of an object type in response order. A string stands for a `__typename`."""
        collected = collect_subfields(
            self.core, self.fragments, self.conditions, self.operation, kind, list(selection)
        )
        return self._fields_of(kind, collected.grouped_field_set)

    def object(self, kind: GraphQLObjectType, selection: Selection, readers: FieldReaders) -> Code:
        """Returns the function that completes objects of a type."""
        if kind.name in readers:
            written = readers[kind.name].expression(self, kind, selection)
            return self.function([f"return {written.value}"], awaits=written.awaits)
        collected = self.selected(kind, selection)
        return self._object(kind, collected, readers)

    def completed(
        self, kind: GraphQLOutputType, selection: Selection, value: str, readers: FieldReaders
    ) -> Code:
        """Returns the code that completes a resolved value, as graphql-core's `complete_value` does."""
        if is_non_null_type(kind):
            return self._completed(kind.of_type, selection, value, readers, f"{self.constant(stop)}()")
        return self._completed(kind, selection, value, readers, "None")

    def arguments(self, selected: SelectedField) -> Arguments:
        """Returns the code of the resolver's keyword arguments."""
        fixed = Request(None, self.core, self.conditions)
        return arguments(self.schema, selected.field, selected.definition, selected.node, fixed)

    # ------------------------------------------------------------------ objects

    def _fields_of(
        self, kind: GraphQLObjectType, grouped: Mapping[str, Selection]
    ) -> list[SelectedField | str]:
        self.fields += len(grouped)
        if self.fields > self.most_fields:
            raise NotCompiled("too many fields")
        selected: list[SelectedField | str] = []
        for name, selection in grouped.items():
            field_name = selection[0].node.name.value
            if field_name == "__typename":
                selected.append(name)
            elif field_name.startswith("__"):
                raise NotCompiled("introspection")
            else:
                selected.append(SelectedField(name, kind.fields[field_name], selection))
        return selected

    def _object(
        self, kind: GraphQLObjectType, selected: Sequence[SelectedField | str], readers: FieldReaders
    ) -> Code:
        items = [
            (each, Code(repr(kind.name)))
            if isinstance(each, str)
            else (each.name, self._field(each, readers))
            for each in selected
        ]
        check: list[str] = []
        if kind.is_type_of is not None:
            test = f"{self.constant(kind.is_type_of)}(o, c)"
            check = [f"if {test} is not True: {self.constant(stop)}()"]
        return self.dictionary(items, check)

    def _one_after_the_other(self, kind: GraphQLObjectType, selected: Sequence[SelectedField | str]) -> Code:
        """Code of a mutation's root fields, run in order. The outcome of each is recorded, so that the
        fallback does not run it again."""
        body, pairs = [], []
        for index, each in enumerate(selected):
            name = each if isinstance(each, str) else each.name
            code = Code(repr(kind.name)) if isinstance(each, str) else self.resolved(each, {}, recorded=True)
            body.append(f"a{index} = {code.value}")
            pairs.append(f"{name!r}: a{index}")
        return self.function([*body, f"return {{{', '.join(pairs)}}}"], awaits=True)

    def dictionary(self, items: Sequence[tuple[str, Code]], before: Sequence[str] = ()) -> Code:
        """Returns a function that makes the dictionary of an object's fields. Awaited fields run
        concurrently."""
        awaited = {name: f"a{index}" for index, (name, code) in enumerate(items) if code.awaits}
        body = list(before)
        calls = [code.text for _, code in items if code.awaits]
        if len(calls) == 1:
            body.append(f"{next(iter(awaited.values()))} = await {calls[0]}")
        elif calls:
            body.append(
                f"{', '.join(awaited.values())} = await {self.constant(gather)}([{', '.join(calls)}])"
            )
        pairs = [f"{name!r}: {awaited.get(name, code.text)}" for name, code in items]
        body.append(f"return {{{', '.join(pairs)}}}")
        return self.function(body, awaits=bool(calls))

    def _field(self, selected: SelectedField, readers: FieldReaders) -> Code:
        planned: FieldPlan | None = selected.field.metadata.get(PLANNED)
        if planned is not None:
            return planned.plan(self, selected, readers)
        return self.resolved(selected, readers)

    def resolved(self, selected: SelectedField, readers: FieldReaders, *, recorded: bool = False) -> Code:
        """Code of a field's resolved value: its resolver's, or the attribute of that name. With `recorded`,
        the outcome is kept for the fallback."""
        field = selected.field
        if field.is_basic_field and not recorded:
            value = self.counted(selected, f"o.{field.python_name}")
            completed = self.completed(selected.definition.type, selected.selection, value, readers)
            if not completed.awaits:
                return completed
            return Code(f"{self.function([f'return await {completed.text}'], awaits=True).text}(o, c)", True)
        awaits, call = self._call(field)
        if recorded and not awaits:
            raise NotCompiled("a mutation that is not asynchronous")
        if recorded:
            call = f"await {self.constant(record)}(c, {selected.name!r}, {call.removeprefix('await ')})"
        body = [f"k = {self.constant(self.arguments(selected))}(c)", *self.allowed(selected), f"v = {call}"]
        value = self.counted(selected, "v")
        completed = self.completed(selected.definition.type, selected.selection, value, readers)
        body.append(f"return {completed.value}")
        function = self.function(body, awaits=awaits or completed.awaits)
        return Code(f"{function.text}(o, c)", function.awaits)

    def allowed(self, selected: SelectedField) -> list[str]:
        """Statements that raise where a permission of the field refuses. `k` holds the field's arguments."""
        return [
            f"if {self.constant(each)}.has_permission(o, c, **k) is not True: {self.constant(stop)}()"
            for each in selected.permissions
        ]

    def counted(self, selected: SelectedField, value: str) -> str:
        """Code of the value, which counts the items that a list has beyond its price."""
        size = list_size_of(selected.definition)
        if size is None or not size.can_exceed_price:
            return value
        return f"{self.constant(counted)}(c, {value}, {self.constant(size)})"

    def _call(self, field: StrawberryField) -> tuple[bool, str]:
        resolver = field.base_resolver
        if resolver is None:
            return False, f"o.{field.python_name}"
        reserved = (
            (resolver.parent_parameter, "o"),
            (resolver.root_parameter, "o"),
            (resolver.info_parameter, "c"),
        )
        named = {parameter.name: value for parameter, value in reserved if parameter is not None}
        arguments = ["o"] if resolver.self_parameter else []
        arguments += [f"{name}={value}" for name, value in named.items()]
        awaits = iscoroutinefunction(resolver.wrapped_func)
        call = f"{self.constant(resolver.wrapped_func)}({', '.join([*arguments, '**k'])})"
        return awaits, f"await {call}" if awaits else call

    # ------------------------------------------------------------------ values

    def _completed(
        self, kind: Any, selection: Selection, value: str, readers: FieldReaders, null: str
    ) -> Code:
        if is_leaf_type(kind):
            return Code(f"({null} if (t := {value}) is None else {self._leaf(kind)})")
        if is_list_type(kind):
            return self._list(kind, selection, value, readers, null)
        function = (
            self._abstract(kind, selection, readers)
            if is_abstract_type(kind)
            else self.object(kind, selection, readers)
        )
        if not function.awaits:
            return Code(f"({null} if (t := {value}) is None else {function.text}(t, c))")
        nullable = self.function(
            [f"return {null} if o is None else await {function.text}(o, c)"], awaits=True
        )
        return Code(f"{nullable.text}({value}, c)", True)

    def _leaf(self, kind: GraphQLNamedType) -> str:
        """Code that serializes the value `t`, which is not None."""
        serialize = self.constant(cast("Any", kind).serialize)
        exactly = {"String": "str", "ID": "str", "Boolean": "bool", "Float": "float"}.get(kind.name)
        if kind.name == "Float":
            return f"(t if t.__class__ is float and t - t == 0 else {serialize}(t))"
        if kind.name == "Int":
            return f"(t if t.__class__ is int and -2147483648 <= t <= 2147483647 else {serialize}(t))"
        if exactly is not None:
            return f"(t if t.__class__ is {exactly} else {serialize}(t))"
        if is_enum_type(kind):
            return f"{self.constant(EnumNames(kind))}[t]"
        return f"{self.constant(present)}({serialize}(t))"

    def _list(
        self, kind: _ListType, selection: Selection, value: str, readers: FieldReaders, null: str
    ) -> Code:
        values = self.constant(listed)
        reader = readers.get(get_named_type(kind).name)
        if reader is not None:
            item = reader.expression(self, cast("GraphQLObjectType", get_named_type(kind)), selection)
            items = f"[{item.text} for o in {values}(o)]"
        else:
            item = self.completed(kind.of_type, selection, "x", readers)
            items = f"[{item.text} for x in {values}(o)]"
        if item.awaits:
            items = f"await {self.constant(gather)}({items})"
        function = self.function([f"return {null} if o is None else {items}"], awaits=item.awaits)
        return Code(f"{function.text}({value}, c)", item.awaits)

    def _abstract(self, kind: GraphQLAbstractType, selection: Selection, readers: FieldReaders) -> Code:
        """Code that completes an object of an interface or union, by one function for each possible type."""
        functions = {
            possible.name: self.object(possible, selection, readers)
            for possible in self.core.get_possible_types(kind)
        }
        by_name = ", ".join(f"{name!r}: {code.text}" for name, code in functions.items())
        table = self.constant(FunctionsByType())
        self._lines.append(f"{table}.update({{{by_name}}})")
        info = f"{self.constant(TypeInfo)}(c.context, c.schema)"
        call = f"{table}[{self.constant(kind.resolve_type)}(o, {info}, {self.constant(kind)})](o, c)"
        if not any(code.awaits for code in functions.values()):
            return self.function([f"return {call}"], awaits=False)
        return self.function(
            [f"v = {call}", f"return await v if {self.constant(is_coroutine)}(v) else v"], awaits=True
        )
