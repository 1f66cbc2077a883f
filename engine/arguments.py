"""Converts a field's arguments for its resolver, by functions that are built once for each field.
Strawberry's own conversion looks up every type again for each value."""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any, cast

from graphql import FieldNode, GraphQLField, VariableNode, get_argument_values
from strawberry import UNSET, Schema
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField

from engine.runtime import Request

Convert = Callable[[object, Request], object]
Arguments = Callable[[Request], dict[str, object]]


def arguments(
    schema: Schema, field: StrawberryField, definition: GraphQLField, node: FieldNode, fixed: Request
) -> Arguments:
    """Returns a function from a request to the resolver's keyword arguments. `fixed` is a request without
    variables."""
    if not definition.args:
        return _none
    converters = _Converters(schema)
    name_of = schema.config.name_converter.from_argument
    converted = [(name_of(each), each.python_name, converters.of(each.type)) for each in field.arguments]

    def convert(request: Request) -> dict[str, object]:
        values = get_argument_values(definition, node, request.variables)
        return {
            python_name: converter(values[name], request)
            for name, python_name, converter in converted
            if name in values
        }

    if _has_variables(node):
        return convert
    given = convert(fixed)
    if all(isinstance(value, str | int | float | None) for value in given.values()):
        return lambda _request: given.copy()
    return convert  # Objects anew for each request: a resolver may change its own.


class _Converters:
    def __init__(self, schema: Schema) -> None:
        self._config = schema.config
        self._scalars = schema.schema_converter.scalar_registry
        self._inputs: dict[object, _Input] = {}

    def of(self, kind: object) -> Convert:
        """Returns the conversion from graphql-core's value to the resolver's, for a Strawberry type."""
        if type(kind) is StrawberryOptional:
            return self.of(kind.of_type)
        if type(kind) is StrawberryList:
            return _list_of(self.of(kind.of_type))
        if isinstance(kind, StrawberryEnumDefinition) or has_enum_definition(kind):
            return _as_it_is
        if kind is not GlobalID and is_scalar(kind, self._scalars):
            return _as_it_is
        if has_object_definition(kind):
            definition: StrawberryObjectDefinition = kind.__strawberry_definition__
            if definition.from_input is None:
                return self._input(kind, definition)
        return self._by_strawberry(kind)

    def _input(self, kind: object, definition: StrawberryObjectDefinition) -> Convert:
        made = self._inputs.get(kind)
        if made is None:
            made = self._inputs[kind] = _Input(kind, definition)
            # After it is known: an input may have a field of its own type.
            name_of = self._config.name_converter.from_field
            made.fields = [
                (name_of(each), each.python_name, self.of(each.resolve_type(type_definition=definition)))
                for each in definition.fields
            ]
        return made

    def _by_strawberry(self, kind: Any) -> Convert:
        def convert(value: object, request: Request) -> object:
            return convert_argument(value, kind, self._scalars, self._config, cast("Any", request))

        return convert


class _Input:
    """Builds an input object. A field that is omitted and has no default becomes None."""

    def __init__(self, kind: Any, definition: StrawberryObjectDefinition) -> None:
        self._kind = kind
        self._missing = {
            each.python_name: None
            for each in definition.fields
            if each.default_value is MISSING and each.default_factory is MISSING
        }
        self.fields: list[tuple[str, str, Convert]] = []

    def __call__(self, value: Any, request: Request) -> object:
        if value is None or value is UNSET:
            return value
        given = {
            python_name: convert(value[name], request)
            for name, python_name, convert in self.fields
            if name in value
        }
        return self._kind(**{**self._missing, **given})


def _list_of(convert: Convert) -> Convert:
    def convert_all(values: Any, request: Request) -> Any:
        if values is None or values is UNSET:
            return values
        return [convert(value, request) for value in values]

    return convert_all


def _as_it_is(value: object, _request: Request) -> object:
    return value


def _none(_request: Request) -> dict[str, object]:
    return {}


def _has_variables(node: FieldNode) -> bool:
    """Whether any value in the node's arguments is a variable."""
    pending: list[object] = [each.value for each in node.arguments or ()]
    while pending:
        value = pending.pop()
        if isinstance(value, VariableNode):
            return True
        pending += getattr(value, "values", None) or ()
        pending += [each.value for each in getattr(value, "fields", None) or ()]
    return False
