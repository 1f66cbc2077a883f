"""Expired API keys have one event, and their members one email a week before."""

import asyncio
from collections import Counter

import pytest

import worker
from resolvers.api_keys.jobs import expire_due, tell_of_expiry
from tests.invitations.test_invitation_delivery import working
from tests.processes.test_concurrency import at_once
from tests.support import chain
from tests.support.changes import REVOKE_API_KEY, actions, nothing_changes
from tests.support.forked_commands import running_code
from tests.support.keys import generate, generated
from tests.support.smtp import Server, smtp_server
from tests.support.stored_keys import store_api_key
from tests.support.world import CLAIM_API_KEY, World

JOB = """
import asyncio, sys
from models.database import Database
from resolvers.api_keys.jobs import expire_due

async def main():
    database = Database(sys.argv[1])
    await expire_due(database)
    await database.close()

asyncio.run(main())
"""
OVER = "now() - interval '1 second'"
IN_SIX_DAYS = "now() + interval '6 days'"


async def stored(world: World, count: int, **columns: str) -> list[str]:
    return [
        await store_api_key(world, world.member.member_id, f"{number} of {columns}", **columns)
        for number in range(count)
    ]


async def told_of(world: World, action: str = "API_KEY_EXPIRED") -> Counter[str]:
    return Counter(event["targetId"] for event in await world.events(actions=[action]))


async def test_the_log_is_told_of_a_key_that_is_over(world: World) -> None:
    (id,) = await stored(world, 1, expires_at=OVER)

    assert await expire_due(world.database) == 1

    event = (await world.events())[0]
    assert event["summary"] == f"Team access expired the API key {event['targetName']} of Member"
    assert (event["action"], event["targetId"], event["actor"]["kind"]) == ("API_KEY_EXPIRED", id, "SYSTEM")
    assert event["details"]["status"] == ["ACTIVE", "EXPIRED"]
    async with nothing_changes(world):
        assert await expire_due(world.database) == 0


async def test_the_log_is_told_of_a_key_that_nobody_claimed(world: World) -> None:
    payload = await generate(world, memberId=world.member.member_id)
    await world.superuser.execute(f"UPDATE api_keys SET claim_expires_at = {OVER}")

    assert await expire_due(world.database) == 1

    event = (await world.events())[0]
    assert event["summary"] == "Team access expired the API key Shop of Member, which was not claimed in time"
    assert event["details"]["status"] == ["UNCLAIMED", "EXPIRED"]
    assert await told_of(world) == Counter([payload["apiKey"]["id"]])


async def test_of_what_works_or_ended_otherwise_nothing_is_said(world: World) -> None:
    await stored(world, 1)
    await stored(world, 1, expires_at="now() + interval '1 hour'")
    await stored(world, 1, expires_at=OVER, revoked_at="now()")
    await generate(world, memberId=world.member.member_id)
    token = await world.token_for(world.member.email)
    await world.member.change(CLAIM_API_KEY, token=token)
    await world.superuser.execute(f"UPDATE api_keys SET claim_expires_at = {OVER} WHERE name = 'Shop'")

    async with nothing_changes(world):
        assert await expire_due(world.database) == 0


async def test_more_than_a_batch_of_several_accounts(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    account = (await stranger.ask("{ account { id } }"))["account"]["id"]
    await store_api_key(world, stranger.member_id, "theirs", account_id=account, expires_at=OVER)
    await stored(world, 1, expires_at=OVER)
    await world.superuser.execute(
        """INSERT INTO api_keys (account_id, id, member_id, name, prefix, key_hash, scopes, created_by_id,
            created_at, claimed_at, expires_at)
          SELECT account_id, gen_random_uuid(), member_id, n::text, prefix, sha256(n::text::bytea), scopes,
            created_by_id, created_at, claimed_at, expires_at
          FROM api_keys, generate_series(1, 1100) n WHERE name <> 'theirs'"""
    )

    assert await expire_due(world.database) == 1_102

    untold = "SELECT count(*) FROM api_keys WHERE expired_at IS NULL"
    assert await world.superuser.fetchval(untold) == 0
    await chain.assert_whole(world.superuser)


async def test_two_workers_tell_once(world: World) -> None:
    ids = await stored(world, 20, expires_at=OVER)
    await stored(world, 20, expires_at=IN_SIX_DAYS)
    sent = len(await world.emails(world.member.email))

    await at_once(
        *(expire_due(world.database) for _ in range(3)),
        *(tell_of_expiry(world.settings, world.database) for _ in range(3)),
    )

    assert await told_of(world) == Counter(ids)
    assert len(await world.emails(world.member.email)) == sent + 1


async def test_the_job_and_a_revocation_tell_once(world: World) -> None:
    for _ in range(4):
        id, _ = await generated(world)
        await world.superuser.execute(f"UPDATE api_keys SET expires_at = {OVER} WHERE revoked_at IS NULL")

        await at_once(expire_due(world.database), world.admin.change(REVOKE_API_KEY, apiKeyId=id))

        assert (await told_of(world))[id] == 1
        assert (await told_of(world, "API_KEY_REVOKED"))[id] == 1
        assert set(actions(await world.events())[:2]) == {"API_KEY_REVOKED", "API_KEY_EXPIRED"}


async def test_a_job_that_is_killed_has_told_all_or_nothing(world: World, database_url: str) -> None:
    ids = await stored(world, 30, expires_at=OVER)
    for delay_seconds in (0.03, 0.06, 0.1, 0.2):
        process = running_code(JOB, database_url)
        await asyncio.sleep(delay_seconds)
        process.kill()
        process.wait()
        told = await told_of(world)
        marked = "SELECT count(*) FROM api_keys WHERE expired_at IS NOT NULL"
        assert sum(told.values()) == await world.superuser.fetchval(marked)
        assert len(told) in (0, 30)

    await expire_due(world.database)
    assert await told_of(world) == Counter(ids)


async def test_a_member_is_told_a_week_before_and_once(world: World) -> None:
    (id,) = await stored(world, 1, expires_at=IN_SIX_DAYS)
    await stored(world, 1, expires_at="now() + interval '8 days'")
    await stored(world, 1)
    sent = len(await world.emails())
    events = await world.events()

    assert await tell_of_expiry(world.settings, world.database) == 1

    (email,) = (await world.emails())[sent:]
    assert email.to == world.member.email
    assert "Expires on" in email.subject
    assert "ask an Admin to generate a new key now" in email.text
    assert await world.events() == events
    told = await world.superuser.fetch("SELECT id FROM api_keys WHERE expiry_notified_at IS NOT NULL")
    assert [f"api_key_{row['id'].hex}" for row in told] == [id]
    async with nothing_changes(world):
        assert await tell_of_expiry(world.settings, world.database) == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"revoked_at": "now()"},
        {"expiry_notified_at": "now()"},
        {"claimed_at": "NULL, key_hash = NULL, claim_expires_at = now() + interval '7 days'"},
        {"expires_at": OVER},
    ],
)
async def test_who_is_not_told(world: World, columns: dict[str, str]) -> None:
    """Of a key that nobody has claimed, the email that brings it tells."""
    await stored(world, 1, **{"expires_at": IN_SIX_DAYS, **columns})

    async with nothing_changes(world):
        assert await tell_of_expiry(world.settings, world.database) == 0


async def test_the_worker_does_both(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "EVERY_30_SECONDS", "* * * * * *")
    monkeypatch.setattr(worker, "EVERY_MINUTE", "* * * * * *")
    ids = await stored(world, 1, expires_at=OVER)
    await stored(world, 1, expires_at=IN_SIX_DAYS)

    async with smtp_server() as server, working(world, server.port), asyncio.timeout(20):
        while not (await told_of(world) and _told(server)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    assert await told_of(world) == Counter(ids)
    assert len(_told(server)) == 1


def _told(server: Server) -> list[str]:
    """The subjects that have arrived."""
    return [subject for mail in server.emails if "Expires on" in (subject := str(mail["Subject"]))]
