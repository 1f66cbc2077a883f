"""Compiled code that fails where graphql-core succeeds is logged once and not used for a while."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from graphql import GraphQLError

from engine import compiled_operations as plans
from engine.compiled_operations import executions
from engine.execution import execute
from engine.operation_cache import Documents
from models.database import Database
from tests.support.toy_types import SCHEMA, Toys
from web.json_encoder import encode

# Of a generator only graphql-core makes a list.
TEXT = "query ($more: Boolean = false) { thing { ints sure @include(if: $more) } }"


def _thing() -> Any:
    return SimpleNamespace(ints=iter([1, 2]), int=7, sure=1)


async def test_a_failure_is_logged_once(documents: Documents) -> None:
    before = executions.counts.copy()

    with structlog.testing.capture_logs() as logs:
        answers = [await _data(documents) for _ in range(3)]

    assert answers == [b'{"thing":{"ints":[1,2]}}'] * 3
    (log,) = _failures(logs)
    assert log["paused_seconds"] == 60
    assert "Stopped" in log["exception"]
    assert executions.counts - before == {"Stopped": 1, "a failure of the compiled code": 2}


async def test_failures_at_the_same_time_are_one(documents: Documents) -> None:
    text = "{ thing { intAsync ints } }"
    before = executions.counts.copy()

    with structlog.testing.capture_logs() as logs:
        results = await asyncio.gather(
            *(execute(SCHEMA, documents.prepare(text, None, None), Toys(_thing)) for _ in range(3))
        )

    assert [result.data for result in results] == [{"thing": {"intAsync": 7, "ints": [1, 2]}}] * 3
    (log,) = _failures(logs)
    assert log["paused_seconds"] == 60
    assert executions.counts - before == {"Stopped": 3}


async def test_another_choice_of_conditions_is_compiled(documents: Documents) -> None:
    await _data(documents)

    before = executions.counts.copy()
    answer = await _data(documents, {"more": True})

    assert answer == b'{"thing":{"ints":[1,2],"sure":1}}'
    assert executions.counts - before == {"Stopped": 1}


async def test_it_is_tried_again_after_a_pause(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(plans, "monotonic", lambda: now)
    pauses = []

    for _ in range(10):
        with structlog.testing.capture_logs() as logs:
            await _data(documents)
            await _data(documents)
        pauses += [log["paused_seconds"] for log in _failures(logs)]
        now += pauses[-1]

    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


async def test_an_error_of_the_answer_is_no_failure(documents: Documents) -> None:
    def refuse() -> Any:
        raise GraphQLError("Not now.")

    before = executions.counts.copy()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            result = await execute(SCHEMA, documents.prepare("{ thing { sure } }", None, None), Toys(refuse))
            assert [error.message for error in result.errors or ()] == ["Not now."]

    assert _failures(logs) == []
    assert executions.counts - before == {"GraphQLError": 3}


async def test_values_that_the_driver_cannot_decode_cost_no_connection(database_url: str) -> None:
    """On connections of its own: one that has looked a type up can decode it."""
    database = Database(database_url)
    (pid,) = (await database.fetch("SELECT pg_backend_pid()"))[0]

    for _ in range(3):
        with pytest.raises(Exception, match="no decoder for composite type element"):
            await database.fetch("SELECT array(SELECT row('{x}'::varchar[]))")

    assert (await database.fetch("SELECT pg_backend_pid()"))[0][0] == pid
    await database.close()


def _failures(logs: Sequence[Any]) -> list[Any]:
    return [log for log in logs if log["event"] == "fast_path_failed"]


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA._schema)


async def _data(documents: Documents, variables: dict[str, Any] | None = None) -> bytes:
    result = await execute(SCHEMA, documents.prepare(TEXT, None, variables), Toys(_thing))
    assert result.errors is None
    return encode(result.data)
