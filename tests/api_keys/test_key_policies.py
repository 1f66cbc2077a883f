"""An account's rules about API keys hold for new and existing keys."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from resolvers.api_keys import policies
from resolvers.api_keys.unused import revoke_unused, tell_of_unused
from tests.processes.test_concurrency import at_once
from tests.support.changes import SET_SECURITY_POLICY, nothing_changes, user_error
from tests.support.keys import generate, works
from tests.support.stored_keys import store_api_key, uuid_of, with_key
from tests.support.world import World

NODE = "query ($id: ID!) { node(id: $id) { ... on ApiKey { status expiresAt createdAt revokedBy { id } } } }"


async def set_policy(world: World, **rules: int | None) -> None:
    payload = await world.admin.change(SET_SECURITY_POLICY, accountId=world.account_id, **rules)
    assert payload["userErrors"] == []


async def lifetime(world: World, id: str) -> timedelta | None:
    key = (await world.admin.ask(NODE, id=id))["node"]
    if key["expiresAt"] is None:
        return None
    return datetime.fromisoformat(key["expiresAt"]) - datetime.fromisoformat(key["createdAt"])


async def status(world: World, id: str) -> str:
    found: str = (await world.admin.ask(NODE, id=id))["node"]["status"]
    return found


async def test_a_new_key_lives_as_long_as_the_rule_allows(world: World) -> None:
    await set_policy(world, apiKeyMaxLifetimeDays=30)
    later = (datetime.now(UTC) + timedelta(days=31)).isoformat()

    async with nothing_changes(world):
        refused = await generate(world, expiresAt=later)
    payload = await generate(world)
    sooner = await generate(world, expiresAt=(datetime.now(UTC) + timedelta(days=3)).isoformat())

    assert user_error(refused) == ("INVALID", ["expiresAt"])
    assert "within 30 days, as the account requires" in refused["userErrors"][0]["message"]
    found = await lifetime(world, payload["apiKey"]["id"])
    assert found is not None
    assert abs(found - timedelta(days=30)) < timedelta(minutes=1)
    assert sooner["userErrors"] == []


async def test_existing_keys_are_shortened_with_an_event_and_one_email(world: World) -> None:
    member = world.member.member_id
    endless = await store_api_key(world, member, "Endless")
    long = await store_api_key(world, member, "Long", expires_at="now() + interval '400 days'")
    old = await store_api_key(world, member, "Old", created_at="now() - interval '31 days'")
    short = await store_api_key(world, member, "Short", expires_at="now() + interval '5 days'")
    await store_api_key(world, member, "Revoked", revoked_at="now()")
    sent = len(await world.emails(world.member.email))

    await set_policy(world, apiKeyMaxLifetimeDays=30)

    assert await lifetime(world, endless) == await lifetime(world, long) == timedelta(days=30)
    assert await status(world, old) == "EXPIRED"
    kept = await lifetime(world, short)
    assert kept is not None
    assert kept < timedelta(days=6)
    events = await world.events(actions=["API_KEY_UPDATED"])
    assert {event["targetId"] for event in events} == {endless, long, old}
    assert events[0]["summary"].startswith("Admin changed the API key ")
    (email,) = (await world.emails(world.member.email))[sent:]
    assert email.subject == "API keys for Acme expire earlier"
    assert all(f"- {name}: " in email.text for name in ("Endless", "Long", "Old"))
    assert "Short" not in email.text
    async with nothing_changes(world):
        await set_policy(world, apiKeyMaxLifetimeDays=30)


async def test_many_keys_are_shortened_by_a_job_after_the_first_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change shortens so many at most, because the account is locked meanwhile."""
    fewer_at_once(monkeypatch, 4)
    stranger = await world.found("Other", "stranger@example.com")
    account_id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    untouched = await store_api_key(world, stranger.member_id, "Theirs", account_id=account_id)
    keys = [
        await store_api_key(world, person.member_id, f"{number:02} of {name}")
        for name, person in world.people.items()
        for number in range(5)
    ]
    before = len(await world.emails())

    await set_policy(world, apiKeyMaxLifetimeDays=30)
    assert await numbers(world) == {"Admin": 4}
    done = await at_once(*(policies.shorten_others(world.settings, world.database) for _ in range(3)))

    assert sum(done) == 11
    assert await numbers(world) == {"Admin": 4, "Team access": 11}
    assert [await lifetime(world, key) for key in keys] == [timedelta(days=30)] * 15
    assert await world.superuser.fetchval(
        "SELECT expires_at IS NULL FROM api_keys WHERE id = $1", uuid_of(untouched)
    )
    emails = (await world.emails())[before:]
    assert all(email.subject == "API keys for Acme expire earlier" for email in emails)
    told = [line for email in emails for line in email.text.splitlines() if line.startswith("- ")]
    assert len(told) == len(set(told)) == 15
    assert emails[0].text.startswith("Admin changed the security policy of Acme: an API key works")
    assert emails[-1].text.startswith("The security policy of Acme lets an API key work")
    async with nothing_changes(world):
        assert await policies.shorten_others(world.settings, world.database) == 0


async def test_a_rule_that_was_lifted_shortens_no_further_keys(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_at_once(monkeypatch, 1)
    for name in ("Shop", "Till"):
        await store_api_key(world, world.member.member_id, name)
    await set_policy(world, apiKeyMaxLifetimeDays=30)
    await set_policy(world, apiKeyMaxLifetimeDays=None)

    async with nothing_changes(world):
        assert await policies.shorten_others(world.settings, world.database) == 0


def fewer_at_once(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(policies, "_MOST", number)
    monkeypatch.setattr(policies._TOO_LONG_ANYWHERE, "_batch", number)


async def numbers(world: World) -> dict[str, int]:
    """Number of the events of changed keys, by their actor."""
    return Counter(event["actor"]["name"] for event in await world.events(actions=["API_KEY_UPDATED"]))


async def test_an_email_about_many_keys_names_some(world: World) -> None:
    for number in range(23):
        await store_api_key(world, world.member.member_id, f"Key {number}")

    await set_policy(world, apiKeyMaxLifetimeDays=30)

    (email,) = (await world.emails(world.member.email))[-1:]
    assert email.text.count("- Key ") == 20
    assert "- and 3 more" in email.text


async def test_a_key_that_ends_by_the_rule_does_not_work(world: World) -> None:
    script = await with_key(world, world.member, "READ", created_at="now() - interval '31 days'")
    assert await works(world, script.token)

    await set_policy(world, apiKeyMaxLifetimeDays=30)

    assert not await works(world, script.token)


async def test_without_the_rule_keys_live_on(world: World) -> None:
    await set_policy(world, apiKeyMaxLifetimeDays=30)
    await set_policy(world, apiKeyMaxLifetimeDays=None)

    payload = await generate(world)

    assert await lifetime(world, payload["apiKey"]["id"]) is None


async def age(world: World, id: str, days: float, told_days: float | None = None) -> None:
    """Makes the last use, and the notice, so many days old."""
    at = "now() - $2 * interval '1 day'"
    await world.superuser.execute(
        f"UPDATE api_keys SET last_used_at = {at}, claimed_at = {at},"
        " unused_notified_at = now() - $3 * interval '1 day' WHERE id = $1",
        uuid_of(id),
        days,
        told_days,
    )


@pytest.mark.parametrize(
    ("rule", "days", "told_days", "told", "revoked"),
    [
        (90, 82.9, None, 0, 0),
        (90, 83.1, None, 1, 0),
        (90, 83.1, 0.1, 0, 0),
        (90, 89.9, 6.9, 0, 0),
        (90, 90.1, 7.1, 0, 1),
        (90, 200, None, 1, 0),
        (90, 200, 6.9, 0, 0),
        (90, 90.1, 95, 1, 0),
        (1, 0.5, None, 1, 0),
        (1, 1.1, 1.05, 0, 1),
        (None, 3_000, None, 0, 0),
    ],
)
async def test_a_key_is_revoked_after_its_notice(
    world: World, rule: int | None, days: float, told_days: float | None, told: int, revoked: int
) -> None:
    id = await store_api_key(world, world.member.member_id, "Idle")
    await set_policy(world, apiKeyRevokeUnusedAfterDays=rule)
    await age(world, id, days, told_days)

    assert await tell_of_unused(world.settings, world.database) == told
    assert await revoke_unused(world.settings, world.database) == revoked

    assert await status(world, id) == ("REVOKED" if revoked else "ACTIVE")
    assert await tell_of_unused(world.settings, world.database) == 0


async def test_the_member_is_told_and_the_log_too(world: World) -> None:
    id = await store_api_key(world, world.member.member_id, "Idle")
    await set_policy(world, apiKeyRevokeUnusedAfterDays=90)
    await age(world, id, 100)
    sent = len(await world.emails(world.member.email))

    counts = await at_once(*(tell_of_unused(world.settings, world.database) for _ in range(4)))
    await age(world, id, 100, 8)
    revoked = await at_once(*(revoke_unused(world.settings, world.database) for _ in range(4)))

    assert (sum(counts), sum(revoked)) == (1, 1)
    notice, last = (await world.emails(world.member.email))[sent:]
    assert notice.subject == "Not used: the API key Idle"
    assert "revokes API keys that were not used for 90 days" in notice.text
    assert last.subject == "Revoked, because it was not used: the API key Idle"
    (event,) = await world.events(actions=["API_KEY_REVOKED"])
    assert (
        event["summary"] == "Team access revoked the API key Idle of Member, which was not used for 90 days"
    )
    assert event["details"]["unusedDays"] == 90
    assert (await world.admin.ask(NODE, id=id))["node"]["revokedBy"] is None


async def test_a_use_after_the_notice_keeps_the_key(world: World) -> None:
    script = await with_key(world, world.member, "READ")
    await set_policy(world, apiKeyRevokeUnusedAfterDays=90)
    await age(world, script.member_id, 100, 8)

    assert await works(world, script.token)

    assert await revoke_unused(world.settings, world.database) == 0
    assert await status(world, script.member_id) == "ACTIVE"


async def test_another_rule_is_announced_anew(world: World) -> None:
    id = await store_api_key(world, world.member.member_id, "Idle")
    await set_policy(world, apiKeyRevokeUnusedAfterDays=90)
    await age(world, id, 100, 8)

    await set_policy(world, apiKeyRevokeUnusedAfterDays=60)

    assert await revoke_unused(world.settings, world.database) == 0
    assert await tell_of_unused(world.settings, world.database) == 1
