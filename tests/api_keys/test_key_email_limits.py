"""Emails about API keys are few, however often one generates, rotates or changes them, and however many keys
a member has."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from mailer.messages import Message
from resolvers.api_keys.jobs import tell_of_expiry
from resolvers.api_keys.unused import revoke_unused, tell_of_unused
from tests.api_keys.test_leaked_keys import finding, report
from tests.support.changes import ROTATE_API_KEY, SET_SECURITY_POLICY, UPDATE_API_KEY
from tests.support.keys import generated
from tests.support.limited import limited
from tests.support.stored_keys import store_api_key
from tests.support.world import World


@pytest.fixture
async def frugal(world: World) -> AsyncIterator[World]:
    """The same world with few emails per hour, and no email so far."""
    await world.superuser.execute("DELETE FROM pgqueuer")
    async with limited(world, access_emails_per_hour=2) as (there, _):
        yield there


async def emails(world: World) -> list[Message]:
    """Those to the Member."""
    return await world.emails(world.member.email)


async def set_policy(world: World, **rules: int) -> None:
    payload = await world.admin.change(SET_SECURITY_POLICY, accountId=world.account_id, **rules)
    assert payload["userErrors"] == []


async def store_keys(world: World, number: int, **columns: str) -> None:
    for place in range(number):
        await store_api_key(world, world.member.member_id, f"Key {place:02}", **columns)


async def test_rotating_a_key_in_a_loop_sends_few_emails(world: World) -> None:
    async with limited(world, api_key_emails_per_hour=3) as (there, _):
        id, _secret = await generated(there)

        for _ in range(5):
            payload = await there.admin.change(ROTATE_API_KEY, apiKeyId=id)
            assert payload["userErrors"] == []

    subjects = [email.subject for email in await world.emails(world.admin.email)]
    assert [subject for subject in subjects if "API key" in subject] == [
        "New API key Shop",
        "New secret of the API key Shop",
        "New secret of the API key Shop",
    ]


async def test_a_rule_that_is_tightened_in_steps_sends_few_emails(frugal: World) -> None:
    await store_api_key(frugal, frugal.member.member_id, "Endless")
    other = await frugal.join("MEMBER", "other@example.com")
    await store_api_key(frugal, other.member_id, "Another")
    await frugal.superuser.execute("DELETE FROM pgqueuer")

    for days in (300, 299, 298, 297):
        await set_policy(frugal, apiKeyMaxLifetimeDays=days)

    subjects = ["API keys for Acme expire earlier"] * 2
    assert [email.subject for email in await emails(frugal)] == subjects
    assert [email.subject for email in await frugal.emails(other.email)] == subjects
    assert len(await frugal.events(actions=["API_KEY_UPDATED"])) == 8


async def test_an_expiry_that_comes_nearer_in_steps_sends_few_emails(frugal: World) -> None:
    id = await store_api_key(frugal, frugal.member.member_id, "Shop")
    end = datetime.now(UTC) + timedelta(days=6)

    for step in range(4):
        expires_at = (end - timedelta(seconds=step)).isoformat()
        payload = await frugal.admin.change(UPDATE_API_KEY, apiKeyId=id, expiresAt=expires_at)
        assert payload["userErrors"] == []
        assert await tell_of_expiry(frugal.settings, frugal.database) == 1

    assert len(await emails(frugal)) == 2


async def test_a_rule_about_unused_keys_that_changes_in_steps_sends_few_emails(frugal: World) -> None:
    await store_keys(frugal, 1, claimed_at="now() - interval '100 days'")

    for days in (30, 31, 32, 33):
        await set_policy(frugal, apiKeyRevokeUnusedAfterDays=days)
        assert await tell_of_unused(frugal.settings, frugal.database) == 1

    assert len(await emails(frugal)) == 2


async def test_a_member_gets_one_email_about_all_keys_that_expire(frugal: World) -> None:
    await store_keys(frugal, 22, expires_at="now() + interval '6 days'")
    tomorrow = "UPDATE api_keys SET expires_at = now() + interval '1 day' WHERE name = 'Key 21'"
    await frugal.superuser.execute(tomorrow)
    await store_api_key(frugal, frugal.admin.member_id, "Till", expires_at="now() + interval '6 days'")

    assert await tell_of_expiry(frugal.settings, frugal.database) == 23

    (email,) = await emails(frugal)
    assert email.subject.endswith(": 22 API keys")
    first, *_, last = [line for line in email.text.splitlines() if line.startswith("- ")]
    assert (first.partition(" (")[0], last) == ("- Key 21", "- and 2 more")
    (other,) = await frugal.emails(frugal.admin.email)
    assert other.subject.endswith(": the API key Till")


async def test_a_member_gets_one_email_about_all_unused_keys(frugal: World) -> None:
    await store_keys(frugal, 22, claimed_at="now() - interval '100 days'")
    await set_policy(frugal, apiKeyRevokeUnusedAfterDays=90)

    assert await tell_of_unused(frugal.settings, frugal.database) == 22
    await frugal.superuser.execute("UPDATE api_keys SET unused_notified_at = now() - interval '8 days'")
    assert await revoke_unused(frugal.settings, frugal.database) == 22

    notice, last = await emails(frugal)
    assert notice.subject == "Not used: 22 API keys"
    assert last.subject == "Revoked, because they were not used: 22 API keys"
    for email in (notice, last):
        assert email.text.count("\n- Key ") == 20
        assert "\n- and 2 more\n" in email.text


async def test_admins_get_few_emails_about_leaked_keys_of_others(frugal: World) -> None:
    """The key's own member gets each."""
    other = await frugal.join("ADMIN", "other@example.com")
    await frugal.superuser.execute("DELETE FROM pgqueuer")

    for _ in range(4):
        _id, secret = await generated(frugal)
        await report(frugal, finding(secret))

    leaked = "Leaked and revoked: the API key Shop"
    assert [email.subject for email in await frugal.emails(other.email)] == [leaked] * 2
    own = [email.subject for email in await frugal.emails(frugal.admin.email)]
    assert own.count(leaked) == 4


async def test_revoked_keys_are_told_of_whatever_was_sent(frugal: World) -> None:
    await store_keys(frugal, 1, claimed_at="now() - interval '100 days'")
    for days in (30, 31, 32):
        await set_policy(frugal, apiKeyRevokeUnusedAfterDays=days)
        await tell_of_unused(frugal.settings, frugal.database)
    await frugal.superuser.execute("UPDATE api_keys SET unused_notified_at = now() - interval '8 days'")

    assert await revoke_unused(frugal.settings, frugal.database) == 1

    assert (await emails(frugal))[-1].subject == "Revoked, because it was not used: the API key Key 00"
