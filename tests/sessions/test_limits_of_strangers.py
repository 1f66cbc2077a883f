"""Emails and accounts that a stranger can cause are limited, over all accounts and spellings."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.accounts import operator
from resolvers.email_addresses import counted_address
from tests.invitations.test_invitation_email_limits import INVITE_MANY_AND_WHEN, seconds_until
from tests.support.changes import CREATE_ACCOUNT, INVITE_MANY, nothing_changes, user_error
from tests.support.limited import limited
from tests.support.world import INVITE, REQUEST_SIGN_IN, Person, World

DAY = 86_400
CREATE = """mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id }
  userErrors { code message path ... on RetryLater { retryAt } } } }"""
GENERATE = """mutation ($input: GenerateApiKeyInput!) { generateApiKey(input: $input) { apiKey { id }
  userErrors { code message path ... on RetryLater { retryAt } } } }"""


def rows(count: int, prefix: str = "p") -> list[dict[str, str]]:
    return [{"email": f"{prefix}{number}@example.com", "role": "VIEWER"} for number in range(count)]


async def stranger(
    world: World, email: str = "stranger@example.com", accounts: int = 1
) -> tuple[Person, list[str]]:
    """Somebody who has signed up, and their new accounts."""
    person = await world.sign_in(email)
    created = [await person.change(CREATE, name=f"New {number}") for number in range(accounts)]
    return person, [payload["account"]["id"] for payload in created]


async def grow(world: World, account_id: str, days: float) -> None:
    """As if the account were so old."""
    await world.superuser.execute("SET session_replication_role = replica")
    await world.superuser.execute(
        "UPDATE accounts SET created_at = created_at - $1::interval WHERE id::text = $2",
        timedelta(days=days),
        _uuid(account_id),
    )
    await world.superuser.execute("SET session_replication_role = DEFAULT")


def _uuid(global_id: str) -> str:
    digits = global_id.rpartition("_")[2]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def invite_many(person: Person, account_id: str, count: int, prefix: str = "p") -> Any:
    return await person.change(INVITE_MANY_AND_WHEN, accountId=account_id, invitations=rows(count, prefix))


async def test_a_new_account_sends_few_invitations(world: World) -> None:
    person, (account_id,) = await stranger(world)
    async with nothing_changes(world):
        bulk = await invite_many(person, account_id, 1_000)
    first = await invite_many(person, account_id, 50, "first")
    async with nothing_changes(world):
        one = await person.change(INVITE, accountId=account_id, email="one@example.com", role="VIEWER")

    assert user_error(bulk) == ("TOO_MANY_REQUESTS", ["invitations"])
    assert "50" in bulk["userErrors"][0]["message"]
    assert 4 * DAY < seconds_until(bulk["userErrors"][0]) <= 5 * DAY
    assert all(row["invitation"] for row in first["results"])
    assert user_error(one) == ("TOO_MANY_REQUESTS", ["email"])


@pytest.mark.parametrize(("days", "most"), [(1, 100), (3, 400), (5, 1_000)])
async def test_the_number_doubles_with_each_day(world: World, days: int, most: int) -> None:
    person, (account_id,) = await stranger(world)
    await grow(world, account_id, days)
    if most < 1_000:
        async with nothing_changes(world):
            assert user_error(await invite_many(person, account_id, most + 1))[0] == "TOO_MANY_REQUESTS"

    payload = await invite_many(person, account_id, most)

    assert all(row["invitation"] for row in payload["results"])


async def test_three_new_accounts_of_one_person_send_no_more_than_one(world: World) -> None:
    person, ids = await stranger(world, accounts=3)

    payloads = await asyncio.gather(*(invite_many(person, id, 30, id[-5:]) for id in ids))

    sent = sum(bool(row["invitation"]) for payload in payloads for row in payload["results"] or [])
    assert sent == 30
    refused = [payload["userErrors"][0] for payload in payloads if payload["userErrors"]]
    assert [error["code"] for error in refused] == ["TOO_MANY_REQUESTS"] * 2
    assert all(0 < seconds_until(error) <= DAY for error in refused)


@pytest.mark.parametrize("by", ["payment", "operator"])
async def test_an_account_that_somebody_vouches_for_sends_all(
    world: World, themes: dict[str, str], by: str
) -> None:
    person, (account_id,) = await stranger(world)
    if by == "operator":
        slug = await world.superuser.fetchval("SELECT slug FROM accounts WHERE name = 'New 0'")
        await operator.grant_entitlement(world.database, slug, "aurora", 1)
    else:
        await world.superuser.execute("SET session_replication_role = replica")
        await world.superuser.execute(
            "INSERT INTO invoices SELECT * FROM jsonb_populate_record(null::invoices, $1)",
            _paid(account_id),
        )
        await world.superuser.execute("SET session_replication_role = DEFAULT")

    payload = await invite_many(person, account_id, 1_000)

    assert all(row["invitation"] for row in payload["results"])


def _paid(account_id: str) -> str:
    return json.dumps({
        "id": _uuid(account_id), "account_id": _uuid(account_id), "purchased_by_id": _uuid(account_id),
        "number": "X-1", "sequence": 1, "status": "PAID",
        "currency": "EUR", "subtotal": 10, "tax": 0, "total": 10, "billed_to": {}, "tax_rate": 0,
        "issued_at": datetime.now(UTC).isoformat(), "due_at": datetime.now(UTC).isoformat(),
        "paid_at": datetime.now(UTC).isoformat(),
    })  # fmt: skip


async def test_tags_do_not_make_other_addresses_of_one(world: World) -> None:
    spellings = [f"victim+{number}@example.com" for number in range(9)] + ["VICTIM@Example.com"]
    invited = await world.admin.change(
        INVITE_MANY_AND_WHEN, accountId=world.account_id,
        invitations=[{"email": email, "role": "VIEWER"} for email in spellings],
    )  # fmt: skip
    async with nothing_changes(world):
        refused = await world.admin.change(
            INVITE, accountId=world.account_id, email="victim+x@example.com", role="VIEWER"
        )

    assert all(row["invitation"] for row in invited["results"])
    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["email"])


async def test_tags_of_one_bulk_invitation_are_counted_too(world: World) -> None:
    emails = [f"victim+{number}@example.com" for number in range(15)]

    payload = await world.admin.change(
        INVITE_MANY_AND_WHEN, accountId=world.account_id,
        invitations=[{"email": email, "role": "VIEWER"} for email in (*emails, "other@example.com")],
    )  # fmt: skip

    assert [bool(row["invitation"]) for row in payload["results"]] == [*[True] * 10, *[False] * 5, True]
    assert {row["userErrors"][0]["code"] for row in payload["results"][10:15]} == {"TOO_MANY_REQUESTS"}


async def sign_in_email(world: World, email: str) -> Any:
    return await world.nobody.change(REQUEST_SIGN_IN, email=email)


async def test_sign_in_emails_to_the_tags_of_an_address_share_a_limit(world: World) -> None:
    payloads = await asyncio.gather(
        *(sign_in_email(world, f"victim+{number}@example.com") for number in range(30))
    )

    refused = [payload["userErrors"][0] for payload in payloads if payload["userErrors"]]
    assert len(refused) == 20
    assert {error["code"] for error in refused} == {"TOO_MANY_REQUESTS"}
    assert all(300 < seconds_until(error) <= 360 for error in refused)
    assert (await sign_in_email(world, "victim@example.com"))["userErrors"] == []
    assert (await sign_in_email(world, "other+1@example.com"))["userErrors"] == []


async def test_sign_in_emails_to_other_spellings_of_a_mailbox_share_a_limit(world: World) -> None:
    known = (await world.sign_in("known.one@gmail.com")).email
    await world.superuser.execute("DELETE FROM limit_buckets")
    spellings = [f"{'victimofspam'[:dot]}.{'victimofspam'[dot:]}@gmail.com" for dot in range(1, 12)]
    spellings += ["victimofspam@googlemail.com", *spellings]

    for email in (*spellings, "knownone@googlemail.com"):
        assert await sign_in_email(world, email) == {"sentTo": email, "userErrors": []}
    for email in ("victimofspam@gmail.com", known, known):
        assert (await sign_in_email(world, email))["userErrors"] == []

    sent = [len(await world.emails(email)) for email in dict.fromkeys(spellings)]
    assert sum(sent) == 10
    assert len(await world.emails("victimofspam@gmail.com")) == 1
    assert len(await world.emails(known)) == 3


async def test_one_client_asks_for_so_many_sign_in_emails(world: World) -> None:
    await world.superuser.execute("DELETE FROM limit_buckets")
    async with limited(world, sign_in_emails_per_client_per_hour=5) as (there, _):
        payloads = await asyncio.gather(
            *(sign_in_email(there, f"p{number}@example.com") for number in range(9))
        )
        async with nothing_changes(there):
            refused = await sign_in_email(there, "one@example.com")

    assert sum(not payload["userErrors"] for payload in payloads) == 5
    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["email"])
    assert 600 < seconds_until(refused["userErrors"][0]) <= 720


async def test_a_person_creates_so_many_accounts_a_day(world: World) -> None:
    person = await world.sign_in("stranger@example.com")
    payloads = await asyncio.gather(*(person.change(CREATE, name=f"New {number}") for number in range(9)))
    async with nothing_changes(world):
        refused = await person.change(CREATE, name="One more", idempotencyKey="k")

    assert sum(payload["account"] is not None for payload in payloads) == 5
    assert user_error(refused)[0] == "TOO_MANY_REQUESTS"
    assert 0 < seconds_until(refused["userErrors"][0]) <= DAY / 5
    assert (await world.admin.change(CREATE_ACCOUNT, name="Another's"))["userErrors"] == []


async def test_a_person_owns_so_many_accounts(world: World) -> None:
    async with limited(world, accounts_per_person=3) as (there, _):
        person = await there.sign_in("stranger@example.com")
        payloads = await asyncio.gather(*(person.change(CREATE, name=f"New {number}") for number in range(5)))

    refused = [payload["userErrors"][0] for payload in payloads if payload["userErrors"]]
    assert len(refused) == 2
    assert all("3 accounts" in error["message"] for error in refused)


async def test_a_member_is_sent_so_many_keys_to_claim(world: World) -> None:
    async with limited(world, api_key_emails_per_hour=3) as (there, _):
        generate = {"accountId": world.account_id, "memberId": world.member.member_id, "name": "Shop"}
        payloads = [await there.admin.change(GENERATE, **generate) for _ in range(3)]
        async with nothing_changes(there):
            refused = await there.admin.change(GENERATE, **generate)

    assert all(payload["apiKey"] for payload in payloads)
    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["memberId"])
    assert 1_000 < seconds_until(refused["userErrors"][0]) <= 1_200


@pytest.mark.parametrize(
    ("email", "counted"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("ada+x+y@example.com", "ada@example.com"),
        ("+x@example.com", "+x@example.com"),
        ("a.d.a+x@googlemail.com", "ada@gmail.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
    ],
)
def test_what_counts_as_one_address(email: str, counted: str) -> None:
    assert counted_address(email) == counted


async def test_bulk_invitations_of_an_established_account_go_out_whole(world: World) -> None:
    payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows(1_000))

    assert all(row["invitation"] for row in payload["results"])


async def test_new_accounts_take_nothing_from_what_somebody_sends_in_an_established_one(world: World) -> None:
    created = await world.admin.change(CREATE, name="Agency client")
    bulk = [await invite_many(world.admin, created["account"]["id"], 50, "client")]
    bulk += [await invite_many(world.admin, world.account_id, 1_000, f"team{number}-") for number in range(3)]
    created = await world.admin.change(CREATE, name="Another client")
    refused = await invite_many(world.admin, created["account"]["id"], 50, "more")

    assert [payload["userErrors"] for payload in bulk] == [[]] * 4
    assert all(row["invitation"] for payload in bulk for row in payload["results"])
    assert user_error(refused)[0] == "TOO_MANY_REQUESTS"
