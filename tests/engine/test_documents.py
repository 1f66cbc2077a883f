"""Limits of documents: what each refuses and admits, and that measuring is fast."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import pytest
from graphql import GraphQLObjectType, build_schema, get_introspection_query

from engine.limits import Limits
from engine.list_sizes import LIST_SIZE, sized_by
from engine.operation_cache import Document, Documents, OperationRefused
from tests.support.toy_graphql import SCHEMA

LISTS = build_schema(
    """
    type Query { account: Account  nodes(ids: [ID!]!): [Account]!  tags: [Tag!]! }
    type Account { id: ID  name: String  owner: Account
      members(first: Int, last: Int, filter: Filter): MemberConnection }
    input Filter { search: String }
    type Tag { id: ID }
    type MemberConnection { totalCount: Int  nodes: [Member!]!  edges: [MemberEdge!]!  pageInfo: PageInfo! }
    type MemberEdge { node: Member! }
    type PageInfo { endCursor: String }
    type Member { id: ID  account: Account
      members(first: Int, last: Int, filter: Filter): MemberConnection }
    type Mutation { touch: String }
    """
)
cast("GraphQLObjectType", LISTS.query_type).fields["nodes"].extensions[LIST_SIZE] = sized_by(
    "ids", default=100, most=100
)
FILTERED = "query($f: Filter){account{members(first: 3, filter: $f){nodes{id}}}}"


@pytest.fixture
def documents() -> Documents:
    return Documents(LISTS)


def refusal(documents: Documents, text: str, variables: dict[str, object] | None = None) -> dict[str, object]:
    with pytest.raises(OperationRefused) as refused:
        documents.prepare(text, None, variables)
    return refused.value.errors[0].extensions or {}


def nested(depth: int) -> str:
    return "{account" + "{owner" * (depth - 2) + "{id" + "}" * depth


def aliased(count: int) -> str:
    return "{account{" + " ".join(f"a{n}: id" for n in range(count)) + "}}"


def rooted(count: int) -> str:
    return "{" + "account{id} " * count + "}"


def directed(count: int) -> str:
    return "{account{" + "id @skip(if: false) name " * (count - 1) + "id @include(if: true)}}"


def repeated(count: int) -> str:
    return "{account{" + "id " * count + "}}"


def listed(count: int) -> str:
    return (
        f"{{account{{{'...F ' * count}}}}} fragment F on Account{{owner{{members(first: 1){{nodes{{id}}}}}}}}"
    )


def lined(count: int) -> str:
    """Lines may end in each of three ways."""
    ends = ("\n", "\r\n", "\r ")
    return "".join(ends[n % 3] for n in range(count - 1)) + "{account{id}}"


def tokens(count: int) -> str:
    return "{account(x: [" + "1 " * (count - 9) + "])}"


@pytest.mark.parametrize(
    ("limit", "make", "allowed"),
    [
        ("depth", nested, 15),
        ("aliases", aliased, 30),
        ("root_fields", rooted, 30),
        ("directives", directed, 50),
        ("repeats", repeated, 70),
        ("lines", lined, 2_000),
        ("lists", listed, 100),
    ],
)
def test_each_limit_says_what_and_how_much(
    documents: Documents, limit: str, make: Callable[[int], str], allowed: int
) -> None:
    documents.prepare(make(allowed), None, None)

    found = refusal(documents, make(allowed + 1))

    assert found == {"code": "QUERY_TOO_COMPLEX", "limit": limit, "actual": allowed + 1, "allowed": allowed}


@pytest.mark.parametrize("count", [2_001, 10_000, 100_000])
def test_tokens(documents: Documents, count: int) -> None:
    assert refusal(documents, tokens(2_000))["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert refusal(documents, tokens(count)) == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "tokens",
        "actual": count,
        "allowed": 2_000,
    }


@pytest.mark.parametrize("bracket", ["{a", "{a(x:[", "{a(x:{y:"])
def test_nesting_beyond_any_recursion(documents: Documents, bracket: str) -> None:
    found = refusal(documents, bracket * 240)

    assert (found["code"], found["limit"], found["allowed"]) == ("QUERY_TOO_COMPLEX", "depth", 15)


def test_comments_are_no_tokens(documents: Documents) -> None:
    documents.prepare("{account{id}}" + '# {{{ "\n' * 1_000, None, None)


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("{account{id}}", None, 1),
        ("{account{owner{id} name}}", None, 2),
        ("{account{members{nodes{id}}}}", None, 1 + 1 + 50),
        ("{account{members(first: 10){nodes{id}}}}", None, 1 + 1 + 10),
        ("{account{members(last: 10){edges{node{id}}}}}", None, 1 + 1 + 10 * 2),
        ("{account{members(first: 10){nodes{account{id}} pageInfo{endCursor}}}}", None, 1 + 1 + 10 * 2 + 1),
        (
            "{account{members(first: 10){nodes{members(first: 5){nodes{id}}}}}}",
            None,
            1 + 1 + 10 * (1 + 1 + 5),
        ),
        ("query($n: Int) {account{members(first: $n){nodes{id}}}}", None, 1 + 1 + 50),
        ("query($n: Int) {account{members(first: $n){nodes{id}}}}", {"n": None}, 1 + 1 + 50),
        ("query($n: Int) {account{members(first: $n){nodes{id}}}}", {"n": 7.0}, 1 + 1 + 7),
        ("query($n: Int) {account{members(first: $n){nodes{id}}}}", {"n": -7}, 1 + 1),
        ("query($n: Int = 9) {account{members(first: $n){nodes{id}}}}", None, 1 + 1 + 9),
        ("query($n: Int = 9) {account{members(first: $n){nodes{id}}}}", {"n": 3}, 1 + 1 + 3),
        ("query($n: Int) {account{members(first: 4, last: $n){nodes{id}}}}", {"n": 8}, 1 + 1 + 8),
        ("{account{members(first: 10){...M}}} fragment M on MemberConnection{nodes{id}}", None, 1 + 1 + 10),
        ("{account{members(first: 10){... on MemberConnection{nodes{id}}}}}", None, 1 + 1 + 10),
        ("{a: account{...F} b: account{...F}} fragment F on Account{owner{id}}", None, 2 * 2),
        ("query($i: [ID!]!) {nodes(ids: $i){id}}", {"i": ["a", "b", "c"]}, 3),
        ("{nodes(ids: [1, 2]){owner{id}}}", None, 4),
        ("{nodes(ids: 1){id}}", None, 1),
        ("{tags{id}}", None, 10),
        ("mutation{touch}", None, 0),
        ("{account{members(first: 0){totalCount}}}", None, 2 + 20),
        ("{account{members(first: 0){...M}}} fragment M on MemberConnection{totalCount}", None, 2 + 20),
        ('{account{members(first: 3, filter: {search: "e"}){nodes{id}}}}', None, 2 + 20 + 3),
        ('{account{members(first: 0, filter: {search: "e"}){totalCount}}}', None, 2 + 20),
        ("{account{members(first: 3, filter: {}){nodes{id}}}}", None, 2 + 3),
        ("{account{members(first: 3, filter: null){nodes{id}}}}", None, 2 + 3),
        (FILTERED, {"f": {"search": "e"}}, 2 + 20 + 3),
        (FILTERED, {"f": {}}, 2 + 3),
        (FILTERED, None, 2 + 3),
        (
            "{account{members(first: 20){nodes{members(first: 0){totalCount}}}}}",
            None,
            2 + 20 * (1 + 1 + 20),
        ),
    ],
)
def test_cost_multiplies_down(
    documents: Documents, text: str, variables: dict[str, object] | None, cost: int
) -> None:
    assert documents.prepare(text, None, variables).cost == cost


def test_cost_is_bounded_by_variables_too(documents: Documents) -> None:
    text = "query($n: Int) {account{members(first: $n){nodes{members(first: $n){nodes{id}}}}}}"

    assert documents.prepare(text, None, {"n": 90}).cost == 8_282
    assert refusal(documents, text, {"n": 100}) == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "cost",
        "actual": 10_202,
        "allowed": 10_000,
    }
    assert refusal(documents, text, {"n": 10**18})["limit"] == "cost"
    assert refusal(documents, text, {"n": 1e308})["limit"] == "cost"


def test_a_fragment_is_weighed_once() -> None:
    documents = Documents(LISTS, Limits(lists=2**200))
    doubling = "".join(f"fragment F{n} on Account{{...F{n + 1} ...F{n + 1}}} " for n in range(150))
    last = "fragment F150 on Account{members(first: $n){nodes{id}}}"
    text = "query($n: Int){account{...F0}}" + doubling + last
    started = time.thread_time()

    found = refusal(documents, text, {"n": 1})

    assert found["limit"] == "cost"
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "{account{...A}} fragment A on Account{...A}",
        "{account{...A}} fragment A on Account{...B} fragment B on Account{owner{...A}}",
        "{...A} fragment A on Query{...B ...C} fragment B on Query{...C} fragment C on Query{...A}",
    ],
)
def test_cycles_of_fragments_are_refused(documents: Documents, text: str) -> None:
    assert refusal(documents, text)["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_introspection_is_within_the_limits() -> None:
    text = get_introspection_query(
        schema_description=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        input_value_deprecation=True,
    )

    assert 0 < Documents(SCHEMA.__dict__["_schema"]).prepare(text, None, None).cost < 5_000


def test_introspection_beside_other_fields_is_small(documents: Documents) -> None:
    small = ALIASED.partition(" b:")[0]

    assert documents.prepare(f"{{ {small} account {{ id }} }}", None, None).cost > 50
    found = refusal(documents, f"{{ ...F account {{ id }} }} fragment F on Query {{ {ALIASED} }}")

    assert (found["limit"], found["allowed"]) == ("introspection", 500)
    assert documents.prepare(f"{{ ...F __typename }} fragment F on Query {{ {ALIASED} }}", None, None)


def test_introspection_within_introspection_is_not(documents: Documents) -> None:
    text = "{__schema{types" + "{fields{type" * 6 + "{name" + "}" * 15

    assert refusal(documents, text)["code"] in ("QUERY_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED")


ALIASED = " ".join(
    f"{name}: __schema {{ types {{ fields {{ args {{ type {{ name }} }} }} }} }}" for name in "abcdefghij"
)
HOSTILE = {
    "one name, 149 times in 29 places": "{" + ("account{" + "owner{id name} " * 5 + "} ") * 29 + "}",
    "in as many fragments": "{account{"
    + "".join(f"...F{n} " for n in range(70))
    + "}} "
    + "".join(f"fragment F{n} on Account{{owner{{owner{{id name}}}}}} " for n in range(70)),
    "fragments in fragments": "{account{"
    + "".join(f"...F{n} " for n in range(60))
    + "}} "
    + "".join(
        f"fragment F{n} on Account{{owner{{...G{n} ...G{(n + 1) % 60}}}}} fragment G{n} on Account{{id}} "
        for n in range(60)
    ),
    "unknown fields": "{account{" + "".join(f"namez{n} " for n in range(1_900)) + "}}",
    "unfinished strings": '{account(x: "' + '\\"' * 100_000,
    "unfinished block strings": '{account(x: """' + '\\"""' * 50_000,
    "one quote a line": '{a(x: "\n' * 60_000,
    "a long name": "{" + "a" * 250_000 + "}",
    "a chain of fragments": "{account{...F0}} "
    + "".join(f"fragment F{n} on Account{{...F{n + 1}}} " for n in range(220))
    + "fragment F220 on Account{id}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_document_takes_long(documents: Documents, text: str) -> None:
    started = time.process_time()

    with suppress(OperationRefused):
        documents.prepare(text, None, None)

    # The worst found takes 0.16 s; what was mended by this took minutes.
    assert time.process_time() - started < 3


def test_a_known_document_is_not_read_again(documents: Documents) -> None:
    first = documents.get("{account{id}}")

    assert documents.get("{account{id}}") is first


def test_what_was_refused_is_not_kept(documents: Documents) -> None:
    for number in range(20):
        refusal(documents, f"{{zzz{number}}}")

    assert kept(documents) == []


def test_the_least_used_documents_go() -> None:
    documents = Documents(LISTS, max_entries=3)
    for number in (1, 2, 3, 1, 4):
        documents.get(f"{{a{number}: account{{id}}}}")

    assert [document.text[2] for document in kept(documents)] == ["1", "3", "4"]


def test_kept_text_is_bounded() -> None:
    documents = Documents(LISTS, max_characters=1_000)
    for number in range(200):
        documents.get(f"{{a{number}: account{{id}}}}")
    documents.get("{account{id}}" + " " * 500)

    assert 900 < sum(len(document.text) for document in kept(documents)) <= 1_000
    assert kept(documents)[-1].text == "{a199: account{id}}"


def test_limits_can_be_set() -> None:
    documents = Documents(LISTS, Limits(depth=2, cost=1))

    documents.prepare("{account{id}}", None, None)
    assert refusal(documents, "{account{owner{id}}}")["limit"] == "depth"


def kept(documents: Documents) -> list[Document]:
    return list(documents._cache.values())
