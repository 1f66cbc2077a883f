"""Generated operations on the toy schema, with valid and invalid values of every kind."""

import asyncio
from typing import Any
from zlib import crc32

from graphql import OperationType
from hypothesis import given
from hypothesis import strategies as st

from engine.operation_cache import OperationRefused
from tests.engine.test_compiled_equality import BOUNDED
from tests.support.both_ways import both_ways
from tests.support.generated_operations import Generated, operations
from tests.support.generated_values import Values
from tests.support.toy_types import SCHEMA, Cat, Colour, Dog, Person, Stored

VALUES = Values(
    right={"Even": [0, 2, -4], "Query.asked(name:)": ["field_name", "path.key", "context.done", "nothing"]},
    wrong={"String": ["\N{SNOWMAN}", ""]},
    often=["Query.thing", "Query.sureThing", "Thing.children", "Thing.maybeChildren", "Thing.animals"],
)
_CORE = SCHEMA._schema
_LEAVES: dict[str, list[Any]] = {
    "int": [1, 0, None, True, 2.0, 2**31, "x", ValueError("ill")],
    "float": [1.5, 2, None, float("nan"), "y", False],
    "string": ["a", "", None, 5, [1], b"b"],
    "id": ["a", 7, None, 1.5],
    "boolean": [True, False, None, 1, "true"],
    "colour": [Colour.RED, Colour.BLUE, None, "red", "RED", 2],
    "even": [2, None, 0, 3, "x"],
    "ints": [[1, 2], [], None, (3,), [None], "12", 5, range(2), [ValueError("ill")]],
    "maybe_ints": [[1, None], None, ["x", 2], {1: 2}.keys(), {1: 2}],
    "rows": [[[1], None, [None]], None, [5, [1]], [["x"]]],
    "full_rows": [[[1], []], None, [None], [[None]]],
    "sure": [1, 2, 3, 4, 5, None, "x"],
    "sure_even": [2, 4, 6, 8, 1],
    "tall": [True, True, False, "yes", ValueError("small")],
    "person": [Person(name="Ann"), Stored("Bob"), None, Cat(name="Tom")],
    "being": [Person(name="Ann"), Dog(name="Rex"), None, Cat(name="Tom"), 5],
    "beings": [[Stored("Bob"), None, Dog(name="Rex")], None, [Cat(name="Tom")], [ValueError("ill")]],
    "animal": [Cat(name="Tom"), Dog(name="Rex", friends=[Cat(name="Tom")]), None, Person(name="Ann")],
    "animals": [[Cat(name="Tom"), Dog(name="Rex")], [], None, [None], [Stored("Bob")]],
    "maybe_animals": [[Cat(name="Tom"), None], None, [Person(name="Ann"), Dog(name="Rex")]],
}


class Anything:
    """A thing whose attributes follow from the seed. Mostly right: `care` in a hundred are."""

    def __init__(self, seed: str, care: int) -> None:
        self._seed, self._care = seed, care

    def __getattr__(self, name: str) -> Any:
        choice = crc32(f"{self._seed} {name}".encode())
        if name in _LEAVES:
            values = _LEAVES[name]
            return values[0] if choice % 100 < self._care else values[choice // 100 % len(values)]
        child = Anything(f"{self._seed}.{name}", self._care)
        if name in ("child", "sure_child"):
            return None if choice % 100 >= self._care and choice % 3 == 0 else child
        if name in ("children", "maybe_children"):
            missing = [None] if choice % 100 >= self._care else []
            return [child, *missing, Anything(f"{self._seed}/{name}", self._care)]
        raise AttributeError(name)


SEEDS = st.integers(0, 1_000).map(str)
CARE = st.sampled_from([100, 98, 90])


@BOUNDED
@given(operations(_CORE, VALUES), SEEDS, CARE)
async def test_reads(operation: Generated, seed: str, care: int) -> None:
    await _assert_alike(operation, seed, care)


@BOUNDED
@given(operations(_CORE, VALUES, mistakes=True), SEEDS, CARE)
async def test_reads_with_mistakes(operation: Generated, seed: str, care: int) -> None:
    await _assert_alike(operation, seed, care)


@BOUNDED
@given(operations(_CORE, VALUES, root=OperationType.MUTATION), SEEDS, CARE)
async def test_changes(operation: Generated, seed: str, care: int) -> None:
    """What was changed is part of what is compared: each once, and in the same order."""
    await _assert_alike(operation, seed, care)


async def _assert_alike(operation: Generated, seed: str, care: int) -> None:
    try:
        await both_ways(
            operation.text,
            lambda: Anything(seed, care),
            operation.variables,
            operation.operation_name,
        )
    except OperationRefused:
        # Too costly: not executed either way.
        return
    finally:
        await asyncio.sleep(0)
