"""Root fields of mutations are executed once and in order, whichever executor completes the response."""

import json
from types import SimpleNamespace

import pytest

from engine.compiled_operations import COMPILED
from tests.support.both_ways import answered_compiled, both_ways

SURE = "Cannot return null for non-nullable field Touched.sure."


async def test_changes_follow_one_another() -> None:
    text = """mutation { a: touch(name: "a") { name late } b: touch(name: "b") { late maybe } __typename
      c: touchSurely(name: "c") { sure name } }"""

    answer, way = await both_ways(text)

    assert way == COMPILED
    assert answer.data == (
        '{"a":{"name":"a","late":"a"},"b":{"late":"b","maybe":null},"__typename":"Mutation",'
        '"c":{"sure":1,"name":"c"}}'
    )
    assert answer.done == ["begin a", "end a", "begin b", "end b", "surely c"]


async def test_a_payload_that_cannot_be_completed_is_no_second_change() -> None:
    text = """mutation { touch { name sure } b: touch(name: "b", sure: null) { name sure late }
      c: touch(name: "c") { name broken } d: touch(name: "d") { late } }"""

    answer, _ = await both_ways(text)

    assert answer.data == (
        '{"touch":{"name":"it","sure":1},"b":null,"c":{"name":"c","broken":null},"d":{"late":"d"}}'
    )
    assert answer.errors == [(SURE, ["b", "sure"]), ("c is broken", ["c", "broken"])]
    assert answer.done == [f"{what} {name}" for name in ("it", "b", "c", "d") for what in ("begin", "end")]


async def test_a_change_that_fails_stands_alone() -> None:
    text = 'mutation { a: touch(name: "a") { late } fail { name } b: touch(name: "b") { late } }'

    answer, _ = await both_ways(text)

    assert answer.data == '{"a":{"late":"a"},"fail":null,"b":{"late":"b"}}'
    assert answer.errors == [("it failed", ["fail"])]
    assert answer.done == ["begin a", "end a", "fail it", "begin b", "end b"]


async def test_each_of_many_fails_for_itself() -> None:
    text = 'mutation { a: fail(name: "a") { name } b: fail(name: "b") { name } fail { late } touch { name } }'

    answer, _ = await both_ways(text)

    assert answer.data == '{"a":null,"b":null,"fail":null,"touch":{"name":"it"}}'
    assert answer.errors == [("a failed", ["a"]), ("b failed", ["b"]), ("it failed", ["fail"])]
    assert answer.done == ["fail a", "fail b", "fail it", "begin it", "end it"]


@pytest.mark.parametrize(
    ("second", "error", "done"),
    [
        ("failSurely { name }", ("it failed", ["failSurely"]), "fail it"),
        ("touchSurely(sure: null) { name sure }", (SURE, ["touchSurely", "sure"]), "surely it"),
    ],
)
async def test_what_follows_a_change_without_which_there_is_no_answer_is_not_made(
    second: str, error: tuple[str, list[str]], done: str
) -> None:
    answer, _ = await both_ways(f"mutation {{ touch {{ late }} {second} c: touch {{ name }} }}")

    assert (answer.data, answer.errors) == ("null", [error])
    assert answer.done == ["begin it", "end it", done]


async def test_changes_that_are_not_asynchronous() -> None:
    text = """mutation { a: touchAtOnce(name: "a") { name late } b: touch(name: "b", sure: null) { sure }
      c: touchAtOnce(name: "c") { broken } }"""

    answer, _ = await both_ways(text)

    assert answer.data == '{"a":{"name":"a","late":"a"},"b":null,"c":{"broken":null}}'
    assert answer.errors == [(SURE, ["b", "sure"]), ("c is broken", ["c", "broken"])]
    assert answer.done == ["at once a", "begin b", "end b", "at once c"]


async def test_one_change_that_is_selected_twice_is_one() -> None:
    text = """mutation { touch { name } touch { late } ...F b: touch { ...T } }
      fragment F on Mutation { touch { sure ...T } } fragment T on Touched { x: sure }"""

    answer, way = await both_ways(text)

    assert way == COMPILED
    assert answer.data == '{"touch":{"name":"it","late":"it","sure":1,"x":1},"b":{"x":1}}'
    assert answer.done == ["begin it", "end it"] * 2


async def test_a_change_that_is_skipped_is_not_made() -> None:
    text = """mutation ($no: Boolean!) { touch @include(if: $no) { name } touchAtOnce @skip(if: true) { name }
      b: touch(name: "b") { name @skip(if: $no) late @include(if: $no) } }"""

    answer, _ = await both_ways(text, variables={"no": False})

    assert (answer.data, answer.done) == ('{"b":{"name":"b"}}', ["begin b", "end b"])


async def test_a_change_with_an_argument_that_does_not_fit_is_not_made() -> None:
    text = """mutation ($name: String = "x") { touch { name } b: touch(name: $name) { name }
      c: touch(name: "c") { name } }"""

    answer, _ = await both_ways(text, variables={"name": None})

    assert answer.data == '{"touch":{"name":"it"},"b":null,"c":{"name":"c"}}'
    assert [path for _, path in answer.errors] == [["b"]]
    assert answer.done == ["begin it", "end it", "begin c", "end c"]


async def test_with_variables_that_do_not_fit_nothing_is_done() -> None:
    text = "mutation ($name: String!) { touch { name } b: touch(name: $name) { name } }"

    for variables in ({}, {"name": 1}, {"name": None}):
        answer, _ = await both_ways(text, variables=variables)

        assert (answer.data, answer.done, len(answer.errors)) == (None, [], 1)


async def test_a_refused_change_is_not_made() -> None:
    """The permission cannot tell, since a root field is nobody's."""
    answer, _ = await both_ways("mutation { guarded touch { name } }", SimpleNamespace)

    assert answer.data == '{"guarded":null,"touch":{"name":"it"}}'
    assert answer.errors == [("'NoneType' object has no attribute 'tall'", ["guarded"])]
    assert answer.done == ["begin it", "end it"]


async def test_variables_reach_changes() -> None:
    text = "mutation ($a: String!, $sure: Int) { touch(name: $a, sure: $sure) { name sure } }"

    data = await answered_compiled(text, variables={"a": "A", "sure": 3})

    assert json.loads(data) == {"touch": {"name": "A", "sure": 3}}
