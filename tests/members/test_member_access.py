"""A membership with an end is over at that time, everywhere; a job ends it for good."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from mailer import wording
from resolvers.members.jobs import end_due, remind
from tests.api_keys.test_api_key_sockets import listening
from tests.downloads.test_downloads import _ends as transfers_end
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    INVITE_MANY,
    LEAVE,
    PROVISION_LICENSE,
    REMOVE,
    RESEND,
    SET_MEMBER_ACCESS,
    TRANSFER_LICENSE,
    TRANSFER_OWNERSHIP,
    UPDATE_ACCOUNT,
    codes,
    mutation,
    nothing_changes,
    user_error,
)
from tests.support.downloads import a_license, a_link
from tests.support.graphql_ws import connected
from tests.support.locks import until_waiting
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import ACCEPT, Person, World

__all__ = ["listening", "transfers_end"]

ROUNDS = 25
INVITE = mutation("inviteMember", "invitation { id accessUntil expiresAt }")
ACCOUNTS = "{ viewer { memberships { id role accessUntil permissions } } }"
MEMBERS = "{ account { members(filter: { includeRemoved: true }) { nodes { name removedAt accessUntil } } } }"
MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
LOG = "subscription ($id: ID!) { auditLogAppended(accountId: $id) { summary } }"
ENDED = "UPDATE members SET access_until = clock_timestamp() WHERE id = $1"


def after(**duration: float) -> str:
    return (datetime.now(UTC) + timedelta(**duration)).isoformat()


async def set_end(world: World, person: Person, until: str | None) -> None:
    payload = await world.admin.change(SET_MEMBER_ACCESS, memberId=person.member_id, until=until)
    assert not codes(payload), payload


async def end(world: World, person: Person) -> None:
    """The membership reaches its end. No job runs."""
    id = uuid_of(person.member_id)
    await unnoticed(world, f"UPDATE members SET access_until = clock_timestamp() WHERE id = '{id}'")


async def unnoticed(world: World, statement: str) -> None:
    """Executes the statement without triggers, as if time had passed."""
    await world.superuser.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {statement}; COMMIT")


async def days_pass(world: World, days: int) -> None:
    """Times of memberships are so many days earlier."""
    times = (f"{each} = {each} - interval '{days} days'" for each in ("access_until", "access_reminder_at"))
    await unnoticed(world, f"UPDATE members SET {', '.join(times)}")


async def test_an_end_is_set_and_removed(world: World) -> None:
    until = "2100-01-01T00:00:00.000000+00:00"
    await set_end(world, world.member, until)

    (own,) = (await world.member.ask(ACCOUNTS))["viewer"]["memberships"]
    assert datetime.fromisoformat(own["accessUntil"]) == datetime.fromisoformat(until)
    async with nothing_changes(world):
        await set_end(world, world.member, until)
    await set_end(world, world.member, None)
    events = await world.events(actions=["MEMBER_ACCESS_CHANGED"])
    assert [event["details"]["accessUntil"] for event in events] == [
        ["2100-01-01T00:00:00+00:00", None],
        [None, "2100-01-01T00:00:00+00:00"],
    ]
    assert events[0]["summary"] == "Admin changed the end of the access of Member"


async def test_bad_ends_change_nothing(world: World) -> None:
    ends = [{"until": after(seconds=-1)}, {"until": "1970-01-01T00:00:00Z"}]
    invitation = {"accountId": world.account_id, "email": "new@example.com", "role": "VIEWER"}

    async with nothing_changes(world):
        for input in ends:
            payload = await world.admin.change(SET_MEMBER_ACCESS, memberId=world.member.member_id, **input)
            assert user_error(payload) == ("INVALID", ["until"])
        payload = await world.admin.change(
            SET_MEMBER_ACCESS, memberId=world.admin.member_id, until=after(days=1)
        )
        assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])
        payload = await world.admin.change(INVITE, **invitation, accessUntil=after(seconds=-1))
        assert user_error(payload) == ("INVALID", ["accessUntil"])
        row = {"email": "new@example.com", "role": "VIEWER", "accessUntil": after(seconds=-1)}
        payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=[row])
        (error,) = payload["results"][0]["userErrors"]
        assert (error["code"], error["path"]) == ("INVALID", ["invitations", "0", "accessUntil"])


async def test_an_owner_has_no_end(world: World) -> None:
    await set_end(world, world.member, after(days=1))

    async with nothing_changes(world):
        payload = await world.admin.change(
            TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=world.member.member_id
        )
        assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])
    with pytest.raises(asyncpg.CheckViolationError, match="owner_has_no_end"):
        await world.superuser.execute("UPDATE members SET access_until = now() WHERE is_owner")


@pytest.mark.usefixtures("each_executor", "transfers_end")
async def test_access_is_over_at_the_end_without_the_job(world: World, themes: dict[str, str]) -> None:
    license_id = await a_license(world, themes["aurora"])
    path, script = await a_link(world, license_id), await with_key(world, world.member, "READ", "PROVISION")
    await end(world, world.member)

    async with nothing_changes(world, denied=1):
        assert (await world.member.ask(ACCOUNTS))["viewer"]["memberships"] == []
        site = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "b.example.com"}
        assert user_error(await world.member.change(PROVISION_LICENSE, **site)) == (
            "NOT_FOUND",
            ["accountId"],
        )
        assert await script.errors("{ account { id } }") == [{"code": "UNAUTHENTICATED"}]
        opened = await world.http.get(path)
        assert (opened.status_code, opened.json()["error"]["code"]) == (403, "MEMBER_REMOVED")
        receiving = {"licenseId": license_id, "toMemberId": world.member.member_id}
        moved = await world.admin.change(TRANSFER_LICENSE, **receiving)
        assert user_error(moved) == ("NOT_ACTIVE", ["toMemberId"])
        for change in (SET_MEMBER_ACCESS, REMOVE):
            payload = await world.admin.change(change, memberId=world.member.member_id)
            assert user_error(payload) == ("NOT_ACTIVE", ["memberId"])
        left = await world.member.change(LEAVE, accountId=world.account_id)
        assert user_error(left) == ("NOT_FOUND", ["accountId"])


async def test_the_job_does_what_removing_does(world: World, themes: dict[str, str]) -> None:
    await a_license(world, themes["aurora"])
    await with_key(world, world.member, "READ")
    await set_end(world, world.member, after(days=1))
    assert await end_due(world.settings, world.database) == 0
    await end(world, world.member)

    first, second = await asyncio.gather(*(end_due(world.settings, world.database) for _ in range(2)))

    assert first + second == 1
    ended, revoked = (await world.events())[:2]
    assert (ended["action"], revoked["action"]) == ("MEMBER_ACCESS_ENDED", "API_KEY_REVOKED")
    assert ended["summary"] == "Team access ended the access of Member, and 1 license went to Admin"
    assert (ended["actor"]["kind"], ended["targetId"]) == ("SYSTEM", world.member.member_id)
    nodes = (await world.admin.ask(MEMBERS))["account"]["members"]["nodes"]
    (member,) = [node for node in nodes if node["name"] == "Member"]
    assert member["removedAt"] == member["accessUntil"]
    holder = await world.superuser.fetchval("SELECT holder_id FROM licenses")
    assert holder == uuid_of(world.admin.member_id)
    async with nothing_changes(world):
        assert await end_due(world.settings, world.database) == 0
    await chain.assert_whole(world.superuser)


async def test_whom_an_end_concerns_is_told_of_it(world: World, themes: dict[str, str]) -> None:
    """The member, and the owner once about all licenses that passed."""
    await a_license(world, themes["aurora"], "a.example.com")
    to_viewer = {"licenseId": await a_license(world, themes["aurora"], "b.example.com")}
    await world.admin.change(TRANSFER_LICENSE, **to_viewer, toMemberId=world.viewer.member_id)
    await with_key(world, world.member, "READ")
    moment = datetime.now(UTC)
    await unnoticed(world, f"UPDATE members SET access_until = '{moment.isoformat()}' WHERE NOT is_owner")
    await world.superuser.execute("DELETE FROM pgqueuer")

    assert await end_due(world.settings, world.database) == 2

    emails = {email.to: email for email in await world.emails()}
    assert len(await world.emails()) == len(emails) == 3
    member, viewer, owner = (emails[each.email] for each in (world.member, world.viewer, world.admin))
    assert member.subject == viewer.subject == "Your access to Acme has ended"
    assert f"Your membership ended on {wording.when(moment)}, as an Admin had set." in member.text
    assert "1 license that you held went to Admin." in member.text
    assert "This API key of yours was revoked" in member.text
    assert "API key" not in viewer.text
    assert "The access of 2 members has ended, and 2 licenses passed to you" in owner.text


async def test_sockets_end_at_the_time_with_nothing_announced(world: World, listening: str) -> None:
    """Neither a job nor an event wakes them, and the server does not look either."""
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="ADMIN")
    script = await with_key(world, world.member, "READ")
    await set_end(world, world.member, after(seconds=3))
    async with connected(listening, world.member.token) as own, connected(listening, script.token) as key:
        changes = await own.subscribe(MEMBER, id=world.account_id)
        log = await own.subscribe(LOG, id=world.account_id)
        assert (await changes.next())["role"] == "ADMIN"
        of_key = await key.subscribe(MEMBER, id=world.account_id)
        assert (await of_key.next())["role"] == "ADMIN"

        assert await changes.ended() == []
        await log.rest()
        assert [error["code"] for error in await log.ended()] == ["FORBIDDEN"]
        assert await key.closed() == (
            4403,
            "The member that this API key belongs to is no longer a member of the account.",
        )
        assert await own.is_open()


async def test_an_invitation_leads_to_a_membership_with_an_end(world: World) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    payload = await world.admin.change(
        INVITE,
        accountId=world.account_id,
        email="new@example.com",
        role="MEMBER",
        accessUntil=until.isoformat(),
    )

    invitation = payload["invitation"]
    assert datetime.fromisoformat(invitation["accessUntil"]) == until
    assert datetime.fromisoformat(invitation["expiresAt"]) == until
    (email,) = await world.emails("new@example.com")
    token = await world.token_for("new@example.com")
    page = (await world.http.get(f"/join/{token}")).text
    for said in (email.text, email.html):
        assert f"Your access ends on {wording.when(until)}." in said
    assert f'<dt>Your access</dt><dd>ends on <time datetime="{until.isoformat()}">' in page
    joined = await world.nobody.change(ACCEPT, token=token)
    person = Person(world.http, "new@example.com", joined["sessionToken"])
    (own,) = (await person.ask(ACCOUNTS))["viewer"]["memberships"]
    assert datetime.fromisoformat(own["accessUntil"]) == until
    resent = await world.admin.change(RESEND, invitationId=invitation["id"])
    assert user_error(resent) == ("INVITATION_ALREADY_USED", ["invitationId"])


async def test_an_invitation_whose_access_has_ended_is_neither_accepted_nor_resent(world: World) -> None:
    row = {"email": "new@example.com", "role": "VIEWER", "accessUntil": after(hours=1)}
    payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=[row])
    invitation_id = payload["results"][0]["invitation"]["id"]
    token = await world.token_for("new@example.com")
    await unnoticed(world, "UPDATE invitations SET access_until = now(), expires_at = now()")

    async with nothing_changes(world):
        joined = await world.nobody.change(ACCEPT, token=token)
        assert user_error(joined) == ("INVITATION_EXPIRED", ["token"])
        resent = await world.admin.change(RESEND, invitationId=invitation_id)
        assert user_error(resent) == ("INVITATION_EXPIRED", ["invitationId"])


async def test_who_was_a_member_until_now_can_be_invited_and_join_before_the_job(world: World) -> None:
    await end(world, world.member)
    input = {"accountId": world.account_id, "email": world.member.email, "role": "VIEWER"}
    assert not codes(await world.admin.change(INVITE, **input))

    joined = await world.member.change(ACCEPT, token=await world.token_for(world.member.email))

    assert not codes(joined), joined
    (told,) = [each for each in await world.emails() if each.subject == "Your access to Acme has ended"]
    assert told.to == world.member.email
    assert "ask an Admin of Acme" in told.text
    (own,) = (await world.member.ask(ACCOUNTS))["viewer"]["memberships"]
    assert (own["role"], own["accessUntil"]) == ("VIEWER", None)
    assert [event["action"] for event in (await world.events())[:2]] == [
        "MEMBER_JOINED",
        "MEMBER_ACCESS_ENDED",
    ]


async def reminders(world: World) -> list[tuple[str, str]]:
    return [(message.to, message.subject) for message in await world.emails() if "Ends on" in message.subject]


async def test_member_and_admins_are_reminded_twice_and_once_each(world: World) -> None:
    await set_end(world, world.member, after(days=8))

    async def told() -> list[str]:
        before = len(await reminders(world))
        await asyncio.gather(*(remind(world.settings, world.database) for _ in range(3)))
        return [to for to, _ in (await reminders(world))[before:]]

    assert await told() == []
    await days_pass(world, 1)
    assert sorted(await told()) == ["admin@example.com", "member@example.com"]
    await days_pass(world, 5)
    assert await told() == []
    await days_pass(world, 1)
    assert sorted(await told()) == ["admin@example.com", "member@example.com"]
    assert await told() == []
    subjects = {subject for _, subject in await reminders(world)}
    assert any(subject.endswith("your access to Acme") for subject in subjects)
    assert any(subject.endswith("the access of Member") for subject in subjects)


async def test_an_end_that_is_set_in_a_loop_sends_few_reminders(world: World) -> None:
    """To the member and to each Admin."""
    settings = world.settings.model_copy(update={"access_emails_per_hour": 2})
    for step in range(4):
        await set_end(world, world.member, after(days=30, seconds=step))
        await world.superuser.execute("UPDATE members SET access_reminder_at = now() WHERE NOT is_owner")
        assert await remind(settings, world.database) == 1

    assert Counter(to for to, _ in await reminders(world)) == {world.member.email: 2, world.admin.email: 2}


async def test_a_new_end_is_reminded_of_anew(world: World) -> None:
    """Reminders whose time has passed when the end is set are not sent."""
    await set_end(world, world.member, after(days=6))
    assert await remind(world.settings, world.database) == 0
    await set_end(world, world.member, after(hours=3))
    assert await remind(world.settings, world.database) == 0
    await set_end(world, world.member, after(days=30))
    await days_pass(world, 23)
    assert await remind(world.settings, world.database) == 1


async def test_access_ends_while_a_change_waits_for_its_lock(world: World) -> None:
    """The change has begun as a member's, and has the lock only when the membership is over."""
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="ADMIN")
    account = uuid_of(world.account_id)
    for number in range(ROUNDS):
        transaction = world.superuser.transaction()
        await transaction.start()
        await world.superuser.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", account)
        name = {"accountId": world.account_id, "name": f"Late {number}"}
        waiting = asyncio.create_task(world.member.change(UPDATE_ACCOUNT, **name))
        await until_waiting(world.superuser)
        await world.superuser.execute("SET LOCAL session_replication_role = replica")
        await world.superuser.execute(ENDED, uuid_of(world.member.member_id))
        await transaction.commit()

        assert user_error(await waiting) == ("NOT_FOUND", ["accountId"])
        await unnoticed(world, "UPDATE members SET access_until = NULL")
    assert await world.superuser.fetchval("SELECT name FROM accounts") == "Acme"


async def test_time_alone_ends_access_while_a_change_waits_for_its_lock(world: World) -> None:
    """No row changes meanwhile, so the database does not evaluate the condition of the lock again."""
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="ADMIN")
    await set_end(world, world.member, after(seconds=2))
    transaction = world.superuser.transaction()
    await transaction.start()
    account = uuid_of(world.account_id)
    await world.superuser.execute("SELECT FROM accounts WHERE id = $1 FOR UPDATE", account)
    name = {"accountId": world.account_id, "name": "Late"}
    waiting = asyncio.create_task(world.member.change(UPDATE_ACCOUNT, **name))
    await until_waiting(world.superuser)
    await world.superuser.execute(
        "SELECT pg_sleep_until(access_until) FROM members WHERE access_until > now()"
    )
    await transaction.rollback()

    assert user_error(await waiting) == ("NOT_FOUND", ["accountId"])


async def test_joining_meets_the_end_of_what_was_offered(world: World) -> None:
    """Either the person has joined, and is out at the end; or the invitation has expired."""
    seen: set[str] = set()
    for number in range(ROUNDS):
        email = f"person{number}@example.com"
        await world.superuser.execute("DELETE FROM limit_buckets")
        input: dict[str, Any] = {"accountId": world.account_id, "email": email, "role": "VIEWER"}
        assert not codes(await world.admin.change(INVITE, **input, accessUntil=after(seconds=60)))
        token = await world.token_for(email)
        offered = "UPDATE invitations SET access_until = clock_timestamp(), expires_at = clock_timestamp()"
        ending = unnoticed(world, f"{offered} WHERE email = '{email}'")
        joined, _ = await asyncio.gather(world.nobody.change(ACCEPT, token=token), ending)

        seen.add(codes(joined)[0] if codes(joined) else "joined")
        await asyncio.sleep(0)
        await end_due(world.settings, world.database)
        (row,) = await world.superuser.fetch(
            "SELECT (SELECT count(*) FROM members WHERE email = $1 AND access_until IS NULL) AS endless,"
            " (SELECT count(*) FROM members WHERE email = $1) AS members",
            email,
        )
        assert row["endless"] == 0
        assert row["members"] == int(not codes(joined))
    assert seen <= {"joined", "INVITATION_EXPIRED"}
