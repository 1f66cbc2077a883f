"""Sizes of lists that are not connections: how many items each can have, and as how many it is priced.

A connection is sized by its arguments. Every other list of objects declares its size where it is declared, in
its metadata under `LIST_SIZE`: `require_list_sizes` finds those that do not. Lists of scalars and enums cost
nothing; the limits of inputs bound them.

A list that can be much longer than usual is priced as it usually is. The items that it has beyond that are
counted while the operation is executed, and refuse it where they exceed what its cost leaves of the maximum.
"""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

LIST_SIZE = "list_size"


@dataclass(frozen=True, slots=True)
class ListSize:
    """`most` is None where nothing bounds the list."""

    priced_as: int
    most: int | None
    argument: str | None = None
    """GraphQL name of the argument that sizes the list. Where it is omitted, `priced_as` does."""
    of_input: bool = False
    """Whether the list has at most as many items as the longest list in the mutation's input."""

    def __post_init__(self) -> None:
        if self.most is not None and self.priced_as > self.most:
            raise ValueError("a list is not priced as longer than it can be")

    @property
    def can_exceed_price(self) -> bool:
        return self.priced_as != self.most and not (self.argument or self.of_input)

    def surplus(self, value: object) -> int:
        """Number of items that the list has beyond its price."""
        return max(0, len(value) - self.priced_as) if isinstance(value, Sized) else 0


AS_LONG_AS_INPUT = ListSize(1, None, of_input=True)


def at_most(most: int) -> ListSize:
    """Size of a list that is priced as if it was full."""
    return ListSize(most, most)


def usually(priced_as: int, *, most: int | None) -> ListSize:
    """Size of a list that can have more items than it is priced as."""
    return ListSize(priced_as, most)


def sized_by(argument: str, *, default: int, most: int) -> ListSize:
    """Size of a list that an argument gives: a number, or a list with an item for each."""
    return ListSize(default, most, argument)


def is_list_of_objects(field: GraphQLField) -> bool:
    return is_list_type(get_nullable_type(field.type)) and is_composite_type(get_named_type(field.type))


def is_connection(kind: object) -> bool:
    """Whether the type is a page of a list, whose own lists are as long as the page."""
    return str(getattr(kind, "name", "")).endswith("Connection")


def list_size_of(field: GraphQLField) -> ListSize | None:
    """The declared size; None for a field without one."""
    definition: Any = field.extensions.get("strawberry-definition")
    size: ListSize | None = (definition.metadata if definition else field.extensions).get(LIST_SIZE)
    return size


def require_list_sizes(schema: GraphQLSchema) -> None:
    """Raises TypeError, which names the lists of objects that do not declare their size."""
    if found := list(_undeclared(schema)):
        raise TypeError(f"Lists of objects need a size, such as at_most(…): {', '.join(found)}")


def _undeclared(schema: GraphQLSchema) -> Iterator[str]:
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        if kind.name.startswith("__") or is_connection(kind):
            continue
        for name, each in kind.fields.items():
            if is_list_of_objects(each) and list_size_of(each) is None:
                yield f"{kind.name}.{name}"
