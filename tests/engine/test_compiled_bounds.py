"""However different operations are, what is kept of them is bounded, and they are answered as always."""

import gc
import json
import os
import tracemalloc
from collections import Counter
from itertools import pairwise, product
from types import FunctionType
from typing import Any

import pytest

from engine.compiled_operations import executions
from engine.execution import execute
from engine.operation_cache import Documents
from tests.support.toy_types import SCHEMA, Toys

MANY = 10_000 if "EQUALITY_EXAMPLES" in os.environ else 1_000
CONDITIONS = "abcdefghijkl"


async def test_thousands_of_different_operations() -> None:
    documents = Documents(SCHEMA._schema, max_entries=50)
    before = executions.counts.copy()

    for number in range(MANY):
        data = await _data(documents, f"{{ a{number}: hello }}")

        assert data == {f"a{number}": "Hello, world!"}
    assert executions.counts - before == Counter(compiled=MANY)
    assert 0 < _compiled_functions(f"a{number}" for number in range(MANY)) <= 4 * 50


async def test_each_combination_of_twelve_conditions() -> None:
    """More than are compiled: those beyond are answered too."""
    declared = ", ".join(f"${name}: Boolean!" for name in CONDITIONS)
    fields = " ".join(f"{name}: hello @include(if: ${name})" for name in CONDITIONS)
    text = f"query ({declared}) {{ twelve: hello {fields} }}"
    documents = Documents(SCHEMA._schema)

    for choice in product((False, True), repeat=len(CONDITIONS)):
        data = await _data(documents, text, dict(zip(CONDITIONS, choice, strict=True)))

        chosen = [name for name, is_chosen in zip(CONDITIONS, choice, strict=True) if is_chosen]
        assert list(data) == ["twelve", *chosen]
    assert 0 < _compiled_functions(["twelve"]) <= 100


@pytest.mark.measures
async def test_what_is_compiled_is_in_proportion_to_its_text() -> None:
    """Fragments that double and conditions that double make much of little."""
    documents = Documents(SCHEMA._schema)
    doubling = "".join(
        f" fragment F{level} on Thing {{ sureChild {{ ...F{after} }} sureChildSync {{ ...F{after} }} }}"
        for level, after in pairwise(range(8))
    )
    conditions = " ".join(f"{name}: sure @include(if: ${name})" for name in "abcd")
    declared = ", ".join(f"${name}: Boolean!" for name in "abcd")
    text = (
        f"query ({declared}) {{ thing {{ ...F0 {conditions} }} }}{doubling} fragment F7 on Thing {{ sure }}"
    )

    tracemalloc.start()
    for choice in product((False, True), repeat=4):
        await _data(documents, text, dict(zip("abcd", choice, strict=True)))
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept / len(text) * documents.max_characters < 200_000_000


class _Endless:
    """A thing whose children are itself."""

    sure = 1

    @property
    def sure_child(self) -> "_Endless":
        return self


async def _data(documents: Documents, text: str, variables: dict[str, Any] | None = None) -> Any:
    result = await execute(SCHEMA, documents.prepare(text, None, variables), Toys(_Endless))
    assert result.errors is None
    return json.loads(json.dumps(result.data))


def _compiled_functions(names: Any) -> int:
    """Those that write one of these names into an answer."""
    gc.collect()
    wanted = set(names)
    return sum(
        not wanted.isdisjoint(_constants(each))
        for each in gc.get_objects()
        if isinstance(each, FunctionType) and each.__code__.co_filename == "<operation>"
    )


def _constants(function: FunctionType) -> set[Any]:
    constants = function.__code__.co_consts
    keys = [each for each in constants if isinstance(each, tuple)]
    return {each for each in (*constants, *(key for group in keys for key in group)) if isinstance(each, str)}
