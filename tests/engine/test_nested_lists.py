"""Nested lists at every depth have the same result in compiled code and graphql-core."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    is_required_argument,
)
from hypothesis import given
from hypothesis import strategies as st

from engine.compiled_operations import COMPILED, executions
from engine.execution import execute, execute_reference
from engine.runtime import ForbiddenBeforeReading
from schema import SCHEMA
from tests.engine.test_compiled_equality import BOUNDED, DOCUMENTS, answer_of, stage
from tests.support.busy_stage import BusyStage

__all__ = ["stage"]

ROOTS = {
    "catalog": "Theme",
    "account { members": "Member",
    "account { licenses": "License",
    "account { billing { invoices": "Invoice",
    "account { apiKeys": "ApiKey",
    "account { invitations": "Invitation",
    "account { entitlements": "Entitlement",
}
MOST_FIELDS_DEEP = 10


@st.composite
def nested_lists(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """A query of up to four lists, each in the rows of the one before, with leaves of each."""
    root = draw(st.sampled_from(list(ROOTS)))
    selection = _selection(draw, _type(ROOTS[root]), draw(st.integers(0, 3)), MOST_FIELDS_DEEP)
    return f"{{ {root}(first: 3) {{ nodes {selection} }} }}{' }' * root.count('{')}"


def _selection(
    draw: Callable[[st.SearchStrategy[Any]], Any], kind: GraphQLObjectType, lists: int, depth: int
) -> str:
    optional = {
        name: field
        for name, field in kind.fields.items()
        if not any(is_required_argument(argument) for argument in field.args.values())
    }
    leaves = [name for name, field in optional.items() if is_leaf_type(get_named_type(field.type))]
    selected = draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True)) if leaves else ["__typename"]
    below = {name: field for name, field in optional.items() if is_object_type(get_named_type(field.type))}
    if lists and depth > 2 and below:
        within = [name for name in below if _is_list(below[name])] or list(below)
        name = draw(st.sampled_from(within if draw(st.integers(0, 2)) else list(below)))
        selected.append(_below(draw, name, below[name], lists, depth))
    return f"{{ {' '.join(selected)} }}"


def _below(
    draw: Callable[[st.SearchStrategy[Any]], Any], name: str, field: Any, lists: int, depth: int
) -> str:
    kind = get_named_type(field.type)
    if "nodes" not in kind.fields:
        return f"{name} {_selection(draw, kind, lists - _is_list(field), depth - 1)}"
    node = get_named_type(kind.fields["nodes"].type)
    extra = draw(st.sampled_from(["", "totalCount", "pageInfo { endCursor hasNextPage }"]))
    slice = draw(st.sampled_from(["first: 2", "last: 2"])) + _filter(draw, field)
    return f"{name}({slice}) {{ nodes {_selection(draw, node, lists - 1, depth - 2)} {extra} }}"


def _filter(draw: Callable[[st.SearchStrategy[Any]], Any], field: Any) -> str:
    """By a search, by values of an enum, or by both."""
    if "filter" not in field.args:
        return ""
    given = []
    for name, each in get_named_type(field.args["filter"].type).fields.items():
        kind = get_named_type(each.type)
        if name == "search":
            given += draw(st.sampled_from([[], ['search: "e"'], ['search: "no such"']]))
        elif is_enum_type(kind) and draw(st.booleans()):
            values = draw(st.lists(st.sampled_from(list(kind.values)), min_size=1, max_size=3, unique=True))
            is_list = is_list_type(get_nullable_type(each.type))
            given.append(f"{name}: [{' '.join(values)}]" if is_list else f"{name}: {values[0]}")
    return f" filter: {{ {' '.join(given)} }}"


def _is_list(field: Any) -> bool:
    return is_list_type(get_nullable_type(field.type)) or "first" in field.args


def _type(name: str) -> GraphQLObjectType:
    kind = SCHEMA._schema.get_type(name)
    assert isinstance(kind, GraphQLObjectType)
    return kind


@BOUNDED
@given(st.sampled_from(["ADMIN", "ADMIN", "MEMBER"]), nested_lists())
async def test_nested_lists_are_compiled(stage: BusyStage, who: str, text: str) -> None:
    await assert_compiled(stage, who, text)


NESTED = [
    """{ account { members(first: 2) { nodes {
      activity(first: 2, filter: { actions: [AUDIT_STREAM_UPDATED ACCOUNT_LIMITS_CHANGED ACCOUNT_CREATED] }) {
        nodes { actor { member { account { members(first: 2) { nodes { email } } } } } }
      }
    } } } }""",
    """{ account { licenses(first: 2) { nodes { holder { licenses(first: 2, filter: { search: "e" }) {
      totalCount pageInfo { endCursor } nodes { site holder {
        name licenses(last: 2, filter: { search: "s" statuses: [ACTIVE SUSPENDED] }) { nodes { id site } }
      } }
    } } } } } }""",
    "{ catalog { nodes { slug releases { version files { name size } } } } }",
    "{ catalog { nodes { releases { notes files { id mediaType } } } } }",
    """{ account { members(first: 2) { nodes {
      licenses(first: 2) { __typename kind: __typename nodes { site } }
    } } } }""",
    "{ account { members(first: 2) { nodes { licenses(first: 2) { nodes { __typename } } } } } }",
    "{ catalog { nodes { releases { __typename files { kind: __typename } } } } }",
    """{ account { licenses(first: 2) { nodes { site holder { licenses(first: 2) { nodes {
      site expiresAt theme { tags price { amount } releases { version releasedAt files { size } } }
    } } } } } } }""",
    """{ account { members(first: 3) { nodes {
      licenses(first: 2, filter: { notVerifiedSince: "2100-01-01T00:00:00Z", statuses: [ACTIVE] }) {
        totalCount nodes { site lastVerifiedAt }
      }
      others: licenses(last: 2, filter: { expiresBefore: "2100-01-01T00:00:00Z", installedVersions: ["1"] }) {
        nodes { site }
      }
    } } } }""",
    "{ account { members(first: 3) { nodes { licenses(first: 3) { nodes { theme { tags } } } } } } }",
    """{ account { members(first: 2) { nodes { activity(first: 2) { nodes {
      sequence actor { member { apiKeys: licenses(first: 2) { nodes { status site theme { slug tags } } } } }
    } } } } } }""",
]


@pytest.mark.parametrize("text", NESTED)
async def test_nested_lists_of_each_column_type(stage: BusyStage, text: str) -> None:
    await assert_compiled(stage, "ADMIN", text)


@pytest.mark.parametrize(("lists", "way"), [(10, COMPILED), (11, "too many lists in one statement")])
async def test_a_statement_has_ten_lists(stage: BusyStage, lists: int, way: str) -> None:
    """Of what belongs to each of its rows."""
    each = " ".join(f"a{index}: licenses(first: 1) {{ nodes {{ site }} }}" for index in range(lists))

    await assert_compiled(
        stage, "ADMIN", f"{{ account {{ members(first: 1) {{ nodes {{ {each} }} }} }} }}", way
    )


async def assert_compiled(stage: BusyStage, who: str, text: str, due: str = COMPILED) -> None:
    prepared = DOCUMENTS.prepare(text, None, None)
    compiled, reference = [await stage.context(who) for _ in range(2)]
    before = executions.counts.copy()

    with structlog.testing.capture_logs() as logs:
        answer = await answer_of(execute, prepared, compiled)

    way = list((executions.counts - before).elements())
    assert answer == await answer_of(execute_reference, prepared, reference)
    assert [log["exception"] for log in logs if log["event"] == "fast_path_failed"] == []
    if way == [ForbiddenBeforeReading.__name__] and '"errors":[' not in answer:
        # The list whose rows are refused has none. An Admin, who is refused nothing, gets compiled code.
        assert who != "ADMIN"
        await assert_compiled(stage, "ADMIN", text, due)
        return
    assert way == [due] or '"errors":[' in answer
