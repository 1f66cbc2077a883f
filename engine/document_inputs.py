"""Limits of the arguments in a document: literals are checked with the document, variables at each
request.

A mutation's `input` is not checked here: the mutation itself reports it in `userErrors`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)

from engine.cost import BranchesOf, Price, branches_in
from engine.input_limits import LimitedVariable, Placeholder, excesses, limit_of

_DEFINITION = "strawberry-definition"
_MOST_DIGITS = 18


@dataclass(slots=True)
class DocumentInputs:
    errors: list[GraphQLError] = field(default_factory=list)
    variables: list[LimitedVariable] = field(default_factory=list)

    def add(self, definition: GraphQLField, node: FieldNode) -> Price:
        """Checks the arguments of a field. Returns the price of the alternatives in its filters."""
        price, variables = Price(), len(self.variables)
        for argument in node.arguments or ():
            declared = definition.args.get(argument.name.value)
            if declared is None or _DEFINITION not in declared.extensions:
                continue
            kind, path = declared.extensions[_DEFINITION], (argument.name.value,)
            value = _value(argument.value)
            found = excesses(kind.type, limit_of(kind), value, path, self.variables)
            self.errors += [_error(each.message, argument) for each in found]
            price.constant += branches_in(value)
        for each in self.variables[variables:]:
            price.add(BranchesOf(each.name), Price(1))
        return price

    def add_defaults(self, document: DocumentNode) -> None:
        """Checks the default values of variables. Everything else must have been added before."""
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                for each in operation.variable_definitions or ():
                    if each.default_value is not None:
                        given = {each.variable.name.value: _value(each.default_value)}
                        self.errors += self.errors_of(given)

    def errors_of(self, variables: Mapping[str, object]) -> Iterator[GraphQLError]:
        """Errors of a request's variables, before they are coerced."""
        for name, kind, limit, path in self.variables:
            if name in variables:
                for each in excesses(kind, limit, variables[name], path, []):
                    yield _error(each.message)


def _value(node: ValueNode) -> object:
    """The node as a JSON value. A variable becomes a placeholder, and a value without a limit None."""
    if isinstance(node, StringValueNode):
        return node.value
    if isinstance(node, VariableNode):
        return Placeholder(node.name.value)
    if isinstance(node, ListValueNode):
        return [_value(each) for each in node.values]
    if isinstance(node, ObjectValueNode):
        return {each.name.value: _value(each.value) for each in node.fields}
    if isinstance(node, IntValueNode):
        return int(node.value[:_MOST_DIGITS])
    return None


def _error(message: str, node: ArgumentNode | None = None) -> GraphQLError:
    return GraphQLError(message, node, extensions={"code": "BAD_USER_INPUT"})
