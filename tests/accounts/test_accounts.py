"""Accounts are created, renamed and limited, change owners, and share people."""

import re
from decimal import Decimal
from typing import Any

import pytest

from resolvers.accounts import operator
from resolvers.user_errors import UserErrors
from tests.support.changes import (
    CREATE_ACCOUNT,
    REMOVE,
    SET_LIMITS,
    TRANSFER_OWNERSHIP,
    UPDATE_ACCOUNT,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import World

OWN = "query ($id: ID) { account(id: $id) { id name } viewer { memberships { role account { id } } } }"
LIMITS = "{ account { limits { maxActiveLicenses maxMonthlySpend { amount currency } } } }"
LOG = "query ($id: ID) { account(id: $id) { auditLog { nodes { action summary actor { name } } } } }"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("  Analytical   Engines ", "Analytical Engines"), ("株式会社", "株式会社"), ("x" * 100, "x" * 100)],
)
async def test_who_creates_an_account_owns_it(world: World, name: str, kept: str) -> None:
    created = (await world.viewer.change(CREATE_ACCOUNT, name=name))["account"]

    assert (created["name"], created["owner"]["role"]) == (kept, "ADMIN")
    assert created["slug"].isascii()
    assert created["slug"]
    log = (await world.viewer.ask(LOG, id=created["id"]))["account"]["auditLog"]["nodes"]
    assert [(event["action"], event["summary"]) for event in log] == [
        ("ACCOUNT_CREATED", f"Viewer created the account {kept}")
    ]


async def test_accounts_of_one_name_have_slugs_of_their_own(world: World) -> None:
    created = [await world.admin.change(CREATE_ACCOUNT, name="Acme") for _ in range(3)]

    assert len({payload["account"]["slug"] for payload in created} | {"acme"}) == 4


async def test_a_slug_does_not_tell_whether_somebody_else_has_the_name(world: World) -> None:
    taken = (await world.viewer.change(CREATE_ACCOUNT, name="Acme"))["account"]["slug"]
    free = (await world.viewer.change(CREATE_ACCOUNT, name="Nobody has this"))["account"]["slug"]

    assert re.fullmatch(r"acme-[0-9a-f]{8}", taken)
    assert re.fullmatch(r"nobody-has-this-[0-9a-f]{8}", free)


async def test_the_operator_chooses_a_slug_where_the_plain_one_is_taken(world: World) -> None:
    with pytest.raises(UserErrors) as refused:
        await operator.create_account(world.database, "ACME!", "viewer@example.com")
    chosen = await operator.create_account(world.database, "ACME!", "viewer@example.com", slug="acme-2")

    (error,) = refused.value.errors
    assert error.message == "The slug acme is taken: choose another one with --slug."
    assert chosen.slug == "acme-2"


@pytest.mark.parametrize("slug", ["", "Acme", "a b", "-a", "a-", "a--b", "x" * 51, "ü"])
async def test_a_slug_is_letters_digits_and_hyphens(world: World, slug: str) -> None:
    with pytest.raises(UserErrors, match="lower-case letters"):
        await operator.create_account(world.database, "New", "viewer@example.com", slug=slug)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\u202eb", "a\x07b"])
async def test_no_name(world: World, name: str) -> None:
    async with nothing_changes(world):
        assert user_error(await world.admin.change(CREATE_ACCOUNT, name=name)) == ("INVALID", ["name"])
        payload = await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=name)
        assert user_error(payload) == ("INVALID", ["name"])


async def test_who_is_in_two_accounts_says_which(world: World) -> None:
    other = (await world.viewer.change(CREATE_ACCOUNT, name="Other"))["account"]["id"]

    seen = await world.viewer.ask(OWN)
    assert seen["account"] is None
    roles = {m["account"]["id"]: m["role"] for m in seen["viewer"]["memberships"]}
    assert roles == {world.account_id: "VIEWER", other: "ADMIN"}
    for id, name in ((world.account_id, "Acme"), (other, "Other")):
        assert (await world.viewer.ask(OWN, id=id))["account"] == {"id": id, "name": name}
    assert (await world.admin.ask(OWN, id=other))["account"] is None
    for id in ("x", world.admin.member_id, "account_" + "0" * 32):
        assert (await world.viewer.ask(OWN, id=id))["account"] is None


async def test_a_renamed_account_keeps_its_slug(world: World) -> None:
    input = {"accountId": world.account_id, "name": "Acme & Co"}
    renamed = (await world.admin.change(UPDATE_ACCOUNT, **input))["account"]

    assert (renamed["name"], renamed["slug"]) == ("Acme & Co", "acme")
    event = (await world.events())[0]
    assert event["summary"] == "Admin renamed the account from Acme to Acme & Co"
    assert event["details"] == {"name": ["Acme", "Acme & Co"]}
    async with nothing_changes(world):
        await world.admin.change(UPDATE_ACCOUNT, **input)


async def limits(world: World) -> tuple[int | None, Decimal | None]:
    found = (await world.admin.ask(LIMITS))["account"]["limits"]
    spend = found["maxMonthlySpend"]
    return found["maxActiveLicenses"], spend and Decimal(spend["amount"])


async def test_a_limit_left_out_stays_and_null_is_no_cap(world: World) -> None:
    assert await limits(world) == (None, None)
    steps: list[tuple[dict[str, Any], tuple[int | None, Decimal | None], dict[str, Any]]] = [
        (
            {"maxActiveLicenses": 3, "maxMonthlySpend": "99.90"},
            (3, Decimal("99.90")),
            {"maxActiveLicenses": [None, 3], "maxMonthlySpend": [None, "99.90"]},
        ),
        ({"maxActiveLicenses": 0}, (0, Decimal("99.90")), {"maxActiveLicenses": [3, 0]}),
        ({"maxMonthlySpend": None}, (0, None), {"maxMonthlySpend": ["99.90", None]}),
        ({"maxActiveLicenses": None}, (None, None), {"maxActiveLicenses": [0, None]}),
    ]
    for input, expected, details in steps:
        assert not codes(await world.admin.change(SET_LIMITS, accountId=world.account_id, **input))
        assert await limits(world) == expected
        assert (await world.events())[0]["details"] == details
    async with nothing_changes(world):
        for same in ({}, {"maxActiveLicenses": None}):
            assert not codes(await world.admin.change(SET_LIMITS, accountId=world.account_id, **same))


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("maxActiveLicenses", -1),
        ("maxMonthlySpend", "-0.01"),
        ("maxMonthlySpend", "0.001"),
        ("maxMonthlySpend", "1000000000000"),
    ],
)
async def test_no_limit(world: World, limit: str, value: object) -> None:
    async with nothing_changes(world):
        payload = await world.admin.change(SET_LIMITS, accountId=world.account_id, **{limit: value})
    assert user_error(payload) == ("INVALID", [limit])


async def test_a_limit_that_is_too_large_is_told_the_largest(world: World) -> None:
    largest = await world.admin.change(
        SET_LIMITS, accountId=world.account_id, maxMonthlySpend="999999999999.99"
    )
    payload = await world.admin.change(
        SET_LIMITS, accountId=world.account_id, maxMonthlySpend="1000000000000"
    )

    assert largest["account"]["limits"]["maxMonthlySpend"]["amount"] == "999999999999.99"
    (error,) = payload["userErrors"]
    assert "from 0 to 999,999,999,999.99" in error["message"]


async def test_the_heir_is_made_admin_and_the_former_owner_stays_one(world: World) -> None:
    transferred = await world.admin.change(
        TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=world.viewer.member_id
    )

    assert transferred["account"]["owner"] == {"id": world.viewer.member_id, "role": "ADMIN"}
    event = (await world.events())[0]
    assert event["summary"] == "Admin transferred the account's ownership to Viewer"
    assert event["details"] == {"owner": ["Admin", "Viewer"], "role": ["VIEWER", "ADMIN"]}
    input = {"accountId": world.account_id, "memberId": world.admin.member_id}
    async with nothing_changes(world, denied=1):
        # An Admin still, but no longer the owner.
        (forbidden,) = await world.admin.errors(TRANSFER_OWNERSHIP, input=input)
    assert forbidden == {"code": "FORBIDDEN", "permission": "MANAGE_ACCOUNT"}
    assert not codes(await world.viewer.change(TRANSFER_OWNERSHIP, **input))


@pytest.mark.parametrize(
    ("heir", "expected"),
    [("x", "NOT_FOUND"), ("STRANGER", "NOT_FOUND"), ("REMOVED", "NOT_ACTIVE"), ("OWNER", None)],
)
async def test_no_heir(world: World, heir: str, expected: str | None) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)
    heirs = {
        "STRANGER": stranger.member_id,
        "REMOVED": world.viewer.member_id,
        "OWNER": world.admin.member_id,
    }
    async with nothing_changes(world):
        payload = await world.admin.change(
            TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=heirs.get(heir, heir)
        )
    if expected:
        assert user_error(payload) == (expected, ["memberId"])
    else:
        assert not codes(payload)


@pytest.mark.parametrize("id", ["x", "account_" + "0" * 32, "OTHER"])
async def test_no_account(world: World, id: str) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    if id == "OTHER":
        id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    async with nothing_changes(world):
        for change, input in (
            (UPDATE_ACCOUNT, {"name": "Mine"}),
            (SET_LIMITS, {"maxActiveLicenses": 0}),
            (TRANSFER_OWNERSHIP, {"memberId": stranger.member_id}),
        ):
            payload = await world.admin.change(change, accountId=id, **input)
            assert user_error(payload) == ("NOT_FOUND", ["accountId"])
