"""What compiled functions work with: the request, and what they call."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from graphql import GraphQLEnumType, GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable as default_is_awaitable

_LISTS = (list, tuple)


class Stopped(Exception):
    """Something is not as it goes well."""


class RefusedBeforeReading(Exception):
    """Something that is selected of each row of a list is refused to the viewer: the answer has an error for
    each row, and none where there are no rows."""


class Info:
    """What a resolver may ask of a request; whatever else it asks for is an AttributeError."""

    __slots__ = ("context", "schema")
    is_awaitable = staticmethod(default_is_awaitable)

    def __init__(self, context: Any, schema: GraphQLSchema) -> None:
        self.context = context
        self.schema = schema


class TypeInfo(Info):
    """What Strawberry asks besides, to find out of which type an object is."""

    __slots__ = ()
    field_name = ""


class Request:
    """One execution: the context, the variables, and what planned fields keep for it."""

    __slots__ = ("context", "info", "outcomes", "planned", "variables")

    def __init__(self, info: Info, variables: VariableValues) -> None:
        self.info = info
        self.context = info.context
        self.variables = variables
        self.planned: Any = None
        self.outcomes: dict[str, Any] = {}
        """Of a mutation's fields, by their names in the answer: what was returned, or raised."""

    def with_plan(self, planned: Any) -> "Request":
        request = Request(self.info, self.variables)
        request.planned = planned
        return request


class Late(dict[str, Any]):
    """Filled in by the code that is written; a type that is not in it is none that is possible."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __missing__(self, key: str) -> Any:
        raise Stopped


class Names(dict[Any, str]):
    """The names of an enum's values, by the value and by what it is in Python."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._serialize = kind.serialize
        wrapped = getattr(kind, "wrapped_cls", ())
        for name, value in kind.values.items():
            for member in wrapped:
                if member.value == value.value:
                    self[member] = name

    def __missing__(self, value: Any) -> str:
        return str(self._serialize(value))


def stop() -> Any:
    raise Stopped


async def record(request: Request, name: str, call: Awaitable[Any]) -> Any:
    try:
        outcome = request.outcomes[name] = await call
    except Exception as error:
        request.outcomes[name] = error
        raise
    return outcome


def present(value: Any) -> Any:
    """A leaf whose serialised value is null is an error."""
    return stop() if value is None else value


def listed(value: Any) -> Any:
    """A list; of other iterables graphql-core knows more."""
    return value if isinstance(value, _LISTS) else stop()


def is_coroutine(value: Any) -> bool:
    return hasattr(value, "__await__")


async def gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """All of them side by side. Where one raises, the others come to their end all the same: to cancel one
    is to cancel what it waits for together with others."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    values: list[Any] = await asyncio.gather(*awaitables, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values
