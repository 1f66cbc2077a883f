"""Executes prepared operations: by compiled code where possible, otherwise by graphql-core.

`strawberry.Schema.execute` is not used: it would parse and validate again. Schema extensions do not run.
"""

import asyncio
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, OperationType, get_variable_values
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as ThreadExecutor

from engine.compiled_operations import COMPILED, executions
from engine.fair_thread import FairThread
from engine.limits import too_complex
from engine.operation_cache import OperationRefused, PreparedOperation
from engine.outages import logged_as_outage
from engine.paced_execution import MOST_REFUSED_FIELDS, PacedExecutor, TooManyRefusedFields
from engine.runtime import ForbiddenBeforeReading, Request, SpareCost, Stopped
from telemetry.families import EXECUTIONS

log = structlog.get_logger()

_NO_VARIABLES = VariableValues({}, {})
_MAX_COERCION_ERRORS = 10
_COMPILED = EXECUTIONS.labels("compiled", "")
_introspection_thread = FairThread("introspection")


async def execute(schema: Schema, prepared: PreparedOperation, context: object) -> ExecutionResult:
    """Executes a query or a mutation. Raises OperationRefused where the variables do not fit; nothing was
    executed then.

    Values of `data` may be of types that only the JSON writer serializes: times, and JSON in JSON.
    """
    request, outcome = await _compiled(schema, prepared, context)
    if request is not None and isinstance(outcome, dict):
        executions.counts[COMPILED] += 1
        _COMPILED.value += 1
        _require_spare_cost(prepared, request.spare_cost.left)
        return ExecutionResult(outcome, None)
    reason = outcome if isinstance(outcome, str) else type(outcome).__name__
    executions.counts[reason] += 1
    EXECUTIONS.labels("graphql-core", reason).value += 1
    log.debug("executed_by_graphql_core", reason=reason)
    begin_again = getattr(context, "forget", None)
    if begin_again is not None:
        begin_again()
    result = await execute_reference(schema, prepared, context, request.outcomes if request else {})
    if request is None or not isinstance(outcome, Exception) or _is_due(outcome, result):
        return result
    if not logged_as_outage(outcome):  # A lost connection says nothing of the operation.
        _pause(prepared, request, outcome)
    return result


def _pause(prepared: PreparedOperation, request: Request, failure: Exception) -> None:
    """The response is correct, but the compiled code is not: it is not used for a while."""
    seconds = prepared.operation.plans.pause(request.variables)
    if seconds is None:
        return
    trace = "".join(traceback.format_exception(failure))
    log.error(
        "fast_path_failed",
        operation_sha256=prepared.document.sha256,
        paused_seconds=seconds,
        exception=trace,
    )


def _is_due(outcome: Exception, result: ExecutionResult) -> bool:
    """Whether the compiled code stopped because of an error that the response has. It stops at every
    error."""
    errors = result.errors or ()
    if isinstance(outcome, ForbiddenBeforeReading):
        return True
    if isinstance(outcome, Stopped):
        return bool(errors)
    return any(type(error.original_error or error) is type(outcome) for error in errors)


async def execute_reference(
    schema: Schema, prepared: PreparedOperation, context: object, outcomes: Mapping[str, object] | None = None
) -> ExecutionResult:
    """Executes an operation with graphql-core only. Fields of a mutation that have `outcomes` are not
    executed again."""
    middleware = [_replaying(outcomes)] if outcomes else None
    executor = _executor(schema, prepared, context, middleware)
    try:
        if prepared.operation.is_introspection:
            result = await _introspection_thread.run(executor.execute_operation)
        else:
            result = executor.execute_operation()
        result = cast("ExecutionResult", await result if isinstance(result, Awaitable) else result)
    except TooManyRefusedFields:
        raise _refused_too_often(prepared) from None
    _require_spare_cost(prepared, getattr(executor, "spare_cost", 0))
    return result


def _refused_too_often(prepared: PreparedOperation) -> OperationRefused:
    what, allowed = "The number of fields that you may not see", MOST_REFUSED_FIELDS
    error = too_complex("refusals", what, allowed + 1, allowed)
    made = "This change and those before it have been made, later ones not: select less."
    return _refused(prepared, error, made)


def _require_spare_cost(prepared: PreparedOperation, left: int) -> None:
    """Raises OperationRefused where lists had more items than the cost leaves of the maximum."""
    if left >= 0:
        return
    allowed = prepared.cost + prepared.spare_cost
    what = "The cost of the operation, with the items of its lists,"
    raise _refused(prepared, too_complex("cost", what, allowed - left, allowed), _CHANGES_MADE)


_CHANGES_MADE = "The changes have been made all the same: select less."


def _refused(prepared: PreparedOperation, error: GraphQLError, made: str) -> OperationRefused:
    """`made` completes the message for a mutation."""
    if prepared.operation.type is OperationType.MUTATION:
        error = GraphQLError(f"{error.message} {made}", extensions=error.extensions)
    return OperationRefused([error])


async def _compiled(
    schema: Schema, prepared: PreparedOperation, context: object
) -> tuple[Request | None, dict[str, object] | Exception | str]:
    """Returns the response's data, or the reason why graphql-core must execute the operation."""
    if not executions.compiled:
        return None, "not compiled"
    definitions = prepared.operation.node.variable_definitions
    variables = _NO_VARIABLES
    if definitions:
        coerced = get_variable_values(schema._schema, definitions, prepared.variables or {}, max_errors=1)
        if not isinstance(coerced, VariableValues):
            return None, "variables that do not fit"
        variables = coerced
    plan = prepared.operation.plans.get(schema, variables)
    if isinstance(plan, str):
        return None, plan
    request = Request(context, schema._schema, variables, SpareCost(prepared.spare_cost))
    try:
        data = plan(None, request)
        return request, await data if isinstance(data, Awaitable) else data
    except Exception as error:
        return request, error


def _replaying(outcomes: Mapping[str, object]) -> Callable[..., object]:
    """A middleware of graphql-core: a root field that was resolved before returns, or raises, the same
    again."""

    def resolve(
        next_: Callable[..., object], source: object, info: GraphQLResolveInfo[object], **arguments: object
    ) -> object:
        if info.path.prev is not None or info.path.key not in outcomes:
            return next_(source, info, **arguments)
        outcome = outcomes[str(info.path.key)]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return resolve


async def subscribe(
    schema: Schema, prepared: PreparedOperation, context: object, timeout_seconds: float
) -> AsyncGenerator[ExecutionResult, None]:
    """Yields one result for each event.

    Raises OperationRefused where the subscription cannot begin, TimeoutError where its beginning or the
    selection of one event takes longer than `timeout_seconds`, and whatever the stream of events raises. An
    event with too many refused fields ends it with OperationRefused.
    """
    executor = _executor(schema, prepared, context)
    async with asyncio.timeout(timeout_seconds):
        begun = create_source_event_stream(executor)
        source = await begun if isinstance(begun, Awaitable) else begun
    if isinstance(source, ExecutionResult):
        raise OperationRefused(source.errors or [])

    async def in_time(event_executor: Executor[object]) -> ExecutionResult:
        async with asyncio.timeout(timeout_seconds):
            try:
                result = execute_subscription_event(event_executor)
                result = await result if isinstance(result, Awaitable) else result
            except TooManyRefusedFields:
                raise _refused_too_often(prepared) from None
        _require_spare_cost(prepared, getattr(event_executor, "spare_cost", 0))
        return result

    results = map_source_to_response_event(executor, source, in_time)
    async with aclosing(results):
        async for result in results:
            yield result


def _executor(
    schema: Schema,
    prepared: PreparedOperation,
    context: object,
    middleware: list[Callable[..., object]] | None = None,
) -> Executor[object]:
    executor_class = ThreadExecutor if prepared.operation.is_introspection else PacedExecutor
    executor = executor_class.build(
        schema._schema,
        prepared.document.ast,
        context_value=context,
        raw_variable_values=prepared.variables,
        operation_name=prepared.operation.name,
        max_coercion_errors=_MAX_COERCION_ERRORS,
        middleware=middleware,
        is_awaitable=cast("Any", optimized_is_awaitable),
    )
    if isinstance(executor, Executor):
        if isinstance(executor, PacedExecutor):
            executor.spare_cost = prepared.spare_cost
        return executor
    for error in executor:
        error.extensions = {"code": "BAD_USER_INPUT"}
    raise OperationRefused(executor)
