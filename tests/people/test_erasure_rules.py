"""Whom an erasure concerns, what it changes, and what refuses it."""

import asyncio

import asyncpg
import pytest

from mailer.messages import InvitationDelivery
from models.invitations import DeliveryStatus
from resolvers.invitations.jobs import record_delivery
from resolvers.people.erasing import begin, finish_erasures
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    ERASE_VIEWER,
    INVITE_ONE,
    LEAVE,
    PROVISION_LICENSE,
    PURCHASE,
    REVOKE_LICENSE,
    TRANSFER_LICENSE,
    TRANSFER_OWNERSHIP,
    UPDATE_BILLING,
    UPDATE_PROFILE,
    actions,
    nothing_changes,
)
from tests.support.documents import table
from tests.support.locks import locked, until_waiting
from tests.support.people import erased, joined, left, log
from tests.support.stored_keys import uuid_of
from tests.support.world import ACCEPT, GENERATE_API_KEY, REQUEST_SIGN_IN, Person, World


async def test_another_address_confirms_nothing(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    await person.change(LEAVE, accountId=world.account_id)

    async with nothing_changes(world):
        payload = await person.change(ERASE_VIEWER, email="admin@example.com")

    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", ["email"])]
    assert "ada@example.com" in payload["userErrors"][0]["message"]


async def test_a_member_is_told_to_leave_first(world: World) -> None:
    async with nothing_changes(world):
        payload = await world.member.change(ERASE_VIEWER, email="member@example.com")

    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", [])
    assert error["message"] == "A member of an account cannot be erased: leave Acme first."


async def test_whose_access_has_ended_is_erased_before_the_job_ends_the_membership(world: World) -> None:
    email = "ada@example.com"
    person = await joined(world, "Zenobia", email)
    await world.superuser.execute(
        "UPDATE members SET access_until = now() - interval '1 second' WHERE email = $1", email
    )

    payload = await person.change(ERASE_VIEWER, email=email)

    assert payload == {"userErrors": []}
    events = actions(await world.events())
    assert [each for each in events if each in ("MEMBER_ACCESS_ENDED", "PERSON_ERASED")] == [
        "PERSON_ERASED",
        "MEMBER_ACCESS_ENDED",
    ]
    members = "SELECT name, removed_at = access_until FROM members WHERE access_until IS NOT NULL"
    assert [tuple(record) for record in await world.superuser.fetch(members)] == [("Erased person", True)]
    assert await world.emails(email) == []


async def test_the_session_ends_and_the_same_address_is_a_new_person(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    await erased(world, person)

    again = await world.sign_in("ada@example.com")

    assert await person.errors("{ viewer { user { name } } }") == [{"code": "UNAUTHENTICATED"}]
    data = await again.ask("{ viewer { user { name email } memberships { id } } }")
    assert data["viewer"] == {"user": {"name": "Ada", "email": "ada@example.com"}, "memberships": []}
    users = "SELECT count(*) FROM users WHERE name IN ('Ada', 'Erased person')"
    assert await world.superuser.fetchval(users) == 2


async def test_the_new_person_s_events_stay_when_the_job_repeats_the_erasure(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    await erased(world, person)
    await joined(world, "Ada II", "ada@example.com")
    before = await log(world)

    await repeated(world)

    assert await log(world) == before


async def repeated(world: World) -> None:
    await world.superuser.execute("UPDATE erasures SET erased_at = now() - interval '1 hour'")
    assert await finish_erasures(world.database) == 1
    assert await world.superuser.fetchval("SELECT count(*) FROM erasures") == 0


async def test_what_was_appended_meanwhile_is_erased_by_the_job(world: World) -> None:
    """As by a request that began before the erasure and ends after it."""
    person = await joined(world, "Ada", "ada@example.com")
    await erased(world, person)
    (row,) = await world.superuser.fetch("SELECT account_id, id FROM members WHERE name = 'Erased person'")
    account, member = row
    connection = await world.database.connect()
    await connection.execute(f"SELECT set_config('team_access.account_id', '{account}', false)")
    await connection.execute(
        "INSERT INTO audit_events (account_id, id, action, outcome, summary, actor_kind, actor_member_id,"
        " actor_name, ip, details) VALUES ($1, gen_random_uuid(), 'API_CALLED', 'ALLOWED', 'Ada called',"
        " 'MEMBER', $2, 'Ada', '192.0.2.1', '{}')",
        account,
        member,
    )
    await connection.close()

    await repeated(world)

    (event,) = await log(world, actions=["API_CALLED"])
    assert (event["summary"], event["ip"]) == ("Erased person called", None)
    assert [each["action"] for each in await log(world)].count("PERSON_ERASED") == 2
    await chain.assert_whole(world.superuser)


async def test_of_two_persons_in_an_event_the_other_stays(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 5)
    ada = await joined(world, "Ada", "ada@example.com")
    other = await joined(world, "Ada Lovelace", "lovelace@example.com")
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    license_id = (await ada.change(PROVISION_LICENSE, **input))["license"]["id"]
    await world.admin.change(TRANSFER_LICENSE, licenseId=license_id, toMemberId=other.member_id)

    await erased(world, ada)

    (event,) = await log(world, actions=["LICENSE_TRANSFERRED"])
    theme = "Aurora for a.example.com"
    assert event["summary"] == f"Admin transferred {theme} from Erased person to Ada Lovelace"
    assert event["details"] == {"holder": ["Erased person", "Ada Lovelace"]}
    assert event["erasedFields"] == ["summary", "details.holder"]
    await erased(world, other)
    (event,) = await log(world, actions=["LICENSE_TRANSFERRED"])
    assert event["summary"] == f"Admin transferred {theme} from Erased person to Erased person"
    assert event["details"] == {"holder": ["Erased person", "Erased person"]}
    assert event["erasedFields"] == ["summary", "details.holder"]
    await chain.assert_whole(world.superuser)


async def test_a_name_that_is_a_word_of_every_summary_leaves_others_alone(world: World) -> None:
    person = await joined(world, "a", "a@example.com")
    await world.admin.change(CHANGE_ROLE, memberId=person.member_id, role="VIEWER")
    others = [event["summary"] for event in await log(world) if " a " not in f" {event['summary']} "]

    await erased(world, person)

    summaries = [event["summary"] for event in await log(world)]
    assert [each for each in summaries if "Erased person" not in str(each)] == [
        each for each in others if "a@example.com" not in str(each)
    ]
    assert "Admin changed the role of Erased person from Member to Viewer" in summaries
    assert "Erased person left the account" in summaries
    await chain.assert_whole(world.superuser)


async def test_a_former_owner_is_erased_from_the_events_of_the_transfer(world: World) -> None:
    founder = await world.found("Second", "founder@example.org")
    await world.superuser.execute("UPDATE users SET name = 'Grace' WHERE email = 'founder@example.org'")
    account = (await founder.ask("{ viewer { memberships { account { id } } } }"))["viewer"]["memberships"][0]
    account_id = account["account"]["id"]
    await founder.change(INVITE_ONE, accountId=account_id, email="admin@example.com", role="ADMIN")
    await world.admin.change(ACCEPT, token=await world.token_for("admin@example.com"))
    (heir,) = [
        each["id"]
        for each in (
            await founder.ask(
                "query ($id: ID!) { account(id: $id) { members { nodes { id name } } } }", id=account_id
            )
        )["account"]["members"]["nodes"]
        if each["name"] == "Admin"
    ]
    await founder.change(TRANSFER_OWNERSHIP, accountId=account_id, memberId=heir)
    await founder.change(LEAVE, accountId=account_id)

    assert await founder.change(ERASE_VIEWER, email="founder@example.org") == {"userErrors": []}

    left = await world.superuser.fetch(
        "SELECT summary FROM audit_events WHERE audit_events::text ILIKE '%founder%'"
    )
    assert left == []
    await chain.assert_whole(world.superuser)


async def test_an_issued_invoice_keeps_its_names(world: World, themes: dict[str, str]) -> None:
    """Tax law requires it."""
    ada = await joined(world, "Ada", "ada@example.com", "ADMIN")
    items = [{"themeId": themes["aurora"], "quantity": 1}]
    await ada.change(PURCHASE, accountId=world.account_id, items=items)

    await erased(world, ada)

    (invoice,) = await world.superuser.fetch("SELECT billed_to FROM invoices")
    assert '"purchasedBy":"Ada"' in invoice["billed_to"]
    (event,) = await log(world, actions=["LICENSES_PURCHASED"])
    assert event["summary"].startswith("Erased person purchased")


async def test_an_api_key_erases_nobody(world: World) -> None:
    key = await world.admin.change(GENERATE_API_KEY, accountId=world.account_id, name="Script")

    by_key = Person(world.http, token=key["secret"])
    answer = await by_key.post(ERASE_VIEWER, input={"email": "admin@example.com"})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_pending_invitations_of_an_erased_person_are_revoked(world: World) -> None:
    """In an account that the person never joined."""
    person = await world.sign_in("ada@example.com")
    invited = {"accountId": world.account_id, "email": "ada@example.com", "role": "VIEWER"}
    await world.admin.change(INVITE_ONE, **invited, message="Dear Ada")

    assert await person.change(ERASE_VIEWER, email="ada@example.com") == {"userErrors": []}

    newest = "SELECT email, status, message FROM invitations ORDER BY id DESC LIMIT 1"
    assert tuple(await world.superuser.fetchrow(newest) or ()) == ("Erased person", "REVOKED", None)
    event, invitation = (await log(world))[:2]
    assert (event["action"], event["targetName"]) == ("PERSON_ERASED", "Erased person")
    assert invitation["summary"] == "Admin invited Erased person as Viewer"
    assert not await world.emails("ada@example.com")
    await chain.assert_whole(world.superuser)


async def test_the_event_names_the_member_alone(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    await erased(world, person)

    row = await world.superuser.fetchrow("SELECT * FROM audit_events WHERE action = 'PERSON_ERASED'")

    assert row is not None
    assert row["target_id"] == row["actor_member_id"] == uuid_of(person.member_id)
    assert (row["target_name"], row["actor_name"], row["details"]) == ("Erased person",) * 2 + ("{}",)
    assert [row[name] for name in ("ip", "user_agent", "credential_id", "personal_details")] == [None] * 4


async def test_an_erased_member_has_no_address(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    await erased(world, person)

    answer = await world.admin.ask(
        'query { account { members(filter: { includeRemoved: true, search: "erased" }) {'
        " nodes { id name email } } } }"
    )

    assert answer["account"]["members"]["nodes"] == [
        {"id": person.member_id, "name": "Erased person", "email": None}
    ]
    reported = await table(world, "TEAM")
    assert [row["email"] for row in reported if row["name"] == "Erased person"] == [""]


async def test_a_person_with_the_name_of_an_erased_one_is_erased_too(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com", "ADMIN")
    await person.change(UPDATE_PROFILE, name="Erased person")
    key = await person.change(GENERATE_API_KEY, accountId=world.account_id, name="Erased person")
    await world.superuser.execute(
        "UPDATE api_keys SET last_used_ip = '::1' WHERE id = $1", uuid_of(key["apiKey"]["id"])
    )

    await erased(world, person)

    members = "SELECT name, email, email_folded FROM members WHERE id = $1"
    row = await world.superuser.fetchrow(members, uuid_of(person.member_id))
    assert tuple(row or ()) == ("Erased person", None, "")
    keys = "SELECT last_used_ip FROM api_keys WHERE id = $1"
    assert await world.superuser.fetchval(keys, uuid_of(key["apiKey"]["id"])) is None
    assert await finish_erasures(world.database) == 0
    await chain.assert_whole(world.superuser)


@pytest.mark.parametrize("status", [DeliveryStatus.FAILED, DeliveryStatus.QUEUED])
async def test_a_delivery_that_ends_after_the_erasure_names_no_address(
    world: World, status: DeliveryStatus
) -> None:
    person = await world.sign_in("ada@example.com")
    await world.admin.change(INVITE_ONE, accountId=world.account_id, email="ada@example.com", role="VIEWER")
    newest = "SELECT account_id, id, emails FROM invitations ORDER BY id DESC LIMIT 1"
    delivery = InvitationDelivery(*(await world.superuser.fetchrow(newest) or ()))
    await person.change(ERASE_VIEWER, email="ada@example.com")
    events = await log(world)

    await record_delivery(world.database, delivery, status, "550 <ada@example.com>: unknown user")

    errors = "SELECT count(*) FROM invitations WHERE delivery_error IS NOT NULL"
    assert await world.superuser.fetchval(errors) == 0
    assert await log(world) == events


async def test_names_are_replaced_in_queued_emails_of_the_account_alone(world: World) -> None:
    """Also one that is a part of every link."""
    for name, email in (("Ada", "ada@example.com"), ("http", "http@example.com")):
        person = await joined(world, name, email, "ADMIN")
        invited = {"accountId": world.account_id, "email": f"friend-of-{email}", "role": "VIEWER"}
        await person.change(INVITE_ONE, **invited, message="Yours, Ada.\nAdam says hello.")
        await erased(world, person)
    await world.nobody.change(REQUEST_SIGN_IN, email="viewer@example.com")

    (first,) = await world.emails("friend-of-ada@example.com")
    (second,) = await world.emails("friend-of-http@example.com")
    (sign_in,) = (await world.emails("viewer@example.com"))[-1:]

    assert first.subject == "Erased person invites you to Acme on Team access"
    assert "> Yours, Erased person." in first.text
    assert "> Adam says hello." in first.text
    assert "Erased person invites you" in second.text
    assert all(f"{world.settings.public_url}/" in each.text for each in (first, second, sign_in))
    assert not await world.emails("ada@example.com")


async def test_a_viewer_with_the_company_s_name_takes_no_billing_details_along(world: World) -> None:
    lines = ["Acme GmbH", "Street 1"]
    details = {"company": "Acme GmbH", "email": "books@example.com", "addressLines": lines}
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, **details)
    person = await joined(world, "Acme GmbH", "mallory@example.com", "VIEWER")

    await erased(world, person)

    row = await world.superuser.fetchrow("SELECT company, email, address_lines FROM billing_details")
    assert row is not None
    assert tuple(row) == tuple(details.values())
    (event,) = await log(world, actions=["BILLING_DETAILS_CHANGED"])
    assert event["details"]["company"] == [None, "Acme GmbH"]


async def test_a_name_that_is_a_tag_leaves_the_html_of_emails_alone(world: World) -> None:
    person = await joined(world, "href", "href@example.com", "ADMIN")
    invited = {"accountId": world.account_id, "email": "friend@example.com", "role": "VIEWER"}
    await person.change(INVITE_ONE, **invited)
    (before,) = await world.emails("friend@example.com")

    await erased(world, person)

    (after,) = await world.emails("friend@example.com")
    assert after.html.count("href=") == before.html.count("href=") > 0
    assert "Erased person invites you" in after.text


async def test_part_of_another_address_is_not_erased(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 1)
    wanted = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    license_id = (await world.admin.change(PROVISION_LICENSE, **wanted))["license"]["id"]
    reason = "Reported by rob@example.com"
    await world.admin.change(REVOKE_LICENSE, licenseId=license_id, reason=reason)

    await erased(world, await joined(world, "Ob", "ob@example.com"))

    assert await world.superuser.fetchval("SELECT revoked_reason FROM licenses") == reason


async def test_many_former_names_take_no_longer_than_a_few(world: World) -> None:
    person = await joined(world, "Ada", "ada@example.com")
    for number in range(60):
        await person.change(UPDATE_PROFILE, name=f"Ada {number}")
    await left(world, person)
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = 'ada@example.com'")

    erasure = await begin(world.database, user_id, by_operator=False)

    assert 5 < len(erasure.names) <= 50
    assert "Ada 59" in erasure.names


async def test_a_rename_that_began_before_gives_no_name_back(world: World, superuser_url: str) -> None:
    person = await world.sign_in("ada@example.com")
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = 'ada@example.com'")
    async with locked(superuser_url, "SELECT FROM users WHERE id = $1 FOR UPDATE", user_id):
        erasing = asyncio.create_task(begin(world.database, user_id, by_operator=False))
        await until_waiting(world.superuser)
        renaming = asyncio.create_task(person.post(UPDATE_PROFILE, input={"name": "Ada again"}))
        await until_waiting(world.superuser, 2)

    await erasing
    answer = await renaming

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await world.superuser.fetchval("SELECT name FROM users WHERE id = $1", user_id) == "Erased person"


async def test_an_erased_person_opens_no_session(world: World) -> None:
    """By a link that was requested while the erasure began."""
    await world.sign_in("ada@example.com")
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = 'ada@example.com'")
    await begin(world.database, user_id, by_operator=False)
    connection = await world.database.connect()

    with pytest.raises(asyncpg.ForeignKeyViolationError, match="the person was erased"):
        await connection.execute(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, expires_at, ends_at)"
            " VALUES (gen_random_uuid(), $1, 'x', now(), now(), now() + interval '1 day',"
            " now() + interval '1 day')",
            user_id,
        )
    await connection.close()
