"""The primary is killed under load, and its standby is promoted."""

import asyncio
from email.message import EmailMessage
from typing import Any

import httpx

from tests.failover.conftest import Stage
from tests.invitations.test_invitation_delivery import working
from tests.support import chain
from tests.support.downloads import a_big_file, a_link, opened
from tests.support.live import head, until
from tests.support.log_followers import followers
from tests.support.outage_logs import OutageLogs
from tests.support.smtp import smtp_server


async def test_every_client_goes_on_and_nothing_acknowledged_is_lost(stage: Stage, logs: OutageLogs) -> None:
    world, load = stage.world, stage.load
    async with (
        smtp_server() as smtp,
        working(world, smtp.port),
        followers(world, await head(world)) as following,
        load.running(),
    ):
        await load.every_client_is_served()

        stage.pair.primary.kill()
        ready, health = await _answer(world.http, "/readyz", 503), await _answer(world.http, "/health", 503)
        await stage.pair.promote()

        await load.every_client_is_served()
        await _answer(world.http, "/readyz", 200)
        await stage.look_at_the_primary()
        await until(lambda: logs.has_ended)
        await load.stop()
        last = await head(world)
        for follower in following:
            await follower.has_all(last)
        await _every_email_is_sent(stage, smtp.emails)

    assert ready["checks"]["database"] == health["problems"][0] == "The database cannot be reached."
    load.assert_answers()
    await load.assert_all_acknowledged_once()
    await chain.assert_whole(world.superuser)
    assert logs.assert_one_outage()["failures"] > 0


async def _answer(http: httpx.AsyncClient, path: str, status: int) -> dict[str, Any]:
    """Once it has this status."""
    async with asyncio.timeout(30):
        while (response := await http.get(path)).status_code != status:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    answer: dict[str, Any] = response.json()
    return answer


async def _every_email_is_sent(stage: Stage, emails: list[EmailMessage]) -> None:
    async with asyncio.timeout(60):
        while await stage.world.emails():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    receivers = {str(email["To"]) for email in emails}
    assert {f"{key}@example.com" for key in stage.load.invited} <= receivers


async def test_a_download_that_has_begun_goes_on(stage: Stage) -> None:
    world, size = stage.world, 64 * 1024 * 1024
    await a_big_file(world, size)
    path = await a_link(world, stage.load.license_id)
    reader, writer = await opened(world.settings.port, path)
    head_of_it = await reader.readuntil(b"\r\n\r\n")

    stage.pair.primary.kill()
    await _answer(world.http, "/readyz", 503)
    await stage.pair.promote()
    await _answer(world.http, "/readyz", 200)
    await stage.look_at_the_primary()
    async with asyncio.timeout(60):
        await reader.readexactly(size)
        while not (events := await world.events(actions=["THEME_FILE_DOWNLOADED"])):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    writer.close()

    assert b"200 OK" in head_of_it
    assert [event["details"]["bytes"] for event in events] == [size]
