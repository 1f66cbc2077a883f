"""Texts and lists above their limits are refused before they are processed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_list_type

from engine.input_limits import require_limits, text
from schema import SCHEMA
from tests.support.changes import REVOKE_LICENSE, UPDATE_PROFILE
from tests.support.world import World

LONG = "ü" * 100_000
LISTS: list[tuple[str, str, Any, str]] = [
    ("account { licenses(filter: {search: %s}) { totalCount } }", "String", LONG, "filter.search"),
    ("account { members(filter: {search: %s}) { totalCount } }", "String", LONG, "filter.search"),
    ("catalog(filter: {search: %s}) { totalCount }", "String", LONG, "filter.search"),
    ("catalog(filter: {tag: %s}) { totalCount }", "String", LONG, "filter.tag"),
    ("catalog(after: %s) { totalCount }", "String", LONG, "after"),
    ("theme(slug: %s) { name }", "String!", LONG, "slug"),
    ("invitation(token: %s) { role }", "String!", LONG, "token"),
    ("node(id: %s) { id }", "ID!", LONG, "id"),
    ("nodes(ids: [%s]) { id }", "ID!", LONG, "ids.0"),
    ("account { licenses(filter: {themeIds: [%s]}) { totalCount } }", "ID!", LONG, "filter.themeIds.0"),
    ("account { auditLog(filter: {occurredFrom: %s}) { totalCount } }", "DateTime", LONG,
     "filter.occurredFrom"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "kind", "value", "name"), LISTS)
async def test_a_long_text_is_refused(
    world: World, each_executor: None, field: str, kind: str, value: str, name: str
) -> None:
    admin = world.people["ADMIN"]

    literal = await admin.post("{ %s }" % (field % f'"{value}"'))
    variable = await admin.post(f"query ($value: {kind}) {{ {field % '$value'} }}", value=value)
    default = await admin.post(f'query ($value: {kind.strip("!")} = "{value}") {{ {field % "$value"} }}')

    for answer in (literal, variable, default):
        assert answer.get("data") is None
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].startswith(f"`{name}` has 100,000 characters; at most ")
        assert len(error["message"]) < 200


@pytest.mark.parametrize(
    ("field", "kind", "name"),
    [
        ("nodes(ids: %s) { id }", "[ID!]!", "ids"),
        ("account { licenses(filter: {holderIds: %s}) { totalCount } }", "[ID!]", "filter.holderIds"),
        ("account { auditLog(filter: {actorIds: %s}) { totalCount } }", "[ID!]", "filter.actorIds"),
    ],
)
async def test_a_long_list_is_refused(
    world: World, each_executor: None, field: str, kind: str, name: str
) -> None:
    ids = [f"member_{number:032x}" for number in range(101)]
    literal = json.dumps(ids)

    for answer in (
        await world.people["ADMIN"].post("{ %s }" % (field % literal)),
        await world.people["ADMIN"].post(f"query ($value: {kind}) {{ {field % '$value'} }}", value=ids),
    ):
        assert [error["message"] for error in answer["errors"]] == [
            f"`{name}` has 101 items; at most 100 are allowed."
        ]


@pytest.mark.parametrize("size", [2147483647, 101, -1, 2**31, 10**30])
@pytest.mark.parametrize("name", ["first", "last"])
async def test_the_size_of_a_page_is_checked_before_its_cost(
    world: World, each_executor: None, name: str, size: int
) -> None:
    nested = "account {{ members(first: 100) {{ nodes {{ licenses({}) {{ nodes {{ site }} }} }} }} }}"
    asked = f"{name}: {size}"

    answers = [await world.people["ADMIN"].post(f"{{ {nested.format(asked)} }}")]
    if size < 2**63:
        text = f"query ($size: Int) {{ {nested.format(f'{name}: $size')} }}"
        answers.append(await world.people["ADMIN"].post(text, size=size))

    for answer in answers:
        (error,) = answer["errors"]
        assert error["message"].startswith(f"`{name}` must be 0 to 100, not {str(size)[:3]}")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_input_of_a_change_is_answered_by_user_errors(world: World, each_executor: None) -> None:
    answer = await world.people["ADMIN"].change(UPDATE_PROFILE, name=LONG)

    assert answer["userErrors"] == [
        {
            "code": "INVALID",
            "message": "`name` has 100,000 characters; at most 100 are allowed.",
            "path": ["name"],
        }
    ]


async def test_an_id_of_a_change_is_answered_by_user_errors(world: World, each_executor: None) -> None:
    answer = await world.people["VIEWER"].change(REVOKE_LICENSE, licenseId=LONG, reason="x")

    assert [error["path"] for error in answer["userErrors"]] == [["licenseId"]]


def test_each_text_and_list_tells_its_limit() -> None:
    silent = [
        coordinate
        for coordinate, kind, description in _inputs()
        if get_named_type(kind).name == "String" or _is_list(kind)
        if "At most " not in description
    ]

    assert len(list(_inputs())) > 100
    assert silent == []


def test_a_text_without_a_limit_is_found() -> None:
    @strawberry.input
    class Things:
        silent: str
        limited: str = text("Short.", most=3)
        many: list[int]

    @strawberry.type
    class Query:
        @strawberry.field
        def things(self, things: Things, name: str, number: int, id: strawberry.ID) -> int:
            return number

    with pytest.raises(TypeError, match="Texts and lists need a limit") as refused:
        require_limits(strawberry.Schema(Query)._schema)

    names = str(refused.value).partition("items(…): ")[2].split(", ")
    assert sorted(names) == ["Query.things(name:)", "Things.many", "Things.silent"]


def _is_list(kind: Any) -> bool:
    return is_list_type(getattr(kind, "of_type", None)) or is_list_type(kind)


def _inputs() -> Iterator[tuple[str, Any, str]]:
    for kind in SCHEMA._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            for name, each in kind.fields.items():
                yield f"{kind.name}.{name}", each.type, each.description or ""
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, definition in kind.fields.items():
                for argument, each in definition.args.items():
                    yield f"{kind.name}.{name}({argument}:)", each.type, each.description or ""
