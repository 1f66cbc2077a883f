"""Objects that wait for their slice of the event loop, and are not wanted any more."""

import asyncio
import gc
import time
from typing import Any

import pytest

from engine.execution import execute_reference
from tests.support.both_ways import DOCUMENTS
from tests.support.toy_types import SCHEMA, Toys


class _Watched:
    """Notes what is read of it."""

    def __init__(self, read: list[str]) -> None:
        self._read = read

    def __getattr__(self, name: str) -> int:
        if name.startswith("__"):
            raise AttributeError(name)
        self._read.append(name)
        return 7


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_cancelled_operation_is_not_executed_any_further(is_cancelled: bool) -> None:
    read: list[str] = []

    def make() -> Any:
        time.sleep(0.01)  # Longer than a slice, so that the object waits for the next one.
        if is_cancelled:
            operation.cancel()
        return _Watched(read)

    prepared = DOCUMENTS.prepare("{ thing { int } }", None, None)
    operation = asyncio.create_task(execute_reference(SCHEMA, prepared, Toys(make)))
    await asyncio.wait([operation])
    await asyncio.sleep(0.02)

    assert operation.cancelled() is is_cancelled
    assert ("int" in read) is not is_cancelled


async def test_what_a_cancelled_operation_has_begun_is_ended(recwarn: pytest.WarningsRecorder) -> None:
    """The operation is cancelled after its object was executed, and before it takes the values."""

    class _Cancelling:
        @property
        def int(self) -> int:
            asyncio.get_running_loop().call_soon(operations[0].cancel)
            return 7

    def make() -> Any:
        time.sleep(0.01)  # Longer than a slice, so that the object waits for the next one.
        return _Cancelling()

    prepared = DOCUMENTS.prepare("{ thing { int later: intAsync } }", None, None)
    operations = [asyncio.create_task(execute_reference(SCHEMA, prepared, Toys(make)))]
    await asyncio.wait(operations)
    await asyncio.sleep(0.02)

    assert operations.pop().cancelled()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
