"""Expired licenses release their entitlement and site once, whichever process records the expiry."""

import asyncio
from collections import Counter
from typing import Any

import pytest

import worker
from models.database import Database
from resolvers.licenses.jobs import expire_due
from tests.invitations.test_invitation_delivery import working
from tests.licenses.test_license_changes import counted, make, provision
from tests.processes.test_concurrency import at_once, outcome
from tests.support import chain
from tests.support.changes import (
    PROVISION_LICENSE,
    REVOKE_LICENSE,
    SUSPEND_LICENSE,
    actions,
    codes,
    user_error,
)
from tests.support.forked_commands import running_code
from tests.support.locks import until_waiting
from tests.support.smtp import smtp_server
from tests.support.world import World

LATER = "2100-01-01T00:00:00Z"
JOB = """
import asyncio, sys
from models.database import Database
from resolvers.licenses.jobs import expire_due

async def main():
    database = Database(sys.argv[1])
    await expire_due(database)
    await database.close()

asyncio.run(main())
"""


async def let_time_run_out(world: World, **where: str) -> None:
    clause = " AND ".join(
        ["expires_at IS NOT NULL", *(f"{name} = '{value}'" for name, value in where.items())]
    )
    await world.superuser.execute(
        f"UPDATE licenses SET expires_at = now() - interval '1 second' WHERE {clause}"
    )


async def expiring(world: World, theme_id: str, count: int) -> list[str]:
    """Licenses that are over, and not stored so."""
    await world.grant("aurora", count)
    ids = [
        await provision(world, theme_id, f"s{number}.example.com", expiresAt=LATER) for number in range(count)
    ]
    await let_time_run_out(world)
    return ids


async def expiries(world: World) -> Counter[str]:
    """How many events each license has of it."""
    rows = await world.superuser.fetch("SELECT target_id FROM audit_events WHERE action = 'LICENSE_EXPIRED'")
    return Counter(f"license_{row['target_id'].hex}" for row in rows)


async def test_the_job_stores_tells_and_frees_once(world: World, themes: dict[str, str]) -> None:
    over, suspended, _ = [
        await provision(world, themes["aurora"], f"{site}.example.com", expiresAt=LATER)
        for site in ("over", "suspended", "later")
    ]
    await provision(world, themes["aurora"], "lasting.example.com")
    await make(world, suspended, "suspend")
    for site in ("over", "suspended"):
        await let_time_run_out(world, site=f"{site}.example.com")

    assert [await expire_due(world.database) for _ in range(2)] == [2, 0]

    assert await counted(world) == 2
    events = await world.events(actions=["LICENSE_EXPIRED"])
    assert [(event["targetId"], event["details"], event["summary"]) for event in reversed(events)] == [
        (
            over,
            {"status": ["ACTIVE", "EXPIRED"]},
            "Team access expired the license of Aurora for over.example.com",
        ),
        (
            suspended,
            {"status": ["SUSPENDED", "EXPIRED"]},
            "Team access expired the license of Aurora for suspended.example.com",
        ),
    ]
    assert {(event["actor"]["kind"], event["actor"]["credential"]) for event in events} == {("SYSTEM", None)}


async def test_several_workers_expire_many_of_several_accounts(world: World, themes: dict[str, str]) -> None:
    """More than a batch, of two accounts, by three workers at once."""
    await world.found("Other", "stranger@example.com")
    await world.superuser.execute(
        """INSERT INTO entitlements (account_id, id, theme_id, purchased, provisioned)
           SELECT id, gen_random_uuid(), (SELECT id FROM themes WHERE slug = 'basalt'), 400, 400
           FROM accounts"""
    )
    await world.superuser.execute(
        """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at, expires_at)
           SELECT m.account_id, gen_random_uuid(), (SELECT id FROM themes WHERE slug = 'basalt'), 'ACTIVE',
             's' || n || '.example.com', m.id || '-' || n, m.id, m.id, now(), now()
           FROM members m, generate_series(1, 400) n WHERE m.is_owner"""
    )
    workers = [Database(world.database.url) for _ in range(2)]

    counts = await at_once(*(expire_due(database) for database in (world.database, *workers)))
    counts += [await expire_due(world.database)]

    for database in workers:
        await database.close()
    assert sum(counts) == 800
    rows = await world.superuser.fetch("SELECT provisioned FROM entitlements WHERE purchased = 400")
    assert [row["provisioned"] for row in rows] == [0, 0]
    assert sorted((await expiries(world)).values()) == [1] * 800
    await chain.assert_whole(world.superuser)


async def test_a_worker_is_killed_in_the_middle(world: World, themes: dict[str, str]) -> None:
    """The licenses are written, the entitlement waits: nothing of it stays, and the next one does it all."""
    ids = await expiring(world, themes["aurora"], 3)
    url = world.database.url
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT * FROM entitlements FOR UPDATE")
        process = running_code(JOB, url)
        await until_waiting(world.superuser)
        process.kill()
        process.wait()

    assert await counted(world) == 3
    assert not await expiries(world)
    assert await expire_due(world.database) == 3
    assert await counted(world) == 0
    assert await expiries(world) == Counter(ids)


async def test_the_worker_does_it_by_the_clock(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVERY_30_SECONDS", "* * * * * *")
    (id,) = await expiring(world, themes["aurora"], 1)

    async with smtp_server() as server, working(world, server.port), asyncio.timeout(20):
        while not await expiries(world):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    assert await counted(world) == 0
    assert await expiries(world) == Counter([id])


@pytest.mark.parametrize("first", ["revocation", "job"])
async def test_a_revocation_and_the_job_free_it_once(
    world: World, themes: dict[str, str], first: str
) -> None:
    for number in range(5):
        site = f"{first}{number}.example.com"
        await provision(world, themes["aurora"], f"other-{site}")
        id = await provision(world, themes["aurora"], site, expiresAt=LATER)
        await let_time_run_out(world)
        both: list[Any] = [make(world, id, "revoke"), expire_due(world.database)]

        await at_once(*(both if first == "revocation" else reversed(both)))

        assert await counted(world) == 1
        assert (await expiries(world))[id] == 1
        status = await world.superuser.fetchval("SELECT status FROM licenses WHERE site = $1", site)
        assert status == "REVOKED"
        await world.admin.change(
            REVOKE_LICENSE, licenseId=await _on_site(world, f"other-{site}"), reason="Next"
        )
    assert await expire_due(world.database) == 0


async def _on_site(world: World, site: str) -> str:
    id = await world.superuser.fetchval("SELECT id FROM licenses WHERE site = $1 AND status = 'ACTIVE'", site)
    return f"license_{id.hex}"


async def test_a_site_whose_license_is_over_is_free(world: World, themes: dict[str, str]) -> None:
    old = await provision(world, themes["aurora"], expiresAt=LATER)
    await let_time_run_out(world)

    new = await provision(world, themes["aurora"])

    assert await counted(world) == 1
    assert await expiries(world) == Counter([old])
    rows = await world.superuser.fetch("SELECT id, status FROM licenses ORDER BY id")
    assert [(f"license_{row['id'].hex}", row["status"]) for row in rows] == [
        (old, "EXPIRED"),
        (new, "ACTIVE"),
    ]
    assert actions(await world.events())[:2] == ["LICENSE_PROVISIONED", "LICENSE_EXPIRED"]
    assert await expire_due(world.database) == 0


async def test_what_is_over_does_not_use_up_what_was_bought(world: World, themes: dict[str, str]) -> None:
    for number in range(5):
        await provision(world, themes["aurora"], f"s{number}.example.com", expiresAt=LATER)
    await let_time_run_out(world, site="s3.example.com")

    await provision(world, themes["aurora"], "new.example.com")

    assert await counted(world) == 5
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "more.example.com"}
    assert user_error(await world.member.change(PROVISION_LICENSE, **input)) == (
        "LICENSE_LIMIT_REACHED",
        ["themeId"],
    )


async def test_a_refused_provision_expires_nothing(world: World, themes: dict[str, str]) -> None:
    over = await provision(world, themes["aurora"], "over.example.com", expiresAt=LATER)
    await let_time_run_out(world)
    await world.superuser.execute("UPDATE accounts SET max_active_licenses = 0")

    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "over.example.com"}
    payload = await world.member.change(PROVISION_LICENSE, **input)

    assert user_error(payload) == ("LICENSE_LIMIT_REACHED", ["accountId"])
    assert await counted(world) == 1
    assert not await expiries(world)
    assert codes(await world.admin.change(SUSPEND_LICENSE, licenseId=over, reason="Late")) == ["NOT_ACTIVE"]


async def test_twenty_provisions_on_the_site_of_one_that_is_over(
    world: World, themes: dict[str, str]
) -> None:
    old = await provision(world, themes["aurora"], expiresAt=LATER)
    await let_time_run_out(world)
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    posts = [
        person.post(PROVISION_LICENSE, input=input)
        for person in (world.member, world.admin)
        for _ in range(10)
    ]

    answers = await at_once(*posts, expire_due(world.database))

    assert Counter(map(outcome, answers[:-1])) == {"OK": 1, "INVALID": 19}
    assert await counted(world) == 1
    assert await expiries(world) == Counter([old])
    await chain.assert_whole(world.superuser)
