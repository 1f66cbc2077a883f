"""Runtime of compiled functions: the request, and the functions that they call."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLEnumType, GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable as default_is_awaitable

from engine.list_sizes import ListSize

_LISTS = (list, tuple)


class Stopped(Exception):
    """The compiled function met a value that only graphql-core handles."""


class ForbiddenBeforeReading(Exception):
    """A field of a list's rows is refused to the viewer, which is known before the rows are read. The
    response has an error for each row, and none where there are no rows."""


class Info:
    """The part of Strawberry's `Info` that resolvers may use. Other attributes raise AttributeError."""

    __slots__ = ("context", "schema")
    is_awaitable = staticmethod(default_is_awaitable)

    def __init__(self, context: Any, schema: GraphQLSchema) -> None:
        self.context = context
        self.schema = schema


class TypeInfo(Info):
    """Additional attributes that Strawberry needs to find the type of an object."""

    __slots__ = ()
    field_name = ""


@dataclass(slots=True)
class SpareCost:
    """Rest of the maximum cost, for the items of lists beyond those that they are priced as. Negative where
    they had more."""

    left: int = 0


class Request(Info):
    """One execution: the context, the variables, and the prepared values of planned fields."""

    __slots__ = ("outcomes", "planned", "spare_cost", "variables")

    def __init__(
        self,
        context: Any,
        schema: GraphQLSchema,
        variables: VariableValues,
        spare_cost: SpareCost | None = None,
    ) -> None:
        self.context = context
        self.schema = schema
        self.variables = variables
        self.spare_cost = spare_cost or SpareCost()
        self.planned: Any = None
        self.outcomes: dict[str, object] = {}
        """Results and exceptions of a mutation's root fields, by response name."""

    def with_plan(self, planned: object) -> "Request":
        request = Request(self.context, self.schema, self.variables, self.spare_cost)
        request.planned = planned
        return request


class FunctionsByType(dict[str, object]):
    """Functions by type, added while code is written. A type that is missing is not a possible one."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __missing__(self, key: str) -> object:
        raise Stopped


class EnumNames(dict[object, str]):
    """GraphQL names of an enum's values, by value and by Python object."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._serialize = kind.serialize
        wrapped = getattr(kind, "wrapped_cls", ())
        for name, value in kind.values.items():
            for member in wrapped:
                if member.value == value.value:
                    self[member] = name

    def __missing__(self, value: object) -> str:
        return str(self._serialize(value))


def stop() -> object:
    raise Stopped


async def record(request: Request, name: str, call: Awaitable[object]) -> object:
    try:
        outcome = request.outcomes[name] = await call
    except Exception as error:
        request.outcomes[name] = error
        raise
    return outcome


def present(value: object) -> object:
    """Returns the serialized value. Stops where it is null, which is an error for a leaf."""
    return stop() if value is None else value


def listed(value: object) -> object:
    """Returns the list. Stops for other iterables, which graphql-core handles."""
    return value if isinstance(value, _LISTS) else stop()


def counted(request: Request, value: object, size: ListSize) -> object:
    """Returns the list. Lists beyond the spare cost are empty: the operation is refused at its end."""
    request.spare_cost.left -= size.surplus(value)
    return () if request.spare_cost.left < 0 else value


def is_coroutine(value: object) -> bool:
    return hasattr(value, "__await__")


async def gather(awaitables: Sequence[Awaitable[object]]) -> list[Any]:
    """Awaits all of them concurrently. Where one raises, the others still finish: cancelling one could cancel
    what others wait for."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    values: list[object] = await asyncio.gather(*awaitables, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values
