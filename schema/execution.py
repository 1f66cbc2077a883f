"""Runs a prepared operation on graphql-core, with Strawberry's executor.

Not through `strawberry.Schema.execute`, which parses and validates once more; schema extensions do not run.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any, cast

from graphql import ExecutionResult
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from schema.document import Prepared, Refused


async def execute(schema: Schema, prepared: Prepared, context: object) -> ExecutionResult:
    """A query or a mutation. Raises Refused where the variables do not fit: then nothing was executed."""
    result = _executor(schema, prepared, context).execute_operation()
    return cast("ExecutionResult", await result if isinstance(result, Awaitable) else result)


async def subscribe(
    schema: Schema, prepared: Prepared, context: object, timeout_seconds: float
) -> AsyncGenerator[ExecutionResult, None]:
    """One result an event.

    Raises Refused where the subscription does not begin, TimeoutError where its beginning, or what one event
    selects, takes longer than `timeout_seconds`, and whatever the stream of events raises.
    """
    executor = _executor(schema, prepared, context)
    async with asyncio.timeout(timeout_seconds):
        begun = create_source_event_stream(executor)
        source = await begun if isinstance(begun, Awaitable) else begun
    if isinstance(source, ExecutionResult):
        raise Refused(source.errors or [])

    async def in_time(event_executor: Executor[Any]) -> ExecutionResult:
        async with asyncio.timeout(timeout_seconds):
            result = execute_subscription_event(event_executor)
            return await result if isinstance(result, Awaitable) else result

    results = map_source_to_response_event(executor, source, in_time)
    async with aclosing(results):
        async for result in results:
            yield result


def _executor(schema: Schema, prepared: Prepared, context: object) -> Executor[Any]:
    executor_class = cast("type[Executor[Any]]", schema.execution_context_class)
    executor = executor_class.build(
        schema._schema,
        prepared.document.ast,
        context_value=context,
        raw_variable_values=prepared.variables,
        operation_name=prepared.operation.name,
        max_coercion_errors=10,
        is_awaitable=cast("Any", optimized_is_awaitable),
    )
    if isinstance(executor, Executor):
        return executor
    for error in executor:
        error.extensions = {"code": "BAD_USER_INPUT"}
    raise Refused(executor)
