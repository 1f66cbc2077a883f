"""Transfers that begin or end while something else ends: their process, their link, or the database."""

import asyncio
from datetime import timedelta

import pytest

from models.columns import now
from resolvers.downloads import transfers
from tests.downloads.test_transfers import BIG, MIB, noted, path
from tests.support.downloads import a_license, a_link, opened, told
from tests.support.limited import limited
from tests.support.world import World

__all__ = ["path"]


async def test_a_transfer_that_begins_while_its_process_ends_is_cut(world: World, path: str) -> None:
    async with limited(world) as (there, state):
        await state.transfers.close()
        refused = await there.http.get(path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert int(refused.headers["retry-after"]) > 0
    (event,) = await told(world)
    assert event["details"]["complete"] is False


async def test_links_that_have_expired_are_forgotten(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "_MOST_LINKS", 2)
    license_id = await a_license(world, themes["aurora"])
    paths = [await a_link(world, license_id) for _ in range(3)]
    async with limited(world) as (there, state):
        for each in paths[:2]:
            await there.http.get(each)
        await told(world, 2)
        first, second = state.transfers._alone
        state.transfers._alone[first].until = now() - timedelta(seconds=1)

        await there.http.get(paths[2])

        assert len(await told(world, 3)) == 3
        assert first not in state.transfers._alone
        assert second in state.transfers._alone
        assert len(state.transfers._alone) == 2


async def test_a_transfer_that_its_process_cannot_audit_is_left_to_the_worker(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "_AUDITED_AFTER_SECONDS", (0, 0))
    async with limited(world) as (there, state):
        await world.superuser.execute("ALTER TABLE audit_events RENAME TO away")
        try:
            response = await there.http.get(path)
            async with asyncio.timeout(20):
                while state.transfers._open:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finally:
            await world.superuser.execute("ALTER TABLE away RENAME TO audit_events")
    before = await world.events(actions=["THEME_FILE_DOWNLOADED"])

    assert await transfers.audit_lost(world.database, 0) == 1

    assert (len(response.content), before) == (BIG, [])
    (event,) = await told(world)
    assert event["details"]["complete"] is False


async def test_a_transfer_that_was_not_noted_for_a_moment_goes_on(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "NOTED_SECONDS", 0.05)
    reader, writer = await opened(world.settings.port, path)
    await noted(world, MIB)

    await world.superuser.execute("ALTER TABLE transfers RENAME COLUMN seen_at TO away")
    await asyncio.sleep(0.2)
    await world.superuser.execute("ALTER TABLE transfers RENAME COLUMN away TO seen_at")
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(BIG)
    writer.close()

    assert b"200 OK" in head
    (event,) = await told(world)
    assert event["details"]["complete"] is True
