"""A member is told by email what somebody else did to its access, and who did it."""

import pytest

from mailer.messages import Message
from tests.support.changes import (
    CHANGE_ROLE,
    END_SESSIONS,
    LEAVE,
    PROVISION_LICENSE,
    REINSTATE_LICENSE,
    REMOVE,
    REVOKE_LICENSE,
    SET_MEMBER_ACCESS,
    SET_MEMBER_LIMITS,
    SUSPEND_LICENSE,
    TRANSFER_LICENSE,
    TRANSFER_OWNERSHIP,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.limited import limited
from tests.support.stored_keys import store_api_key
from tests.support.world import Person, World

END, EARLIER_END = "2100-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
async def _begins_without_emails(world: World) -> None:
    await world.superuser.execute("DELETE FROM pgqueuer")


async def told(world: World) -> dict[str, Message]:
    """The queued emails by their recipient, who gets one at most."""
    emails = await world.emails()
    by_recipient = {email.to: email for email in emails}
    assert len(by_recipient) == len(emails), [(email.to, email.subject) for email in emails]
    return by_recipient


async def provision(world: World, themes: dict[str, str], holder: Person, site: str = "a.example.com") -> str:
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": site}
    payload = await world.admin.change(PROVISION_LICENSE, **input, holderId=holder.member_id)
    assert not codes(payload)
    id: str = payload["license"]["id"]
    return id


async def test_a_changed_role(world: World) -> None:
    await world.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role="ADMIN")

    emails = await told(world)
    assert emails.keys() == {world.viewer.email}
    assert emails[world.viewer.email].subject == "You are now an Admin of Acme"
    assert "Admin changed your role from Viewer to Admin." in emails[world.viewer.email].text


async def test_a_removal_is_one_email_to_the_member_and_one_to_the_heir(
    world: World, themes: dict[str, str]
) -> None:
    for number in range(3):
        await provision(world, themes, world.member, f"s{number}.example.com")
    for name in ("Shop", "Till"):
        await store_api_key(world, world.member.member_id, name, "READ")
    await world.superuser.execute("DELETE FROM pgqueuer")
    heir = world.viewer.member_id

    await world.admin.change(REMOVE, memberId=world.member.member_id, transferLicensesTo=heir)

    emails = await told(world)
    assert emails.keys() == {world.member.email, world.viewer.email}
    removed, given = emails[world.member.email].text, emails[world.viewer.email].text
    assert "Admin ended your membership." in removed
    assert "3 licenses that you held went to Viewer." in removed
    assert "- Shop\n- Till\n" in removed
    assert "Admin gave you 3 licenses, until now of Member." in given


async def test_who_leaves_is_told_nothing_and_the_owner_of_its_licenses(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes, world.member)
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.member.change(LEAVE, accountId=world.account_id)

    emails = await told(world)
    assert emails.keys() == {world.admin.email}
    assert "Member gave you 1 license, until now of Member." in emails[world.admin.email].text


async def test_sessions_that_an_admin_ends(world: World) -> None:
    await world.admin.change(END_SESSIONS, memberId=world.member.member_id)
    await world.viewer.change(END_SESSIONS, memberId=world.viewer.member_id)

    emails = await told(world)
    assert emails.keys() == {world.member.email}
    assert "Admin ended your sessions in Acme" in emails[world.member.email].text


async def test_both_owners_are_told_that_the_ownership_moved(world: World) -> None:
    heir = world.member

    await world.admin.change(TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=heir.member_id)

    emails = await told(world)
    assert emails.keys() == {world.admin.email, heir.email}
    assert emails[heir.email].subject == "You are now the owner of Acme"
    assert emails[world.admin.email].subject == "Member is now the owner of Acme"
    assert "If you did not do this" in emails[world.admin.email].text


async def test_a_license_that_is_provisioned_transferred_and_revoked(
    world: World, themes: dict[str, str]
) -> None:
    license_id = await provision(world, themes, world.member)
    assert "gave you the license Aurora for a.example.com." in _lines((await told(world))[world.member.email])

    await world.superuser.execute("DELETE FROM pgqueuer")
    await world.admin.change(TRANSFER_LICENSE, licenseId=license_id, toMemberId=world.viewer.member_id)
    emails = await told(world)
    assert emails.keys() == {world.member.email, world.viewer.email}
    assert "from you to Viewer." in _lines(emails[world.member.email])
    assert "until now of Member." in _lines(emails[world.viewer.email])

    await world.superuser.execute("DELETE FROM pgqueuer")
    await world.admin.change(REVOKE_LICENSE, licenseId=license_id, reason="Closed.")
    emails = await told(world)
    assert emails.keys() == {world.viewer.email}
    assert "Admin revoked your license Aurora for a.example.com." in _lines(emails[world.viewer.email])


async def test_a_license_that_is_suspended_and_reinstated(world: World, themes: dict[str, str]) -> None:
    license_id = await provision(world, themes, world.member)
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.admin.change(SUSPEND_LICENSE, licenseId=license_id, reason="Not paid: ask Ada.")
    emails = await told(world)
    assert emails.keys() == {world.member.email}
    said = _lines(emails[world.member.email])
    assert "Admin suspended your license Aurora for a.example.com." in said
    assert "Not paid" not in said

    await world.superuser.execute("DELETE FROM pgqueuer")
    await world.admin.change(REINSTATE_LICENSE, licenseId=license_id)
    emails = await told(world)
    assert emails.keys() == {world.member.email}
    assert "Admin reinstated your license Aurora for a.example.com." in _lines(emails[world.member.email])


async def test_limits_are_told_as_they_are_now(world: World, themes: dict[str, str]) -> None:
    """One limit changes, and the email says all of them."""
    member = world.member.member_id
    await world.admin.change(SET_MEMBER_LIMITS, memberId=member, themeIds=list(themes.values()))
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.admin.change(SET_MEMBER_LIMITS, memberId=member, maxActiveLicenses=2)

    emails = await told(world)
    assert emails.keys() == {world.member.email}
    assert emails[world.member.email].subject == "Your limits in Acme have changed"
    said = _lines(emails[world.member.email])
    assert "Admin changed your limits. They are now:" in said
    assert "You can hold 2 active licenses at most." in said
    assert "can be of these themes only: Aurora and Basalt." in said
    assert "while you are an Admin" not in said


async def test_limits_of_an_admin_are_told_with_when_they_apply(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.admin.change(SET_MEMBER_LIMITS, memberId=other.member_id, maxActiveLicenses=0)

    assert "They do not apply while you are an Admin." in _lines((await told(world))[other.email])


@pytest.mark.parametrize(
    ("before", "until", "subject", "said"),
    [
        (None, END, "ends on 1 January 2100", "Admin set an end to your access"),
        (EARLIER_END, END, "ends on 1 January 2100", "Admin changed the end of your access"),
        (END, None, "does not end by itself any more", "Admin removed the end of your access"),
    ],
)
async def test_an_end_that_is_set_changed_and_removed(
    world: World, before: str | None, until: str | None, subject: str, said: str
) -> None:
    await world.admin.change(SET_MEMBER_ACCESS, memberId=world.member.member_id, until=before)
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.admin.change(SET_MEMBER_ACCESS, memberId=world.member.member_id, until=until)

    emails = await told(world)
    assert emails.keys() == {world.member.email}
    assert emails[world.member.email].subject == f"Your access to Acme {subject}"
    assert said in _lines(emails[world.member.email])


async def test_nobody_is_told_of_its_own_change(world: World, themes: dict[str, str]) -> None:
    other = await world.join("ADMIN", "other@example.com")
    own = await provision(world, themes, world.admin)
    await world.superuser.execute("DELETE FROM pgqueuer")

    await world.admin.change(SUSPEND_LICENSE, licenseId=own, reason="Closed.")
    await world.admin.change(REINSTATE_LICENSE, licenseId=own)
    await world.admin.change(SET_MEMBER_LIMITS, memberId=world.admin.member_id, maxActiveLicenses=1)
    await other.change(SET_MEMBER_ACCESS, memberId=other.member_id, until=END)
    await other.change(SET_MEMBER_ACCESS, memberId=other.member_id, until=None)
    await world.admin.change(REVOKE_LICENSE, licenseId=own, reason="Closed.")
    await other.change(CHANGE_ROLE, memberId=other.member_id, role="VIEWER")
    await other.change(LEAVE, accountId=world.account_id)

    assert await told(world) == {}


async def test_roles_that_change_in_a_loop_do_not_fill_a_mailbox(world: World) -> None:
    async with limited(world, access_emails_per_hour=2) as (there, _):
        for role in ("ADMIN", "MEMBER", "ADMIN", "MEMBER"):
            assert not codes(
                await there.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role=role)
            )
        await there.admin.change(REMOVE, memberId=world.viewer.member_id)

    subjects = [email.subject for email in await world.emails(world.viewer.email)]
    assert subjects == [
        "You are now an Admin of Acme",
        "You are now a Member of Acme",
        "You were removed from Acme",
    ]
    assert len(await world.events(actions=["MEMBER_ROLE_CHANGED"])) == 4


async def test_what_is_refused_or_changes_nothing_sends_no_email(world: World) -> None:
    async with nothing_changes(world):
        await world.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role="VIEWER")
        refused = await world.admin.change(
            REMOVE, memberId=world.member.member_id, transferLicensesTo=world.member.member_id
        )
        assert user_error(refused) == ("NOT_ACTIVE", ["transferLicensesTo"])


def _lines(message: Message) -> str:
    return " ".join(message.text.replace("\u2060", "").split())
