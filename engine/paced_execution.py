"""A graphql-core executor that completes objects in slices, so that the event loop serves others between
them."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, cast

from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from engine.list_sizes import list_size_of

_SLICE_SECONDS = 0.005
MOST_REFUSED_FIELDS = 1_000
"""Maximum number of refused fields of an operation. Each is an error with a path, which takes a hundred times
as long as a value. Responses show the first hundred."""


class TooManyRefusedFields(Exception):
    """The operation has too many fields that are refused to the viewer. It is not executed any further."""


class ExecutionPace:
    """Gives all operations of a process together 5 ms of each iteration of the event loop. Objects that must
    wait are executed later, those of different operations in turn."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slice_ends = 0.0
        self._waiting: deque[deque[Callable[[], None]]] = deque()
        """Waiting calls by operation."""

    def has_time(self) -> bool:
        now, loop = perf_counter(), asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._slice_ends = loop, 0.0
            self._waiting.clear()
        if not self._slice_ends:
            self._begin_slice(loop, now)
        return now < self._slice_ends

    def add(self, of_operation: deque[Callable[[], None]], execute: Callable[[], None]) -> None:
        """Queues a call for the next slice that has time for it."""
        if not of_operation:
            self._waiting.append(of_operation)
        of_operation.append(execute)
        self.has_time()  # Where no slice has begun, one does, and the next one follows it.

    def _begin_slice(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._slice_ends = now + _SLICE_SECONDS
        loop.call_soon(self._next_slice)

    def _next_slice(self) -> None:
        self._slice_ends = 0.0
        while self._waiting and self.has_time():
            of_operation = self._waiting.popleft()
            execute = of_operation.popleft()
            if of_operation:
                self._waiting.append(of_operation)
            execute()


_pace = ExecutionPace()


def _end(fields: Any) -> None:
    """Begins the fields of an operation that was cancelled, and cancels them: what resolvers returned would
    otherwise be left without having been awaited."""
    ended = asyncio.ensure_future(fields)
    ended.add_done_callback(lambda task: task.cancelled() or task.exception())
    asyncio.get_running_loop().call_soon(ended.cancel)


class PacedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Raises TooManyRefusedFields."""

    spare_cost = 0
    """Number of items that lists can have beyond those that they are priced as. Negative where they had
    more."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._waiting: deque[Callable[[], None]] = deque()
        self._refused_fields = 0

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        arguments = (parent_type, source_value, path, grouped_field_set, position_context)
        if _pace.has_time():
            return super().execute_fields(*arguments)
        return self._executed_later(*arguments)

    async def _executed_later(self, *arguments: Any) -> dict[str, object]:
        fields: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        execute_fields = super().execute_fields

        def execute() -> None:
            if fields.done():  # Cancelled.
                return
            try:
                fields.set_result(execute_fields(*arguments))
            except Exception as error:
                fields.set_exception(error)

        _pace.add(self._waiting, execute)
        try:
            executed = await fields
        except asyncio.CancelledError:
            if not fields.cancelled() and not fields.exception() and self.is_awaitable(fields.result()):
                _end(fields.result())
            raise
        return cast("dict[str, object]", await executed if self.is_awaitable(executed) else executed)

    def complete_list_value(
        self,
        return_type: Any,
        details: Any,
        info: GraphQLResolveInfo[object],
        path: Path,
        result: Any,
        *rest: Any,
    ) -> Any:
        """Lists beyond `spare_cost` are completed as empty: the operation is refused at its end."""
        size = list_size_of(info.parent_type.fields[info.field_name])
        if size is not None and size.can_exceed_price:
            self.spare_cost -= size.surplus(result)
            result = () if self.spare_cost < 0 else result
        return super().complete_list_value(return_type, details, info, path, result, *rest)

    def handle_field_error(self, raw_error: Exception, *place: Any) -> None:
        if isinstance(raw_error, TooManyRefusedFields):
            raise raw_error
        if isinstance(raw_error, GraphQLError):
            self._refused_fields += 1
            if self._refused_fields > MOST_REFUSED_FIELDS:
                raise TooManyRefusedFields
        super().handle_field_error(raw_error, *place)
