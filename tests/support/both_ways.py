"""Executes an operation on the toy schema as it is served and by graphql-core alone, and compares the
responses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
from graphql import ExecutionResult

from engine.compiled_operations import COMPILED, executions
from engine.execution import execute, execute_reference
from engine.operation_cache import Documents, OperationRefused, PreparedOperation
from tests.support.toy_types import SCHEMA, Toys
from web.json_encoder import encode

DOCUMENTS = Documents(SCHEMA._schema)
Make = Callable[[], Any]


@dataclass(frozen=True)
class Answer:
    data: str | None
    """Data as JSON text, so that the order of keys counts. None if nothing was executed."""
    errors: list[tuple[str, list[str | int] | None]]
    """Message and path of each error."""
    located: list[Any]
    """The complete errors."""
    done: list[str]
    """Changes that were made, in order."""


async def both_ways(
    text: str,
    make: Make = SimpleNamespace,
    variables: dict[str, Any] | None = None,
    operation_name: str | None = None,
) -> tuple[Answer, str]:
    """Returns the response, and COMPILED or the reason why graphql-core executed the operation."""
    prepared = DOCUMENTS.prepare(text, operation_name, variables)
    before = executions.counts.copy()
    answer, read = await _answer(execute, prepared, make)
    (way,) = (executions.counts - before).elements()

    due, read_then = await _answer(execute_reference, prepared, make)

    assert answer == due, f"{text} {variables} by way of {way}"
    # A change is made once. If graphql-core completes the response, its result is read again.
    assert way != COMPILED or read == read_then
    return answer, way


async def answered(text: str, make: Make = SimpleNamespace, **options: Any) -> str:
    """Data of the response as JSON. There must be no errors."""
    answer, _ = await both_ways(text, make, **options)
    assert answer.errors == [], answer.errors
    return answer.data or ""


async def answered_compiled(text: str, make: Make = SimpleNamespace, **options: Any) -> str:
    answer, way = await both_ways(text, make, **options)
    assert (answer.errors, way) == ([], COMPILED), (answer.errors, way)
    return answer.data or ""


async def _answer(
    run: Callable[[Any, PreparedOperation, object], Awaitable[ExecutionResult]],
    prepared: PreparedOperation,
    make: Make,
) -> tuple[Answer, list[str]]:
    toys = Toys(make)
    try:
        result = await run(SCHEMA, prepared, toys)
    except OperationRefused as refused:
        errors, data = list(refused.errors), None
    else:
        errors, data = result.errors or [], orjson.dumps(orjson.loads(encode(result.data))).decode()
    found = [(error.message, error.path) for error in errors]
    return Answer(data, found, [error.formatted for error in errors], toys.done), toys.read
