"""Lists that are not connections declare how long they can be, and are priced by it."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType

from engine.limits import Limits
from engine.list_sizes import (
    LIST_SIZE,
    at_most,
    is_connection,
    is_list_of_objects,
    list_size_of,
    require_list_sizes,
    usually,
)
from engine.operation_cache import Documents, OperationRefused
from schema import SCHEMA
from tests.support.changes import PURCHASE, SET_MEMBER_LIMITS
from tests.support.limited import limited
from tests.support.world import World

DOCUMENTS = Documents(SCHEMA._schema, Limits(cost=10**9))
WITHIN_LIMITS = Documents(SCHEMA._schema)
ROLES = (
    "mutation ($input: ChangeMemberRolesInput!) { changeMemberRoles(input: $input) { results {"
    " userErrors { code } member { %s } } } }"
)
MEMBERS = [{"memberId": "member_1", "role": "VIEWER"}] * 1_000


def cost(text: str, **variables: Any) -> int:
    return DOCUMENTS.prepare(text, None, variables).cost


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("viewer { sessions { id } }", 1 + 100),
        ("viewer { memberships { account { id } } }", 1 + 100 * 2),
        ('nodes(ids: ["a", "b", "c"]) { id }', 3),
        ('node(id: "a") { ... on Invoice { lines { theme { id } } } }', 1 + 10 * 2),
        ('node(id: "a") { ... on Theme { releases { files { id } } } }', 1 + 10 * 11),
        ('node(id: "a") { ... on Member { limits { themes { id } } } }', 1 + 1 + 10),
        ('node(id: "a") { ... on Member { offboarding { activeApiKeys { id } } } }', 1 + 1 + 10),
        ('node(id: "a") { ... on Member { offboarding { pendingInvitations { id } } } }', 1 + 1 + 10),
        ('node(id: "a") { ... on ApiKey { usage { calls } } }', 1 + 30),
        ('node(id: "a") { ... on ApiKey { usage(days: null) { calls } } }', 1 + 30),
        ('node(id: "a") { ... on ApiKey { usage(days: 90) { calls } } }', 1 + 90),
        ('node(id: "a") { ... on ApiKey { scopes allowedNetworks effectivePermissions } }', 1),
    ],
)
def test_a_list_is_priced_by_its_size(selection: str, expected: int) -> None:
    assert cost(f"{{ {selection} }}") == expected


def test_a_list_is_priced_by_a_variable_of_its_argument() -> None:
    text = 'query ($days: Int) { node(id: "a") { ... on ApiKey { usage(days: $days) { calls } } } }'

    assert [cost(text, days=7), cost(text, days=None), cost(text)] == [8, 31, 31]


def test_results_of_a_change_are_priced_by_its_input() -> None:
    input = {"accountId": "account_1", "members": MEMBERS}
    literal = '{accountId: "a", members: [{memberId: "b", role: VIEWER}, {memberId: "c", role: VIEWER}]}'

    assert cost(ROLES % "id", input=input) == 1 + 1_000 * 3
    assert cost(ROLES % "licenses(first: 100) { nodes { id } }", input=input) == 1 + 1_000 * (3 + 1 + 100)
    assert cost(f"mutation {{ changeMemberRoles(input: {literal}) {{ ...R }} }} {FRAGMENT}") == 1 + 2 * 2
    by_members = (
        f"mutation ($members: [MemberRoleInput!]!) {{ changeMemberRoles(input: {VARIABLE}) {{ ...R }} }}"
    )
    assert cost(f"{by_members} {FRAGMENT}", members=MEMBERS) == 1 + 1_000 * 2
    assert cost('mutation { createAccount(input: {name: "a"}) { userErrors { code } } }') == 2


FRAGMENT = "fragment R on ChangeMemberRolesPayload { results { member { id } } }"
VARIABLE = '{accountId: "a", members: $members}'


@pytest.mark.parametrize(
    "text",
    [
        "{ account { members(first: 100) { nodes { limits { maxActiveLicenses themes { id name } } } } } }",
        "{ account { members { nodes { offboarding { activeApiKeys { id } } } } } }",
        "{ account { apiKeys(first: 100) { nodes { usage(days: 90) { day calls denied } } } } }",
        """{ account { billing { invoices { nodes { subtotal { amount } tax { amount } total { amount }
          lines { unitPrice { amount } amount { amount } theme { slug } } purchasedBy { id } } } } } }""",
        "{ catalog { nodes { price { amount } releases { version files { name } } } } }",
        "{ viewer { memberships { account { members { nodes { id } } } } } }",
    ],
)
def test_a_usual_page_is_within_the_limit(text: str) -> None:
    assert WITHIN_LIMITS.prepare(text, None, None).cost > 500


USAGE = "apiKeys(first: 100) { nodes { usage(days: 90) { day } } }"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (f"{{ account {{ a: {USAGE} b: {USAGE} }} }}", {}),
        (ROLES % "activity(first: 100) { nodes { id } }", {"input": {"members": MEMBERS}}),
    ],
)
def test_long_lists_in_long_lists_are_refused(text: str, variables: dict[str, Any]) -> None:
    with pytest.raises(OperationRefused) as refused:
        WITHIN_LIMITS.prepare(text, None, variables)

    assert (refused.value.errors[0].extensions or {})["limit"] == "cost"


OWN_THEMES = "{ account { viewerMember { limits { themes { slug } } } } }"
LINES = (
    "{ account { billing { invoices(first: 1) { nodes { number lines { quantity theme { slug } } } } } } }"
)
SET_LIMITS = """mutation ($input: SetMemberLimitsInput!) { setMemberLimits(input: $input) {
  member { limits { themes { slug } } } } }"""


async def many_themes(world: World, themes: dict[str, str], count: int) -> list[str]:
    """Adds copies of a theme to the catalog. Returns the ids of `count` themes."""
    columns = await world.superuser.fetchval(
        "SELECT string_agg(column_name, ',') FROM information_schema.columns"
        " WHERE table_name = 'themes' AND is_generated = 'NEVER' AND column_name NOT IN ('id', 'slug')"
    )
    await world.superuser.execute(
        f"INSERT INTO themes (id, slug, {columns}) SELECT gen_random_uuid(), slug || n, {columns}"
        " FROM themes, generate_series(1, $1::int) n WHERE slug = 'aurora'",
        count - len(themes),
    )
    return [f"theme_{record[0].hex}" for record in await world.superuser.fetch("SELECT id FROM themes")]


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize("text", [OWN_THEMES, LINES])
async def test_items_beyond_the_price_count_against_the_maximum_cost(
    world: World, themes: dict[str, str], text: str
) -> None:
    ids = await many_themes(world, themes, 40)
    await world.admin.change(SET_MEMBER_LIMITS, memberId=world.admin.member_id, themeIds=ids)
    items = [{"themeId": id, "quantity": 1} for id in ids]
    await world.admin.change(PURCHASE, accountId=world.account_id, items=items)
    most = cost(text) + 30

    async with limited(world, max_cost=most) as (there, _):
        enough = await there.admin.post(text)
    async with limited(world, max_cost=most - 1) as (there, _):
        too_much = await there.admin.post(text)

    assert str(enough["data"]).count("slug") == 40
    assert "data" not in too_much
    (error,) = too_much["errors"]
    assert error["extensions"] == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "cost",
        "actual": most,
        "allowed": most - 1,
    }


@pytest.mark.usefixtures("each_executor")
async def test_a_change_whose_payload_has_too_many_items_is_reported_as_made(
    world: World, themes: dict[str, str]
) -> None:
    ids = await many_themes(world, themes, 40)
    input = {"memberId": world.member.member_id, "themeIds": ids}

    async with limited(world, max_cost=30) as (there, _):
        (error,) = (await there.admin.post(SET_LIMITS, input=input))["errors"]

    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "have been made" in error["message"]
    assert await world.superuser.fetchval("SELECT cardinality(theme_ids) FROM member_limits") == 40


def test_each_list_of_objects_has_a_size() -> None:
    lists = {
        f"{kind.name}.{name}": list_size_of(field)
        for kind in SCHEMA._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not (kind.name.startswith("__") or is_connection(kind))
        for name, field in kind.fields.items()
        if is_list_of_objects(field)
    }

    assert len(lists) > 60
    assert None not in lists.values()


def test_a_list_without_a_size_is_named() -> None:
    @strawberry.type
    class Leaf:
        names: list[str]

    @strawberry.type
    class Query:
        leaves: list[Leaf]
        maybe: list[Leaf | None] | None
        sized: list[Leaf] = strawberry.field(metadata={LIST_SIZE: at_most(3)})

    with pytest.raises(TypeError, match=r"size, such as at_most\(…\): Query\.leaves, Query\.maybe$"):
        require_list_sizes(strawberry.Schema(Query)._schema)
    with pytest.raises(ValueError, match="not priced as longer"):
        usually(4, most=3)
