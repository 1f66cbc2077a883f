"""A change that waits for the account's lock while the account begins to require a new sign-in."""

import asyncio
from collections import Counter

import pytest

from tests.processes.test_concurrency import in_either_order, outcome
from tests.processes.test_faults import account_held
from tests.sessions.test_reauthentication import age, begin_anew
from tests.sessions.test_session_ends import signed_in
from tests.support.changes import END_SESSIONS, SET_SECURITY_POLICY, UPDATE_ACCOUNT
from tests.support.locks import until_waiting
from tests.support.world import World

ADA = "ada@example.com"
ROUNDS = 25
RULES = {
    "sessions ended": "UPDATE members SET sessions_valid_from = clock_timestamp() WHERE email = $1",
    "policy set": "UPDATE accounts SET max_session_age_seconds = 60 WHERE $1 <> ''",
}
SEQUENCES = "SELECT array_agg(sequence ORDER BY sequence) FROM audit_events WHERE action = $1"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
async def test_a_change_that_waits_for_the_lock_is_refused(world: World, rule: str) -> None:
    ada = await world.join("ADMIN", ADA)
    await age(world, ADA, 120)
    events = await world.superuser.fetchval("SELECT count(*) FROM audit_events")
    async with account_held(world):
        input = {"accountId": world.account_id, "name": "Waited"}
        change = asyncio.create_task(ada.post(UPDATE_ACCOUNT, input=input))
        await until_waiting(world.superuser)
        await world.superuser.execute(rule.replace("$1", f"'{ADA}'"))

    assert outcome(await change) == "REAUTHENTICATION_REQUIRED"
    assert await world.superuser.fetchval("SELECT name FROM accounts") == "Acme"
    assert await world.superuser.fetchval("SELECT count(*) FROM audit_events") == events


@pytest.mark.parametrize("rule", ["sessions ended", "policy set"])
async def test_a_change_crosses_the_rule(world: World, rule: str) -> None:
    """It is in the log before the rule, or refused."""
    ada, seen = await world.join("ADMIN", ADA), Counter[str]()
    for number in range(ROUNDS):
        ada.token = (await signed_in(world, ADA)).token
        change = ada.post(UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": f"Name {number}"})
        if rule == "sessions ended":
            ruling = world.admin.post(END_SESSIONS, input={"memberId": ada.member_id})
        else:
            await age(world, ADA, 120)
            await begin_anew(world, world.admin.email)
            input = {"accountId": world.account_id, "maxSessionAgeSeconds": 60 + number % 2}
            ruling = world.admin.post(SET_SECURITY_POLICY, input=input)

        changed, ruled = await in_either_order(number, change, ruling)

        assert ruled == "OK"
        action = "MEMBER_SESSIONS_ENDED" if rule == "sessions ended" else "SECURITY_POLICY_CHANGED"
        stored = await world.superuser.fetchval("SELECT name FROM accounts")
        assert (stored == f"Name {number}") == (changed == "OK")
        if changed == "OK":
            updated = await world.superuser.fetchval(SEQUENCES, "ACCOUNT_UPDATED")
            assert updated[-1] < (await world.superuser.fetchval(SEQUENCES, action))[-1]
        seen[changed] += 1
        await world.superuser.execute("UPDATE accounts SET max_session_age_seconds = NULL")
    assert set(seen) <= {"OK", "REAUTHENTICATION_REQUIRED"}
