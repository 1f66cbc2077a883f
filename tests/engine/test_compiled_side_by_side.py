"""Fields that run concurrently, share what they await, and of which one fails."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql.execution.values import VariableValues
from strawberry import Schema
from strawberry.dataloader import DataLoader

from engine.operation_cache import Documents
from engine.runtime import Request

NO_VARIABLES = VariableValues({}, {})


@strawberry.type
class Child:
    @strawberry.field
    async def fails(self) -> int:
        await asyncio.sleep(0.001)
        raise ValueError("It failed")

    @strawberry.field
    async def shared(self, info: strawberry.Info) -> int:
        number: int = await info.context["loader"].load(1)
        return number


@strawberry.type
class Query:
    @strawberry.field
    async def child(self) -> Child | None:
        return Child()


SCHEMA = Schema(Query)
DOCUMENTS = Documents(SCHEMA._schema)


async def _fetch(keys: list[int]) -> list[int]:
    await asyncio.sleep(0.01)
    return keys


def _context() -> dict[str, Any]:
    return {"loader": DataLoader(_fetch)}


async def test_one_that_fails_takes_nothing_away_from_the_others() -> None:
    """graphql-core cancels what they all wait for: it is asked only once nothing is under way any more."""
    prepared = DOCUMENTS.prepare("{ one: child { fails shared } two: child { shared } }", None, None)
    request = Request(_context(), SCHEMA._schema, NO_VARIABLES)
    run: Any = prepared.operation.plans.get(SCHEMA, NO_VARIABLES)

    before = asyncio.all_tasks()

    with pytest.raises(ValueError, match="It failed"):
        await run(None, request)

    assert asyncio.all_tasks() <= before
