"""Holders and Admins are reminded of the expiry of licenses, by one email for all of a day."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

import worker
from mailer.messages import Message
from models.database import Database
from resolvers.licenses.reminders import _DUE, next_expiry_reminder, remind
from tests.invitations.test_invitation_delivery import working
from tests.licenses.test_license_changes import make, provision
from tests.processes.test_concurrency import at_once
from tests.support.changes import PROVISION_LICENSE, SET_LICENSE_EXPIRY, codes, nothing_changes
from tests.support.forked_commands import running_code
from tests.support.locks import until_waiting
from tests.support.smtp import smtp_server
from tests.support.world import Person, World

JOB = """
import asyncio, sys
from models.database import Database
from resolvers.licenses.reminders import remind
from settings import Settings

async def main():
    database = Database(sys.argv[1])
    await remind(Settings(_env_file=None), database)
    await database.close()

asyncio.run(main())
"""
ADMIN, MEMBER, VIEWER = "admin@example.com", "member@example.com", "viewer@example.com"


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def given(
    world: World, theme_id: str, holder: Person, days: float, site: str = "a.example.com"
) -> None:
    """The Admin provisions a license for the holder."""
    input = {"accountId": world.account_id, "themeId": theme_id, "site": site, "expiresAt": in_days(days)}
    payload = await world.admin.change(PROVISION_LICENSE, **input, holderId=holder.member_id)
    assert not codes(payload), payload


async def days_pass(world: World, days: int) -> None:
    """Times of licenses are so many days earlier."""
    times = (f"{each} = {each} - interval '{days} days'" for each in ("expires_at", "expiry_reminder_at"))
    await world.superuser.execute(f"UPDATE licenses SET {', '.join(times)}")


async def reminders(world: World) -> list[Message]:
    return [message for message in await world.emails() if "because you" in message.text]


async def new_reminders(world: World, workers: int = 1) -> list[Message]:
    """What some workers send at the same time."""
    before = len(await reminders(world))
    await at_once(*(remind(world.settings, world.database) for _ in range(workers)))
    return (await reminders(world))[before:]


def names(message: Message) -> list[str]:
    """Sites of the licenses that the email lists."""
    lines = (line for line in message.text.splitlines() if line.startswith("- Aurora for "))
    return [line.split()[3].replace("\u2060", "").rstrip(":,") for line in lines]


async def test_holders_and_admins_are_told_twice_with_one_email_each(
    world: World, themes: dict[str, str]
) -> None:
    second = await world.join("ADMIN", "second@example.com")
    for site, holder, days in (("a", world.member, 40), ("b", world.member, 40.2), ("c", second, 40.4)):
        await given(world, themes["aurora"], holder, days, f"{site}.example.com")
    await provision(world, themes["aurora"], "lasting.example.com")

    told = []
    for days in (0, 8, 3, 18, 5, 5):
        await days_pass(world, days)
        told.append(await new_reminders(world, workers=3))

    assert [Counter(message.to for message in messages) for messages in told] == [
        Counter(),
        Counter(),
        *([Counter([ADMIN, MEMBER, second.email]), Counter()]),
        *([Counter([ADMIN, MEMBER, second.email]), Counter()]),
    ]
    for messages in (told[2], told[4]):
        by_recipient = {message.to: message for message in messages}
        assert names(by_recipient[MEMBER]) == ["a.example.com", "b.example.com"]
        for email in (ADMIN, second.email):
            assert names(by_recipient[email]) == ["a.example.com", "b.example.com", "c.example.com"]
        assert "held by" not in by_recipient[MEMBER].text
        assert by_recipient[ADMIN].text.count("held by Member\n") == 2
        assert by_recipient[second.email].text.count("held by you\n") == 1
        assert by_recipient[MEMBER].subject == "2 licenses of Acme expire soon"


async def test_an_email_of_one_license_names_it(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], expiresAt=in_days(31.5))
    await days_pass(world, 20)
    expires_at = await world.superuser.fetchval("SELECT expires_at FROM licenses")

    (to_admin, to_member) = await new_reminders(world)

    day = f"{expires_at.day} {expires_at:%B %Y}"
    assert to_admin.subject == f"Expires on {day}: the license Aurora for a.\u2060example.\u2060com"
    assert (to_admin.to, to_member.to) == (ADMIN, MEMBER)
    assert "set a later expiry" in to_admin.text
    assert "ask an Admin" in to_member.text


@pytest.mark.parametrize(("days", "later"), [(20, 14), (29.9, 23)])
async def test_only_later_reminders_follow_a_license_that_is_provisioned_late(
    world: World, themes: dict[str, str], days: float, later: int
) -> None:
    await provision(world, themes["aurora"], expiresAt=in_days(days))

    assert await new_reminders(world) == []
    await days_pass(world, later)
    assert len(await new_reminders(world)) == 2
    await days_pass(world, 4)
    assert await new_reminders(world) == []


@pytest.mark.parametrize("days", [0.5, 3, 6.9])
async def test_nobody_is_told_of_a_license_that_is_provisioned_for_a_week(
    world: World, themes: dict[str, str], days: float
) -> None:
    await provision(world, themes["aurora"], expiresAt=in_days(days))

    for _ in range(8):
        assert await new_reminders(world) == []
        await days_pass(world, 1)


@pytest.mark.parametrize("change", ["suspend", "revoke", "expire", "lapse"])
async def test_who_is_not_told(world: World, themes: dict[str, str], change: str) -> None:
    """A license that has lapsed is expired, but not marked so yet."""
    id = await provision(world, themes["aurora"], expiresAt=in_days(40))
    if change == "expire":
        await world.superuser.execute("UPDATE licenses SET status = 'EXPIRED'")
    elif change != "lapse":
        await make(world, id, change)
    await days_pass(world, 41 if change == "lapse" else 20)

    async with nothing_changes(world):
        assert await remind(world.settings, world.database) == 0


async def test_a_license_that_is_reinstated_is_told_of_at_its_next_reminder(
    world: World, themes: dict[str, str]
) -> None:
    """The reminder that was due while it was suspended is not made up for on the same day."""
    id = await provision(world, themes["aurora"], expiresAt=in_days(40))
    await make(world, id, "suspend")
    await days_pass(world, 20)
    await make(world, id, "reinstate")

    assert await new_reminders(world) == []
    await days_pass(world, 14)
    assert {message.to for message in await new_reminders(world)} == {ADMIN, MEMBER}


async def test_a_license_whose_expiry_is_moved_is_told_of_anew(world: World, themes: dict[str, str]) -> None:
    """Later, after both reminders; sooner, which the one who moves it knows; and never."""
    id = await provision(world, themes["aurora"], expiresAt=in_days(40))
    told = []
    for days in (20, 14):
        await days_pass(world, days)
        told.append(len(await new_reminders(world)))
    for expires_at, days in ((in_days(40), 20), (in_days(20), 0), (in_days(20), 14), (None, 50)):
        payload = await world.admin.change(SET_LICENSE_EXPIRY, licenseId=id, expiresAt=expires_at)
        assert not codes(payload), payload
        told.append(len(await new_reminders(world)))
        await days_pass(world, days)
        told.append(len(await new_reminders(world)))

    assert told == [2, 2, 0, 2, 0, 0, 0, 2, 0, 0]


async def test_a_holder_who_has_left_is_not_told(world: World, themes: dict[str, str]) -> None:
    """Access ends by itself; the job that gives the licenses to the owner has not run yet."""
    await provision(world, themes["aurora"], expiresAt=in_days(40))
    await days_pass(world, 20)
    await world.superuser.execute(
        "UPDATE members SET access_until = now() WHERE email = $1", world.member.email
    )

    assert [message.to for message in await new_reminders(world)] == [ADMIN]


async def test_each_account_has_its_own_email(world: World, themes: dict[str, str]) -> None:
    """The same person holds licenses of two accounts."""
    await given(world, themes["aurora"], world.admin, 40)
    await world.found("Other", ADMIN)
    await world.superuser.execute(
        """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at, expires_at, expiry_reminder_at)
           SELECT m.account_id, gen_random_uuid(), l.theme_id, 'ACTIVE', n || '.other.example', 'k' || n,
             m.id, m.id, now(), l.expires_at, l.expiry_reminder_at
           FROM licenses l, generate_series(1, 25) n, members m
           JOIN accounts a ON a.id = m.account_id WHERE a.name = 'Other'"""
    )
    await days_pass(world, 20)
    second = Database(world.database.url)

    counts = await at_once(remind(world.settings, world.database), remind(world.settings, second))
    await second.close()

    assert sum(counts) == 26
    told = {("Acme" in message.text, len(names(message))): message for message in await reminders(world)}
    assert set(told) == {(True, 1), (False, 20)}
    assert "- and 5 more" in told[False, 20].text
    assert {message.to for message in told.values()} == {ADMIN}


async def test_a_job_that_is_killed_has_told_nobody_and_the_next_tells_all(
    world: World, themes: dict[str, str]
) -> None:
    """The licenses are written, the emails wait."""
    await provision(world, themes["aurora"], expiresAt=in_days(40))
    await days_pass(world, 20)
    async with world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE pgqueuer IN SHARE MODE")
        process = running_code(JOB, world.database.url)
        await until_waiting(world.superuser)
        process.kill()
        process.wait()

    assert await reminders(world) == []
    assert {message.to for message in await new_reminders(world)} == {ADMIN, MEMBER}
    assert await new_reminders(world) == []


async def test_the_worker_does_it_by_the_clock(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVERY_MINUTE", "* * * * * *")
    await provision(world, themes["aurora"], expiresAt=in_days(40))
    await days_pass(world, 20)

    async with smtp_server() as server, working(world, server.port):
        await server.wait_for(lambda: sum("Expires on" in each["Subject"] for each in server.emails) == 2)


async def test_due_licenses_are_found_by_their_index(world: World, themes: dict[str, str]) -> None:
    """Among many that expire within 30 days, of which all but one were told of."""
    await provision(world, themes["aurora"], expiresAt=in_days(40))
    await world.superuser.execute(
        """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at, expires_at, expiry_reminder_at)
           SELECT account_id, gen_random_uuid(), theme_id, 'ACTIVE', n || '.other.example', 'k' || n,
             holder_id, holder_id, now(), expires_at, now() + interval '1 day' + n * interval '1 minute'
           FROM licenses, generate_series(1, 5000) n"""
    )
    await world.superuser.execute("UPDATE licenses SET expiry_reminder_at = now() WHERE site LIKE 'a.%'")
    await world.superuser.execute("ANALYZE licenses")

    plan = await world.superuser.fetch("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) " + _DUE.statement.sql, [])

    lines = [row[0] for row in plan]
    assert any("Index Scan using ix_licenses_expiry_reminder" in line for line in lines), lines
    assert not any("Rows Removed" in line for line in lines), lines


def test_a_reminder_is_due_at_the_start_of_a_day_in_utc() -> None:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=50)

    for expires_at in (day, day + timedelta(hours=23, minutes=59)):
        assert next_expiry_reminder(expires_at) == day - timedelta(days=30)
    assert next_expiry_reminder(day - timedelta(days=30)) == day - timedelta(days=37)
    assert next_expiry_reminder(day - timedelta(days=45)) is None
    assert next_expiry_reminder(None) is None
