"""A credential that ends while its change waits for the account's lock changes nothing."""

import asyncio

import pytest

from tests.processes.test_concurrency import outcome
from tests.processes.test_faults import account_held
from tests.support.keys import generate
from tests.support.locks import until_waiting
from tests.support.world import CLAIM_API_KEY, PROVISION, Person, World

ENDED = {
    "a session that was ended": "UPDATE sessions SET ended_at = now()",
    "a session that expired": "UPDATE sessions SET expires_at = clock_timestamp()",
    "a key that was revoked": "UPDATE api_keys SET revoked_at = now()",
    "a key that expired": "UPDATE api_keys SET expires_at = clock_timestamp()",
    "a key that was rotated": "UPDATE api_keys SET key_hash = sha256(key_hash)",
    "a rotated key whose time is over": "UPDATE api_keys SET key_hash = sha256(key_hash),"
    " previous_key_hash = key_hash, previous_expires_at = clock_timestamp()",
}
NARROWED = {
    "a session of a member who was demoted": "UPDATE members SET role = 'VIEWER' WHERE role = 'MEMBER'",
    "a key of a member who was demoted": "UPDATE members SET role = 'VIEWER'"
    " FROM api_keys WHERE api_keys.member_id = members.id",
    "a key that lost the scope": "UPDATE api_keys SET scopes = '{READ}'",
}
WORKING = {
    "a session": "UPDATE sessions SET last_used_at = now()",
    "a key": "UPDATE api_keys SET last_used_at = now()",
    "a rotated key": "UPDATE api_keys SET key_hash = sha256(key_hash),"
    " previous_key_hash = key_hash, previous_expires_at = now() + interval '1 hour'",
}


async def script_of(world: World, member: Person) -> Person:
    await generate(world, memberId=member.member_id, scopes=["READ", "PROVISION"])
    claim = await member.change(CLAIM_API_KEY, token=await world.token_for(member.email))
    return Person(world.http, member.email, claim["secret"])


async def provision_while(world: World, statement: str, theme_id: str) -> str:
    """The outcome for a session or key, which waits for the lock until the statement is committed."""
    person = await script_of(world, world.member) if "api_keys" in statement else world.member
    input = {"accountId": world.account_id, "themeId": theme_id, "site": "waited.example.com"}
    async with account_held(world):
        change = asyncio.create_task(person.post(PROVISION, input=input))
        await until_waiting(world.superuser)
        await world.superuser.execute(f"SET LOCAL session_replication_role = replica; {statement}")
    return outcome(await change)


@pytest.mark.parametrize("statement", ENDED.values(), ids=ENDED)
async def test_a_credential_that_ends_while_its_change_waits_is_refused(
    world: World, themes: dict[str, str], statement: str
) -> None:
    await world.grant("aurora", 5)

    seen = await provision_while(world, statement, themes["aurora"])

    assert seen == "UNAUTHENTICATED"
    assert await world.superuser.fetchval("SELECT count(*) FROM licenses") == 0
    provisioned = "SELECT count(*) FROM audit_events WHERE action = 'LICENSE_PROVISIONED'"
    assert await world.superuser.fetchval(provisioned) == 0


@pytest.mark.parametrize("statement", NARROWED.values(), ids=NARROWED)
async def test_a_credential_that_loses_the_permission_while_its_change_waits_is_refused(
    world: World, themes: dict[str, str], statement: str
) -> None:
    await world.grant("aurora", 5)

    seen = await provision_while(world, statement, themes["aurora"])

    assert seen == "FORBIDDEN"
    assert await world.superuser.fetchval("SELECT count(*) FROM licenses") == 0
    events = "SELECT outcome FROM audit_events WHERE action = 'LICENSE_PROVISIONED'"
    assert [row["outcome"] for row in await world.superuser.fetch(events)] == ["DENIED"]


@pytest.mark.parametrize("statement", WORKING.values(), ids=WORKING)
async def test_a_credential_that_works_after_the_wait_makes_its_change(
    world: World, themes: dict[str, str], statement: str
) -> None:
    await world.grant("aurora", 5)

    seen = await provision_while(world, statement, themes["aurora"])

    assert seen == "OK"
    assert await world.superuser.fetchval("SELECT count(*) FROM licenses") == 1
