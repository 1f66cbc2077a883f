"""Times of last use are written when possible, and never delay a request."""

import pytest
import structlog

from engine import outages
from engine.outage_log import BusyLog
from tests.models.test_unwritable_database import LAST_USED, USED_LONG_AGO
from tests.support.changes import REMOVE
from tests.support.limited import limited
from tests.support.world import World

ACCOUNT = "{ account { name } }"
NAME = "{ viewer { user { name } } }"


async def test_the_last_use_of_somebody_without_an_account_is_noted(world: World) -> None:
    await world.admin.change(REMOVE, memberId=world.member.member_id)
    await world.superuser.execute(USED_LONG_AGO)
    active = await world.superuser.fetch("SELECT last_active_at FROM members ORDER BY id")

    await world.member.ask(NAME)

    assert await world.superuser.fetchval(
        f"{LAST_USED} WHERE user_id = (SELECT id FROM users WHERE email = $1)", world.member.email
    )
    assert await world.superuser.fetch("SELECT last_active_at FROM members ORDER BY id") == active


async def test_a_table_that_is_locked_for_writing_holds_up_no_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_BUSY_LOG", BusyLog())
    await world.superuser.execute(USED_LONG_AGO)

    async with limited(world) as (there, _), world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE sessions IN EXCLUSIVE MODE")
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                assert (await there.admin.ask(ACCOUNT))["account"]["name"] == "Acme"

    assert not await world.superuser.fetchval(LAST_USED)
    assert [entry["event"] for entry in logs] == ["database_busy"]
    assert "last use" in logs[0]["error"]


async def test_what_is_no_outage_is_logged_and_holds_up_no_read(world: World) -> None:
    await world.superuser.execute(USED_LONG_AGO)
    await world.superuser.execute("ALTER FUNCTION note_members_active RENAME TO away")
    try:
        async with limited(world) as (there, _):
            with structlog.testing.capture_logs() as logs:
                assert (await there.admin.ask(ACCOUNT))["account"]["name"] == "Acme"
    finally:
        await world.superuser.execute("ALTER FUNCTION away RENAME TO note_members_active")

    assert [entry["event"] for entry in logs] == ["last_use_not_noted"]
    assert not await world.superuser.fetchval(LAST_USED)
