"""Operations that the compiler does not support run on graphql-core, and the reason is counted."""

from collections import Counter
from typing import Any

import pytest
import strawberry
import structlog
from pydantic import BaseModel
from strawberry.schema.config import StrawberryConfig

from engine.compiled_operations import COMPILED, executions
from engine.compiler import PLANNED, Code, Compiler, FieldReaders, SelectedField
from engine.execution import execute
from engine.operation_cache import Documents, OperationRefused


class _Broken:
    """A planned field whose code cannot be written."""

    def plan(self, compiler: Compiler, selected: SelectedField, readers: FieldReaders) -> Code:
        raise ZeroDivisionError("no code")


@strawberry.pydantic.input
class Range(BaseModel):
    least: int
    most: int = 9


def _right() -> str:
    return "right"


@strawberry.type
class Query:
    planned: str = strawberry.field(resolver=_right, metadata={PLANNED: _Broken()})

    @strawberry.field
    def name(self) -> str:
        return "shop"

    @strawberry.field
    def span(self, range: Range) -> str:
        return f"{type(range).__name__} {range.least} to {range.most}"


SCHEMA = strawberry.Schema(Query)
OWN_RESOLVER = strawberry.Schema(
    Query, config=StrawberryConfig(default_resolver=lambda source, name: getattr(source, name))
)


async def test_inputs_that_build_themselves_are_compiled() -> None:
    data, errors, counts = await _answer(SCHEMA, "{ span(range: { least: 1 }) }")

    assert (data, errors) == ({"span": "Range 1 to 9"}, [])
    assert counts == {COMPILED: 1}


async def test_a_schema_with_a_default_resolver_of_its_own() -> None:
    data, errors, counts = await _answer(OWN_RESOLVER, "{ name }")

    assert (data, errors) == ({"name": "shop"}, [])
    assert counts == {"a schema with resolvers or handlers of its own": 1}


async def test_a_mistake_of_the_compiler_is_logged_once() -> None:
    prepared = Documents(SCHEMA._schema).prepare("{ name planned }", None, None)
    before = Counter(executions.counts)

    with structlog.testing.capture_logs() as logs:
        results = [await execute(SCHEMA, prepared, None) for _ in range(2)]

    assert [(each.data, each.errors) for each in results] == [
        ({"name": "shop", "planned": "right"}, None)
    ] * 2
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["operation_not_compiled"]
    assert executions.counts - before == {"a mistake of the compiler": 2}


@pytest.mark.parametrize("kind", ["mutation", "subscription"])
async def test_an_operation_without_a_root_type_is_refused(kind: str) -> None:
    with pytest.raises(OperationRefused, match=f"The {kind} operation is not supported by the schema"):
        await _answer(SCHEMA, f"{kind} {{ name }}")


async def test_a_document_of_fragments_alone_is_refused() -> None:
    with pytest.raises(OperationRefused, match="Fragment 'Named' is never used"):
        await _answer(SCHEMA, "fragment Named on Query { name }")


async def _answer(schema: strawberry.Schema, text: str) -> tuple[Any, list[str], dict[str, int]]:
    """Data, messages of the errors, and the counted path."""
    before = Counter(executions.counts)
    result = await execute(schema, Documents(schema._schema).prepare(text, None, None), None)
    return result.data, [error.message for error in result.errors or ()], dict(executions.counts - before)
