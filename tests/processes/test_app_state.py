"""State of a server process, which is closed within a time limit."""

import asyncio

import pytest
import structlog

from settings import Settings
from tests.support.limited import asked, limited
from tests.support.locks import until_waiting
from tests.support.stored_keys import with_key
from tests.support.world import World
from web import app_state
from web.app_state import State


def test_there_is_none_without_a_database() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL is not set"):
        State.of(Settings(_env_file=None, database_url=None))


async def test_what_takes_too_long_to_close_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_state, "_CLOSING_SECONDS", 0.1)
    script = await with_key(world, world.admin)
    async with limited(world, log_level="warning") as (there, state):
        async with world.superuser.transaction(), asyncio.timeout(30):
            await world.superuser.execute("LOCK TABLE audit_heads IN EXCLUSIVE MODE")
            call = asyncio.create_task(asked(there.admin, token=script.token))
            await until_waiting(world.superuser)

            with structlog.testing.capture_logs() as logs:
                await state.close()

            assert [log["event"] for log in logs] == ["state_not_closed_in_time"]
            assert not call.done()
        call.cancel()
