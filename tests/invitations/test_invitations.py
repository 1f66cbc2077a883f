"""Invitations are sent, resent and revoked."""

from datetime import datetime
from typing import Any

import pytest

from resolvers.invitations import jobs as invitation_jobs
from tests.support.changes import (
    DECLINE,
    INVITE_MANY,
    INVITE_ONE,
    REMOVE,
    RESEND,
    REVOKE_INVITATION,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import ACCEPT, World

BOB = "bob@example.com"
INVITATIONS = """query ($filter: InvitationFilter) { account { invitations(first: 100, filter: $filter) {
  totalCount nodes { id email status role invitedBy { id } acceptedBy { id } } } } }"""


async def invite(world: World, email: str = BOB, **input: Any) -> Any:
    return await world.admin.change(
        INVITE_ONE, **{"accountId": world.account_id, "email": email, "role": "MEMBER", **input}
    )


async def invited(world: World, email: str = BOB) -> tuple[str, str]:
    """An invitation's id, and its link's token."""
    payload = await invite(world, email)
    assert not payload["userErrors"], payload
    return payload["invitation"]["id"], await world.token_for(email)


async def let_time_run_out(world: World, email: str = BOB) -> None:
    await world.superuser.execute(
        "UPDATE invitations SET expires_at = now() - interval '1 second' WHERE email = $1", email
    )


async def invitations(world: World, **filter: Any) -> list[dict[str, Any]]:
    found = (await world.admin.ask(INVITATIONS, filter=filter))["account"]["invitations"]
    assert found["totalCount"] == len(found["nodes"])
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


# Inviting one


@pytest.mark.parametrize("spelling", ["member@example.com", " Member@EXAMPLE.com "])
async def test_a_member_is_not_invited_again(world: World, spelling: str) -> None:
    async with nothing_changes(world):
        assert user_error(await invite(world, spelling)) == ("ALREADY_MEMBER", ["email"])


@pytest.mark.parametrize("spelling", ["Ada@Bücher.example", "ada@XN--BCHER-KVA.example"])
async def test_somebody_is_invited_once_however_the_address_is_spelled(world: World, spelling: str) -> None:
    await invited(world, "ada@bücher.example")

    async with nothing_changes(world):
        assert user_error(await invite(world, spelling)) == ("ALREADY_INVITED", ["email"])


@pytest.mark.parametrize(
    "email",
    ["", "bob", "bob@", "bob@example", "bob@example.com, eve@example.com", "b\x07b@example.com", "x" * 400],
)
async def test_no_address(world: World, email: str) -> None:
    async with nothing_changes(world):
        assert user_error(await invite(world, email)) == ("INVALID", ["email"])


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("x" * 1_000, None),
        ("  two\r\nlines \n", None),
        (" \n ", None),
        ("x" * 1_001, ("INVALID", ["message"])),
        ("a\x07b", ("INVALID", ["message"])),
        ("a\u202eb", ("INVALID", ["message"])),
    ],
)
async def test_a_message(world: World, message: str, outcome: tuple[str, list[str]] | None) -> None:
    payload = await invite(world, message=message)

    if outcome:
        assert user_error(payload) == outcome
    else:
        kept = "\n".join(line.rstrip() for line in message.strip().splitlines()) or None
        assert payload["invitation"]["message"] == kept


async def test_an_expired_invitation_may_follow_and_the_log_says_that_the_first_expired(world: World) -> None:
    await invited(world)
    await let_time_run_out(world)

    again = await invite(world, role="VIEWER")

    assert again["invitation"]["status"] == "PENDING"
    assert [row["status"] for row in await invitations(world, email=BOB)] == ["PENDING", "EXPIRED"]
    assert actions(await world.events())[:3] == ["MEMBER_INVITED", "INVITATION_EXPIRED", "MEMBER_INVITED"]


async def test_a_removed_member_may_be_invited_again_and_is_another_member(world: World) -> None:
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    again = await world.join("VIEWER", world.member.email)

    assert again.member_id != world.member.member_id
    assert actions(await world.events())[:3] == ["MEMBER_JOINED", "MEMBER_INVITED", "MEMBER_REMOVED"]


# Inviting many


async def test_each_of_many_is_told_its_own_outcome(world: World) -> None:
    await invited(world, "pending@example.com")
    await invited(world, "expired@example.com")
    await let_time_run_out(world, "expired@example.com")
    emails = ["new@example.com", "MEMBER@example.com", "Pending@example.com", "no address", "NEW@example.com"]
    emails += ["expired@example.com", *(f"person{number}@example.com" for number in range(994))]
    rows = [{"email": email, "role": "VIEWER"} for email in emails]

    payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)

    assert payload["userErrors"] == []
    refused = {index: codes(result) for index, result in enumerate(payload["results"]) if codes(result)}
    assert refused == {1: ["ALREADY_MEMBER"], 2: ["ALREADY_INVITED"], 3: ["INVALID"], 4: ["ALREADY_INVITED"]}
    assert payload["results"][1]["userErrors"][0]["path"] == ["invitations", "1", "email"]
    done = [result["invitation"]["email"] for result in payload["results"] if result["invitation"]]
    assert done == [emails[0], *emails[5:]]
    counts = await world.superuser.fetch(
        "SELECT action, count(*) FROM audit_events WHERE action LIKE '%INVIT%' GROUP BY 1"
    )
    # Two came before, and two joined as members.
    assert {row["action"]: row["count"] for row in counts} == {
        "MEMBER_INVITED": 996 + 2 + 2,
        "INVITATION_EXPIRED": 1,
    }
    assert len({email.message_id for email in await world.emails()}) == len(await world.emails())
    assert {email.to for email in await world.emails()} >= set(done)


@pytest.mark.parametrize("size", [0, 1_001])
async def test_too_few_or_too_many_are_refused(world: World, size: int) -> None:
    rows = [{"email": f"p{number}@example.com", "role": "VIEWER"} for number in range(size)]

    async with nothing_changes(world):
        payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)

    assert user_error(payload) == ("INVALID", ["invitations"])


async def test_many_of_whom_none_may_be_invited_change_nothing(world: World) -> None:
    rows = [{"email": "member@example.com", "role": "VIEWER"}]

    async with nothing_changes(world):
        payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)

    assert codes(payload["results"][0]) == ["ALREADY_MEMBER"]


# Sending again, and withdrawing


@pytest.mark.parametrize("expired", [False, True])
async def test_a_resent_invitation_has_a_new_link_and_new_time(world: World, expired: bool) -> None:
    id, old_token = await invited(world)
    await world.superuser.execute(
        "UPDATE invitations SET sent_at = now(), delivery = 'SENT', delivery_error = 'x'"
    )
    if expired:
        await let_time_run_out(world)
        await invitation_jobs.expire_due(world.database)

    resent = (await world.admin.change(RESEND, invitationId=id))["invitation"]

    assert (resent["status"], resent["delivery"], resent["deliveryError"]) == ("PENDING", "QUEUED", None)
    assert resent["sentAt"] is None
    assert datetime.fromisoformat(resent["expiresAt"]).timestamp() > datetime.now().timestamp() + 6 * 86_400
    assert user_error(await world.nobody.change(ACCEPT, token=old_token)) == ("TOKEN_INVALID", ["token"])
    assert not codes(await world.nobody.change(ACCEPT, token=await world.token_for(BOB)))


async def test_an_expired_invitation_is_not_resent_beside_a_newer_one(world: World) -> None:
    id, _ = await invited(world)
    await let_time_run_out(world)
    await invited(world)

    async with nothing_changes(world):
        assert user_error(await world.admin.change(RESEND, invitationId=id)) == (
            "ALREADY_INVITED",
            ["invitationId"],
        )


async def test_an_expired_invitation_is_resent_where_the_newer_one_has_expired_as_well(world: World) -> None:
    id, _ = await invited(world)
    await let_time_run_out(world)
    await invited(world)
    await let_time_run_out(world)

    resent = await world.admin.change(RESEND, invitationId=id)

    assert resent["invitation"]["status"] == "PENDING"
    assert [row["status"] for row in await invitations(world, email=BOB)] == ["EXPIRED", "PENDING"]
    assert actions(await world.events())[:2] == ["INVITATION_RESENT", "INVITATION_EXPIRED"]


@pytest.mark.parametrize(("change", "did"), [(RESEND, "RESENT"), (REVOKE_INVITATION, "REVOKED")])
async def test_expiry_is_in_the_log_even_where_somebody_acts_before_the_job(
    world: World, change: str, did: str
) -> None:
    id, _ = await invited(world)
    await let_time_run_out(world)

    assert not codes(await world.admin.change(change, invitationId=id))

    assert await invitation_jobs.expire_due(world.database) == 0
    assert actions(await world.events())[:2] == [f"INVITATION_{did}", "INVITATION_EXPIRED"]


async def end(world: World, how: str, email: str = BOB) -> str:
    """An invitation that has ended; its id."""
    id, token = await invited(world, email)
    match how:
        case "ACCEPTED":
            await world.nobody.change(ACCEPT, token=token)
        case "DECLINED":
            await world.nobody.change(DECLINE, token=token)
        case "REVOKED":
            await world.admin.change(REVOKE_INVITATION, invitationId=id)
        case "EXPIRED":
            await let_time_run_out(world, email)
    return id


@pytest.mark.parametrize("change", [RESEND, REVOKE_INVITATION])
async def test_an_invitation_of_another_account_is_none(world: World, change: str) -> None:
    id, _ = await invited(world)
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        for some_id in (id, world.account_id, "x"):
            assert user_error(await stranger.change(change, invitationId=some_id)) == (
                "NOT_FOUND",
                ["invitationId"],
            )


# Time, and finding them


async def test_an_invitation_has_expired_from_the_moment_on_and_the_job_puts_it_into_the_log(
    world: World,
) -> None:
    id, token = await invited(world)
    await invited(world, "later@example.com")
    await let_time_run_out(world)

    assert [row["id"] for row in await invitations(world, statuses=["EXPIRED"])] == [id]
    assert [row["email"] for row in await invitations(world, statuses=["PENDING"])] == ["later@example.com"]
    assert user_error(await world.nobody.change(ACCEPT, token=token))[0] == "INVITATION_EXPIRED"
    assert [await invitation_jobs.expire_due(world.database) for _ in range(2)] == [1, 0]

    (event,) = await world.events(actions=["INVITATION_EXPIRED"])
    assert (event["actor"]["kind"], event["actor"]["credential"]) == ("SYSTEM", None)
    assert (event["targetId"], event["details"]) == (id, {"status": ["PENDING", "EXPIRED"]})


async def test_the_job_expires_the_invitations_of_many_accounts(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    other_id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    rows = [{"email": f"p{number}@example.com", "role": "VIEWER"} for number in range(300)]
    for admin, account_id in ((world.admin, world.account_id), (stranger, other_id)):
        await admin.change(INVITE_MANY, accountId=account_id, invitations=rows)
    await world.superuser.execute("UPDATE invitations SET expires_at = now() WHERE status = 'PENDING'")

    assert [await invitation_jobs.expire_due(world.database) for _ in range(2)] == [600, 0]

    assert await world.superuser.fetchval("SELECT count(*) FROM invitations WHERE status = 'EXPIRED'") == 600
    total = await world.superuser.fetchval(
        "SELECT count(*) FROM audit_events WHERE action = 'INVITATION_EXPIRED'"
    )
    assert total == 600


async def test_filters(world: World) -> None:
    for how in ("ACCEPTED", "DECLINED", "REVOKED", "EXPIRED"):
        await end(world, how, f"{how.lower()}@example.com")
    await invited(world, "pending@example.com")

    for status in ("ACCEPTED", "DECLINED", "REVOKED", "EXPIRED", "PENDING"):
        found = {row["email"] for row in await invitations(world, statuses=[status])}
        assert found - {world.member.email, world.viewer.email} == {f"{status.lower()}@example.com"}
    both = await invitations(world, statuses=["PENDING", "REVOKED"])
    assert [row["email"] for row in both] == ["pending@example.com", "revoked@example.com"]
    assert [row["status"] for row in await invitations(world, email=" Declined@Example.com")] == ["DECLINED"]
    assert await invitations(world, email="declined") == []
    assert await invitations(world, statuses=[]) == []
    (accepted,) = await invitations(world, email=world.member.email)
    assert accepted["acceptedBy"]["id"] == world.member.member_id
    assert accepted["invitedBy"]["id"] == world.admin.member_id
