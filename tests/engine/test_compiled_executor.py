"""The compiled executor treats values, nulls, fragments and arguments as graphql-core does."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from engine.compiled_operations import COMPILED
from tests.support.both_ways import Make, answered, answered_compiled, both_ways
from tests.support.toy_types import Cat, Colour, Dog, Person, Stored

WAYS = ("", "Sync", "Async")
"""Of a value to the object that has it: an attribute, or resolved, or resolved later."""

# Field, value in Python, value in the answer.
ORDINARY: list[tuple[str, Any, Any]] = [
    ("int", 7, 7),
    ("int", 2**31 - 1, 2**31 - 1),
    ("int", -(2**31), -(2**31)),
    ("int", None, None),
    ("float", 1.5, 1.5),
    ("float", None, None),
    ("string", "", ""),
    ("string", None, None),
    ("id", "a", "a"),
    ("boolean", False, False),
    ("boolean", None, None),
    ("colour", Colour.RED, "RED"),
    ("colour", Colour.BLUE, "BLUE"),
    ("colour", None, None),
    ("even", 4, 4),
    ("even", None, None),
    ("ints", [1, 2], [1, 2]),
    ("ints", [], []),
    ("ints", None, None),
    ("maybeInts", [1, None], [1, None]),
    ("rows", [[1], None, [None, 2], []], [[1], None, [None, 2], []]),
    ("fullRows", [[1], []], [[1], []]),
    ("sure", 1, 1),
    ("sureEven", 2, 2),
]

# Values of other types that are taken for what they are worth.
ODD: list[tuple[str, Any, Any]] = [
    ("int", True, 1),
    ("int", 1.0, 1),
    ("int", "1", 1),
    ("float", 1, 1.0),
    ("float", "1.5", 1.5),
    ("string", 1, "1"),
    ("string", 1.5, "1.5"),
    ("string", True, "true"),
    ("id", 1, "1"),
    ("id", 1.0, "1"),
    ("boolean", 1, True),
    ("boolean", 0.0, False),
    ("colour", "red", "RED"),
    ("colour", 2, "BLUE"),
    ("ints", (1, 2), [1, 2]),
    ("ints", {1}, [1]),
    ("ints", {1: 2}.values(), [2]),
    ("ints", range(3), [0, 1, 2]),
    ("ints", [True, 1.0, "1"], [1, 1, 1]),
    ("fullRows", [(1,), range(2)], [[1], [0, 1]]),
]

NO_INT = "Int cannot represent non-integer value: "
NO_32 = "Int cannot represent non 32-bit signed integer value: "
NO_FLOAT = "Float cannot represent non numeric value: "
NO_LIST = "Expected Iterable, but did not find one for field 'Thing.<field>'."
NO_NULL = "Cannot return null for non-nullable field Thing.<field>."

# Field, value, what is in its place, the message, and the place within the field.
WRONG: list[tuple[str, Any, Any, str, list[int]]] = [
    ("int", 2**31, None, f"{NO_32}2147483648", []),
    ("int", -(2**31) - 1, None, f"{NO_32}-2147483649", []),
    ("int", 1.5, None, f"{NO_INT}1.5", []),
    ("int", float("nan"), None, f"{NO_INT}nan", []),
    ("int", "x", None, f"{NO_INT}'x'", []),
    ("int", [], None, f"{NO_INT}[]", []),
    ("float", float("nan"), None, f"{NO_FLOAT}nan", []),
    ("float", float("-inf"), None, f"{NO_FLOAT}-inf", []),
    ("float", "x", None, f"{NO_FLOAT}'x'", []),
    ("string", [1], None, "String cannot represent value: [1]", []),
    ("string", b"x", None, "String cannot represent value: b'x'", []),
    ("id", 1.5, None, "ID cannot represent value: 1.5", []),
    ("id", True, None, "ID cannot represent value: True", []),
    ("boolean", "true", None, "Boolean cannot represent a non boolean value: 'true'", []),
    ("colour", "RED", None, "Enum 'Colour' cannot represent value: 'RED'", []),
    ("colour", [], None, "Enum 'Colour' cannot represent value: []", []),
    ("colour", True, None, "Enum 'Colour' cannot represent value: True", []),
    ("even", 1, None, "1 is odd", []),
    ("ints", 5, None, NO_LIST, []),
    ("ints", "12", None, NO_LIST, []),
    ("ints", {"a": 1}, None, NO_LIST, []),
    ("ints", [1, None], None, NO_NULL, [1]),
    ("ints", [1, "x"], None, f"{NO_INT}'x'", [1]),
    ("ints", [1, ValueError("ill")], None, "ill", [1]),
    ("maybeInts", [1, "x", None], [1, None, None], f"{NO_INT}'x'", [1]),
    ("maybeInts", [1, ValueError("ill")], [1, None], "ill", [1]),
    ("rows", [[1], 5], [[1], None], NO_LIST, [1]),
    ("rows", [[1, "x"]], [[1, None]], f"{NO_INT}'x'", [0, 1]),
    ("fullRows", [[1], [None]], None, NO_NULL, [1, 0]),
    ("fullRows", [[1], None], None, NO_NULL, [1]),
    ("int", ValueError("ill"), None, "ill", []),
    ("string", Exception(), None, "", []),
]


def objects(**attributes: Any) -> Make:
    return lambda: SimpleNamespace(**attributes)


def showing(field: str, value: Any) -> Make:
    """An object with this value in the attribute that the field shows."""
    name = {"maybeInts": "maybe_ints", "fullRows": "full_rows", "sureEven": "sure_even"}.get(field, field)
    return objects(**{name: value})


@pytest.mark.parametrize("way", WAYS)
async def test_ordinary_values(way: str) -> None:
    for field, value, shown in ORDINARY:
        data = await answered_compiled(f"{{ thing {{ x: {field}{way} }} }}", showing(field, value))

        assert json.loads(data) == {"thing": {"x": shown}}, field


@pytest.mark.parametrize("way", WAYS)
async def test_odd_values(way: str) -> None:
    for field, value, shown in ODD:
        data = await answered(f"{{ thing {{ x: {field}{way} }} }}", showing(field, value))

        assert json.loads(data) == {"thing": {"x": shown}}, field
        assert type(json.loads(data)["thing"]["x"]) is type(shown), field


@pytest.mark.parametrize("way", WAYS)
async def test_wrong_values(way: str) -> None:
    for field, value, shown, message, place in WRONG:
        answer, _ = await both_ways(f"{{ thing {{ x: {field}{way} }} }}", showing(field, value))

        assert json.loads(answer.data or "") == {"thing": {"x": shown}}, field
        message = message.replace("<field>", f"{field}{way}")
        assert answer.errors == [(message, ["thing", "x", *place])]


@pytest.fixture
def later() -> Iterator[Callable[..., Any]]:
    """Makes coroutines, and closes those that compiled code did not await because it failed before."""
    made: list[Coroutine[Any, Any, Any]] = []

    def make(result: Any = None) -> Any:
        made.append(asyncio.sleep(0, result))
        return made[-1]

    yield make
    for coroutine in made:
        coroutine.close()


@pytest.mark.parametrize("way", WAYS)
async def test_what_can_be_used_once(way: str, later: Callable[..., Any]) -> None:
    """A generator, and awaitables in a list: made anew for each way of executing."""

    def generated() -> Any:
        return SimpleNamespace(ints=(number for number in range(3)))

    def awaitables() -> Any:
        return SimpleNamespace(ints=[later(1), 2], maybe_ints=[later(), later(3)])

    assert await answered(f"{{ thing {{ x: ints{way} }} }}", generated) == '{"thing":{"x":[0,1,2]}}'
    text = f"{{ thing {{ x: ints{way} y: maybeInts{way} }} }}"
    assert await answered(text, awaitables) == '{"thing":{"x":[1,2],"y":[null,3]}}'


@pytest.mark.parametrize("way", WAYS[:2])
async def test_an_awaitable_is_awaited_wherever_it_comes_from(way: str, later: Callable[..., Any]) -> None:
    def make() -> Any:
        return SimpleNamespace(
            int=later(1),
            string=later("a"),
            id=later("b"),
            float=later(2),
            boolean=later(True),
            colour=later(Colour.RED),
            even=later(2),
            child=later(SimpleNamespace(sure=3)),
        )

    fields = [f"{name}{way}" for name in ("int", "string", "id", "float", "boolean", "colour", "even")]
    text = f"{{ thing {{ {' '.join(fields)} c: child{way} {{ sure }} }} }}"

    data = json.loads(await answered(text, make))["thing"]

    assert data == dict(zip(fields, [1, "a", "b", 2.0, True, "RED", 2], strict=True)) | {"c": {"sure": 3}}


SURE = "Cannot return null for non-nullable field Thing.sure."
NULLS: list[tuple[str, dict[str, Any], str, list[tuple[str, list[str | int]]]]] = [
    (
        "{ thing { sure } hello }",
        {"sure": None},
        '{"thing":null,"hello":"Hello, world!"}',
        [(SURE, ["thing", "sure"])],
    ),
    ("{ sureThing { sure } hello }", {"sure": None}, "null", [(SURE, ["sureThing", "sure"])]),
    (
        "{ thing { child { sureChild { x: sure int } } int } }",
        {"int": 1, "child": SimpleNamespace(sure_child=SimpleNamespace(sure=None, int=3))},
        '{"thing":{"child":null,"int":1}}',
        [(SURE, ["thing", "child", "sureChild", "x"])],
    ),
    (
        "{ thing { childAsync { sureChildAsync { sure int } } int } }",
        {"int": 1, "child": SimpleNamespace(sure_child=SimpleNamespace(sure=None, int=3))},
        '{"thing":{"childAsync":null,"int":1}}',
        [(SURE, ["thing", "childAsync", "sureChildAsync", "sure"])],
    ),
    (
        "{ thing { children { sure } int } }",
        {"int": 1, "children": [SimpleNamespace(sure=1), SimpleNamespace(sure=None)]},
        '{"thing":{"children":null,"int":1}}',
        [(SURE, ["thing", "children", 1, "sure"])],
    ),
    (
        "{ thing { maybeChildren { sure } } }",
        {
            "maybe_children": [
                SimpleNamespace(sure=1),
                SimpleNamespace(sure=None),
                None,
                SimpleNamespace(sure="x"),
            ]
        },
        '{"thing":{"maybeChildren":[{"sure":1},null,null,null]}}',
        [
            (SURE, ["thing", "maybeChildren", 1, "sure"]),
            (f"{NO_INT}'x'", ["thing", "maybeChildren", 3, "sure"]),
        ],
    ),
    (
        "{ thing { int x: int sure } }",
        {"int": "x", "sure": 1},
        '{"thing":{"int":null,"x":null,"sure":1}}',
        [(f"{NO_INT}'x'", ["thing", "int"]), (f"{NO_INT}'x'", ["thing", "x"])],
    ),
    (
        "{ thing { int sure } }",
        {"int": "x", "sure": None},
        '{"thing":null}',
        [(f"{NO_INT}'x'", ["thing", "int"]), (SURE, ["thing", "sure"])],
    ),
    (
        "{ thing { int } }",
        {},
        '{"thing":{"int":null}}',
        [("'types.SimpleNamespace' object has no attribute 'int'", ["thing", "int"])],
    ),
]


@pytest.mark.parametrize(("text", "attributes", "data", "errors"), NULLS, ids=[each[0] for each in NULLS])
async def test_a_null_goes_up_to_where_one_may_be(
    text: str, attributes: dict[str, Any], data: str, errors: list[Any]
) -> None:
    answer, _ = await both_ways(text, objects(**attributes))

    assert (answer.data, answer.errors) == (data, errors)


async def test_no_root_object_at_all() -> None:
    assert await answered_compiled("{ thing { sure } }", lambda: None) == '{"thing":null}'
    answer, _ = await both_ways("{ sureThing { sure } }", lambda: None)
    assert answer.errors == [("Cannot return null for non-nullable field Query.sureThing.", ["sureThing"])]


ANIMALS = [Cat(name="Tom"), Dog(name="Rex", friends=[Cat(name="Tom")])]
NO_TYPE = (
    "Abstract type 'Animal' must resolve to an Object type at runtime for field 'Thing.{field}'. Either the "
    "'Animal' type should provide a 'resolve_type' function or each possible type should provide an "
    "'is_type_of' function."
)


@pytest.mark.parametrize("way", WAYS)
async def test_abstract_types(way: str) -> None:
    text = f"""{{ thing {{
      animals: animals{way} {{ __typename ...D name call }}
      beings: beings{way} {{
        ... on Person {{ name }} ... on Dog {{ owner {{ name }} }} ... on Animal {{ call }}
        t: __typename }} }} }}
      fragment D on Dog {{ good friends {{ name ... on Cat {{ lives }} }} }}"""

    data = await answered_compiled(text, objects(animals=ANIMALS, beings=[Stored("Ann"), None, ANIMALS[1]]))

    assert data == (
        '{"thing":{"animals":[{"__typename":"Cat","name":"Tom","call":"Tom!"},'
        '{"__typename":"Dog","good":true,"friends":[{"name":"Tom","lives":9}],"name":"Rex","call":"Rex!"}],'
        '"beings":[{"name":"Ann","t":"Person"},null,{"owner":{"name":"Rex\'s"},"call":"Rex!","t":"Dog"}]}}'
    )


@pytest.mark.parametrize("way", WAYS)
async def test_objects_that_are_of_no_type(way: str) -> None:
    text = f"{{ thing {{ x: maybeAnimals{way} {{ name }} }} }}"
    animals = [SimpleNamespace(name="Tom"), ANIMALS[0], None, Person(name="Ann"), ValueError("ill")]

    answer, _ = await both_ways(text, objects(maybe_animals=animals))

    message = NO_TYPE.format(field=f"maybeAnimals{way}")
    assert answer.data == '{"thing":{"x":[null,{"name":"Tom"},null,null,null]}}'
    assert answer.errors == [
        (message, ["thing", "x", 0]),
        (message, ["thing", "x", 3]),
        ("ill", ["thing", "x", 4]),
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_type_that_says_what_is_of_it(way: str) -> None:
    text = f"{{ thing {{ x: person{way} {{ name }} }} }}"

    assert await answered_compiled(text, objects(person=Stored("Ann"))) == '{"thing":{"x":{"name":"Ann"}}}'
    answer, _ = await both_ways(text, objects(person=Cat(name="Tom")))
    assert answer.data == '{"thing":{"x":null}}'
    assert answer.errors == [("Expected value of type 'Person' but got: <Cat instance>.", ["thing", "x"])]


async def test_an_object_that_is_in_no_union() -> None:
    answer, _ = await both_ways("{ thing { being { __typename } } }", objects(being=Cat(name="Tom")))

    ((message, path),) = answer.errors
    assert "is not in the list of the types of the union: \"['Dog', 'Person']\"" in message
    assert path == ["thing", "being"]


CHILD = SimpleNamespace(int=2, sure=3, string="s", child=SimpleNamespace(int=4, sure=5, string="t"))
MERGED = [
    ("{ hello hello a: hello hello }", '{"hello":"Hello, world!","a":"Hello, world!"}'),
    ("{ thing { sure int } thing { int string sure } }", '{"thing":{"sure":3,"int":2,"string":"s"}}'),
    (
        "{ thing { child { int } } hello ...A thing { child { string } sure } } "
        "fragment A on Query { thing { string child { sure ...B } } } fragment B on Thing { x: int int }",
        '{"thing":{"child":{"int":4,"sure":5,"x":4,"string":"t"},"string":"s","sure":3},'
        '"hello":"Hello, world!"}',
    ),
    (
        "{ ...A ...A @include(if: false) ... { ...A } } fragment A on Query { thing { int } hello }",
        '{"thing":{"int":2},"hello":"Hello, world!"}',
    ),
    (
        "{ thing { ... on Thing { sure ... { int } } ...A } } fragment A on Thing { string sure int }",
        '{"thing":{"sure":3,"int":2,"string":"s"}}',
    ),
    (
        "{ __typename thing { __typename child { t: __typename } child { __typename } } q: __typename }",
        '{"__typename":"Query","thing":{"__typename":"Thing","child":{"t":"Thing","__typename":"Thing"}},'
        '"q":"Query"}',
    ),
    ('{ hello(name: "a") x: hello(name: "b") hello(name: "a") }', '{"hello":"Hello, a!","x":"Hello, b!"}'),
    ("{ thing { child @skip(if: true) { int } } }", '{"thing":{}}'),
    ("{ hello @skip(if: true) }", "{}"),
]


@pytest.mark.parametrize(("text", "data"), MERGED, ids=[each[0][:60] for each in MERGED])
async def test_what_is_selected_twice_merges_in_the_order_of_the_first(text: str, data: str) -> None:
    assert await answered_compiled(text, lambda: CHILD) == data


async def test_each_combination_of_skip_and_include() -> None:
    text = """query ($a: Boolean!, $b: Boolean!, $c: Boolean! = true, $d: Boolean = false) {
      one: hello @skip(if: $a) @include(if: $b)
      thing { int @include(if: $a) ... @skip(if: $b) { string } ...F @include(if: $c) ...F @skip(if: $d) } }
      fragment F on Thing { sure @skip(if: $d) }"""
    for a, b, c, d in product([False, True], [False, True], [None, False, True], [None, False, True]):
        given = {name: value for name, value in zip("cd", (c, d), strict=True) if value is not None}

        data = await answered_compiled(text, lambda: CHILD, variables={"a": a, "b": b, **given})

        thing: dict[str, Any] = {"int": 2} if a else {}
        thing |= {} if b else {"string": "s"}
        thing |= {"sure": 3} if not d else {}
        one = {"one": "Hello, world!"} if b and not a else {}
        assert data == json.dumps({**one, "thing": thing}, separators=(",", ":"))


async def test_a_condition_that_is_null_is_refused() -> None:
    text = "query ($a: Boolean = true) { hello @skip(if: $a) }"

    answer, _ = await both_ways(text, variables={"a": None})

    assert answer.data == "null"
    ((message, path),) = answer.errors
    assert (path, "not to be None" in message) == (None, True)


async def test_the_operation_that_is_named() -> None:
    text = "query A { a: hello } query B ($n: String!) { ...F } fragment F on Query { b: hello(name: $n) }"

    assert await answered_compiled(text, operation_name="A") == '{"a":"Hello, world!"}'
    assert await answered_compiled(text, operation_name="B", variables={"n": "B"}) == '{"b":"Hello, B!"}'


FOUR = """query ($n: Int, $t: String = "d", $c: Colour, $e: Even) {
  told(number: $n, text: $t, colour: $c, even: $e) }"""
LISTS = "query ($i: [ID!], $r: [[Int!]]) { told(ids: $i, rows: $r) }"
ITEMS = 'query ($i: ID!, $r: [Int!]) { told(ids: [$i, "b"], rows: [$r, [3]]) }'
SPANS = "query ($m: Int, $s: Span) { told(span: { most: $m, inner: { least: 3, inner: $s } }) }"
SPAN = "query ($s: Span = { least: 5 }) { told(span: $s) }"
CHOICE = "query ($n: Int!) { told(choice: { number: $n }) }"
RED, BLUE = "<Colour.RED: 'red'>", "<Colour.BLUE: 2>"
# The text, the variables, and what the resolver is told, for what is not told what nobody gives.
TOLD: list[tuple[str, dict[str, Any] | None, dict[str, str]]] = [
    ("{ told }", None, {}),
    (
        '{ told(number: null, text: "a", colour: null, even: 4) }',
        None,
        {"number": "None", "text": "'a'", "colour": "None", "even": "4"},
    ),
    (FOUR, None, {"text": "'d'"}),
    (
        FOUR,
        {"n": None, "t": "x", "c": "RED", "e": 2},
        {"number": "None", "text": "'x'", "colour": RED, "even": "2"},
    ),
    (FOUR, {"n": 1.0, "c": None, "more": 1}, {"number": "1", "text": "'d'", "colour": "None"}),
    ("{ told(ids: 1, rows: 2) }", None, {"ids": "['1']", "rows": "[[2]]"}),
    (
        '{ told(ids: [1, "b"], rows: [[1], null, 3]) }',
        None,
        {"ids": "['1', 'b']", "rows": "[[1], None, [3]]"},
    ),
    (LISTS, {"i": "a", "r": 5}, {"ids": "['a']", "rows": "[[5]]"}),
    (LISTS, {"i": [], "r": [None, [], 1]}, {"ids": "[]", "rows": "[None, [], [1]]"}),
    (ITEMS, {"i": 7}, {"ids": "['7', 'b']", "rows": "[None, [3]]"}),
    (ITEMS, {"i": "c", "r": 1}, {"ids": "['c', 'b']", "rows": "[[1], [3]]"}),
    ("{ told(span: {}) }", None, {"span": f"Span(least=0, most=None, colours=[{RED}], inner=UNSET)"}),
    (
        "{ told(span: { most: null, inner: null, colours: BLUE }) }",
        None,
        {"span": f"Span(least=0, most=None, colours=[{BLUE}], inner=None)"},
    ),
    (
        SPANS,
        None,
        {
            "span": f"Span(least=0, most=None, colours=[{RED}],"
            f" inner=Span(least=3, most=None, colours=[{RED}], inner=UNSET))"
        },
    ),
    (
        SPANS,
        {"m": 4, "s": {"least": 1, "colours": ["BLUE"]}},
        {
            "span": f"Span(least=0, most=4, colours=[{RED}], inner=Span(least=3, most=None, colours=[{RED}],"
            f" inner=Span(least=1, most=None, colours=[{BLUE}], inner=UNSET)))"
        },
    ),
    (SPAN, None, {"span": f"Span(least=5, most=None, colours=[{RED}], inner=UNSET)"}),
    (SPAN, {"s": {}}, {"span": f"Span(least=0, most=None, colours=[{RED}], inner=UNSET)"}),
    (SPAN, {"s": None}, {"span": "None"}),
    ('{ told(choice: { text: "a" }) }', None, {"choice": "Choice(number=None, text=Some('a'))"}),
    (CHOICE, {"n": 1}, {"choice": "Choice(number=Some(1), text=None)"}),
]


@pytest.mark.parametrize(("text", "variables", "told"), TOLD)
async def test_what_a_resolver_is_told(
    text: str, variables: dict[str, Any] | None, told: dict[str, str]
) -> None:
    arguments = {"number": "UNSET", "text": "'text'", "colour": BLUE}
    arguments |= dict.fromkeys(("even", "ids", "rows", "span", "choice"), "None")

    data = await answered_compiled(text, variables=variables)

    assert json.loads(data) == {"told": f"({', '.join((arguments | told).values())})"}


# The text, the variables, and the messages, where nothing is executed.
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        FOUR,
        {"n": "1", "t": 1, "c": "GREEN", "e": 3},
        [
            "Variable '$n' has invalid value: Int cannot represent non-integer value: '1'",
            "Variable '$t' has invalid value: String cannot represent a non string value: 1",
            "Variable '$c' has invalid value: Value 'GREEN' does not exist in 'Colour' enum."
            " Did you mean the enum value 'RED'?",
            "Variable '$e' has invalid value: Expected value of type 'Even', but encountered error"
            " '3 is not even'; found: 3.",
        ],
    ),
    (
        SPAN,
        {"s": {"least": None}},
        ["Variable '$s' has invalid value at .least: Expected value of non-null type 'Int!' not to be None."],
    ),
    (
        SPAN,
        {"s": {"odd": 1}},
        [
            "Variable '$s' has invalid value: Expected value of type 'Span' not to include unknown field"
            " 'odd', found: {'odd': 1}."
        ],
    ),
    (
        "query ($c: Choice) { told(choice: $c) }",
        {"c": {"text": "a", "number": 1}},
        ["OneOf Input Object 'Choice' must specify exactly one key."],
    ),
    (
        CHOICE,
        {},
        ["Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided."],
    ),
]


@pytest.mark.parametrize(("text", "variables", "messages"), REFUSED)
async def test_variables_that_do_not_fit(text: str, variables: dict[str, Any], messages: list[str]) -> None:
    answer, _ = await both_ways(text, variables=variables)

    assert answer.data is None
    assert [message for message, _ in answer.errors] == messages


async def test_a_null_for_what_takes_none_is_the_field_s_error() -> None:
    text = "query ($n: Int = 1) { thing { sure } needed(number: $n, span: { least: $n }) }"
    make = objects(sure=1)

    data = await answered_compiled(text, make, variables={})
    answer, _ = await both_ways(text, make, variables={"n": None})

    assert data.startswith('{"thing":{"sure":1},"needed":"(1, Span(least=1,')
    assert answer.data == "null"
    ((message, path),) = answer.errors
    assert path == ["needed"]
    assert message.startswith("Argument 'number' has invalid value")


async def test_permissions() -> None:
    text = "{ thing { int guarded guardedLater guardedSilently loud } }"
    seen = '"guarded":"seen","guardedLater":"seen","guardedSilently":["seen"],"loud":"loud!"'
    unseen = '"guarded":null,"guardedLater":null,"guardedSilently":[],"loud":"loud!"'

    data = await answered(text, objects(int=1, tall=True))
    refused, _ = await both_ways(text, objects(int=1, tall=False))

    assert data == f'{{"thing":{{"int":1,{seen}}}}}'
    assert refused.data == f'{{"thing":{{"int":1,{unseen}}}}}'
    assert refused.errors == [
        ("Not tall enough.", ["thing", "guarded"]),
        ("Not tall enough.", ["thing", "guardedLater"]),
    ]


async def test_a_permission_is_known_to_the_fast_path() -> None:
    assert (
        await answered_compiled("{ thing { guarded } }", objects(tall=True)) == '{"thing":{"guarded":"seen"}}'
    )


@pytest.mark.parametrize("field", ["guarded", "guardedLater", "guardedSilently"])
@pytest.mark.parametrize("says", ["yes", 1, None, ValueError("not seen")], ids=repr)
async def test_a_permission_that_says_neither_yes_nor_no(field: str, says: Any) -> None:
    answer, _ = await both_ways(f"{{ thing {{ {field} }} }}", objects(tall=says))

    ((message, path),) = answer.errors
    assert path == ["thing", field]
    assert message == "not seen" if isinstance(says, ValueError) else "must return a boolean" in message


async def test_what_a_resolver_asks_of_a_field() -> None:
    due = {
        "field_name": "asked",
        "python_name": "asked",
        "path.key": "x",
        "path.typename": "Query",
        "operation.name": "None",
        "return_type": "<class 'str'>",
        "variable_values": "{'name': 'variable_values'}",
        "root_value": "None",
        "context.done": "[]",
    }
    for name, shown in due.items():
        text = "query ($name: String!) { hello x: asked(name: $name) }"

        data = json.loads(await answered(text, variables={"name": name}))

        assert data == {"hello": "Hello, world!", "x": shown}, name


async def test_what_no_resolver_can_ask() -> None:
    answer, _ = await both_ways('{ asked(name: "secrets") }')

    assert answer.errors == [("'Info' object has no attribute 'secrets'", ["asked"])]


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { queryType { name } } hello }",
        '{ __type(name: "Cat") { name interfaces { name } fields { name } } }',
        '{ hello ...F } fragment F on Query { __type(name: "Cat") { kind } }',
    ],
)
async def test_introspection(text: str) -> None:
    answer, way = await both_ways(text)

    assert (answer.errors, way == COMPILED) == ([], False)
