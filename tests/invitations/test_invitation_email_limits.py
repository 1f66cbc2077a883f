"""Limits of emails to an address and from an account."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.tidying import forget_expired
from tests.support.changes import INVITE_MANY, INVITE_ONE, RESEND, nothing_changes, user_error
from tests.support.limited import limited
from tests.support.world import Person, World

BOB = "bob@example.com"
RETRY = "... on RetryLater { retryAt }"
RESEND_AND_WHEN = f"""mutation ($input: ResendInvitationInput!) {{ resendInvitation(input: $input) {{
  invitation {{ id }} userErrors {{ code message path {RETRY} }} }} }}"""
INVITE_MANY_AND_WHEN = f"""mutation ($input: InviteMembersInput!) {{ inviteMembers(input: $input) {{
  userErrors {{ code message path {RETRY} }}
  results {{ invitation {{ email }} userErrors {{ code message path {RETRY} }} }} }} }}"""
REVOKE = """mutation ($input: RevokeInvitationInput!) { revokeInvitation(input: $input) {
  userErrors { code } } }"""


def rows(*emails: str) -> list[dict[str, str]]:
    return [{"email": email, "role": "VIEWER"} for email in emails]


async def invite(world: World, email: str = BOB, by: Person | None = None, account_id: str = "") -> Any:
    return await (by or world.admin).change(
        INVITE_ONE, accountId=account_id or world.account_id, email=email, role="MEMBER"
    )


async def another_account(world: World) -> tuple[Person, str]:
    owner = await world.found("Other", "other@example.com")
    found = await owner.ask("{ account { id } }")
    return owner, found["account"]["id"]


def seconds_until(error: dict[str, Any]) -> float:
    return (datetime.fromisoformat(error["retryAt"]) - datetime.now(UTC)).total_seconds()


async def let_pass(world: World, seconds: float) -> None:
    await world.superuser.execute(
        "UPDATE limit_buckets SET full_at = full_at - $1::interval", timedelta(seconds=seconds)
    )


async def test_resending_over_and_over_is_refused_with_the_time_from_which_it_works(world: World) -> None:
    id = (await invite(world))["invitation"]["id"]
    for _ in range(9):
        assert (await world.admin.change(RESEND, invitationId=id))["userErrors"] == []
    emails = len(await world.emails(BOB))

    async with nothing_changes(world):
        refused = await world.admin.change(RESEND_AND_WHEN, invitationId=id)

    assert emails == 10
    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["invitationId"])
    wait = seconds_until(refused["userErrors"][0])
    assert 300 < wait <= 360
    await let_pass(world, wait - 1)
    assert user_error(await world.admin.change(RESEND, invitationId=id))[0] == "TOO_MANY_REQUESTS"
    await let_pass(world, 1)
    assert (await world.admin.change(RESEND, invitationId=id))["userErrors"] == []
    assert user_error(await world.admin.change(RESEND, invitationId=id))[0] == "TOO_MANY_REQUESTS"


async def test_what_is_refused_for_another_reason_does_not_count(world: World) -> None:
    for _ in range(15):
        assert user_error(await invite(world, "member@example.com"))[0] == "ALREADY_MEMBER"
    await world.superuser.execute("DELETE FROM limit_buckets")
    await invite(world)
    for _ in range(15):
        assert user_error(await invite(world))[0] == "ALREADY_INVITED"

    counted = await world.superuser.fetch("SELECT subject FROM limit_buckets WHERE subject LIKE '%@%'")

    assert [row["subject"] for row in counted] == [f"invitations to {BOB}"]


async def test_revoking_and_inviting_again_counts_as_well(world: World) -> None:
    for _ in range(10):
        id = (await invite(world))["invitation"]["id"]
        await world.admin.change(REVOKE, invitationId=id)

    async with nothing_changes(world):
        assert user_error(await invite(world)) == ("TOO_MANY_REQUESTS", ["email"])


async def test_one_person_is_invited_so_often_by_however_many_accounts(world: World) -> None:
    owner, account_id = await another_account(world)
    async with limited(world, invitation_emails_per_hour=2) as (there, _):
        elsewhere = Person(there.http, owner.email, owner.token)
        assert (await invite(there))["userErrors"] == []
        assert (await invite(there, by=elsewhere, account_id=account_id))["userErrors"] == []

        id = (await there.admin.ask("{ account { invitations { nodes { id } } } }"))["account"]["invitations"]
        refused = await there.admin.change(RESEND, invitationId=id["nodes"][0]["id"])
        others = await invite(there, "carol@example.com")

    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["invitationId"])
    assert others["userErrors"] == []


async def test_two_accounts_that_invite_one_person_at_once_do_not_invite_once_too_often(world: World) -> None:
    owner, account_id = await another_account(world)
    async with limited(world, invitation_emails_per_hour=1) as (there, _):
        elsewhere = Person(there.http, owner.email, owner.token)
        emails = [f"{number}@example.com" for number in range(40)]
        ours, theirs = await asyncio.gather(
            there.admin.change(INVITE_MANY_AND_WHEN, accountId=world.account_id, invitations=rows(*emails)),
            elsewhere.change(INVITE_MANY_AND_WHEN, accountId=account_id, invitations=rows(*emails[::-1])),
        )

    invited = [
        row["invitation"]["email"] for each in (ours, theirs) for row in each["results"] if row["invitation"]
    ]
    assert sorted(invited) == sorted(emails)


async def test_a_bulk_invitation_of_a_thousand_is_sent_whole_and_several_times(world: World) -> None:
    for part in range(2):
        emails = [f"{part}-{number}@example.com" for number in range(1_000)]
        payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows(*emails))
        assert all(row["invitation"] and not row["userErrors"] for row in payload["results"])

    assert await world.superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'") >= 2_000


async def test_of_several_only_those_wait_who_got_too_many(world: World) -> None:
    async with limited(world, invitation_emails_per_hour=1) as (there, _):
        id = (await invite(there))["invitation"]["id"]
        await there.admin.change(REVOKE, invitationId=id)
        input = {
            "accountId": world.account_id,
            "invitations": rows("carol@example.com", BOB, "dan@example.com", "carol@example.com"),
            "idempotencyKey": "k",
        }

        payload = await there.admin.change(INVITE_MANY_AND_WHEN, **input)
        again = await there.admin.change(INVITE_MANY_AND_WHEN, **input)

    carol, bob, dan, carol_again = payload["results"]
    assert [row["invitation"]["email"] for row in (carol, dan)] == ["carol@example.com", "dan@example.com"]
    assert user_error(bob) == ("TOO_MANY_REQUESTS", ["invitations", "1", "email"])
    assert 3_500 < seconds_until(bob["userErrors"][0]) <= 3_600
    assert user_error(carol_again) == ("ALREADY_INVITED", ["invitations", "3", "email"])
    assert again == payload


async def test_an_account_sends_so_many_a_day(world: World) -> None:
    async with limited(world, invitation_emails_per_account_per_day=3) as (there, _):
        three = rows(*(f"{number}@example.com" for number in range(3)))
        input = {"accountId": world.account_id, "invitations": [*three, *rows("x@example.com")]}
        first = await there.admin.change(INVITE_MANY_AND_WHEN, **{**input, "invitations": three})
        async with nothing_changes(world):
            refused = await there.admin.change(INVITE_MANY_AND_WHEN, **input)
            one = await invite(there, "y@example.com")
        owner, account_id = await another_account(world)
        elsewhere = await invite(there, by=Person(there.http, "", owner.token), account_id=account_id)

    assert [row["userErrors"] for row in first["results"]] == [[]] * 3
    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["invitations"])
    assert 8 * 3_600 - 60 < seconds_until(refused["userErrors"][0]) <= 8 * 3_600
    assert user_error(one) == ("TOO_MANY_REQUESTS", ["email"])
    assert elsewhere["userErrors"] == []


@pytest.mark.parametrize(("passed", "left"), [(0, 3), (60, 1), (360, 0)])
async def test_buckets_are_deleted_once_they_are_full(world: World, passed: int, left: int) -> None:
    await world.superuser.execute("DELETE FROM limit_buckets")
    await invite(world)
    await let_pass(world, passed)

    await forget_expired(world.database)

    assert await world.superuser.fetchval("SELECT count(*) FROM limit_buckets") == left
