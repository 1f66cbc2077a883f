"""PostgreSQL is restarted, ends connections at any moment, and stops without closing them."""

import asyncio
import random
import time
from contextlib import suppress

import asyncpg

from tests.failover.conftest import Stage
from tests.invitations.test_invitation_delivery import working
from tests.support import chain
from tests.support.live import head, until
from tests.support.log_followers import followers
from tests.support.outage_load import LIMIT_SECONDS
from tests.support.outage_logs import OutageLogs
from tests.support.smtp import smtp_server

_TERMINATIONS = 150
_ONE = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = 'team_access' ORDER BY random() LIMIT $1"""
DUE_SECONDS = 2 * LIMIT_SECONDS
"""With what a machine with much to do adds: without limits it would be minutes."""


async def test_a_restart_is_one_outage(stage: Stage, logs: OutageLogs) -> None:
    async with stage.load.running():
        await stage.load.every_client_is_served()
        await stage.pair.primary.restart()
        await stage.load.every_client_is_served()
        await stage.look_at_the_primary()
        await until(lambda: logs.has_ended)

    stage.load.assert_answers()
    await stage.load.assert_all_acknowledged_once()
    logs.assert_one_outage()


async def test_connections_are_terminated_at_any_moment(stage: Stage, logs: OutageLogs) -> None:
    """Those of requests, of LISTEN, of API calls and of jobs, whatever they do."""
    world, load = stage.world, stage.load
    async with (
        smtp_server() as smtp,
        working(world, smtp.port),
        followers(world, await head(world)) as following,
        load.running(),
    ):
        for _ in range(_TERMINATIONS):
            await world.superuser.execute(_ONE, random.choice((1, 1, 3, 100)))
            await asyncio.sleep(random.random() / 20)
        await load.every_client_is_served()
        await load.stop()
        last = await head(world)
        for follower in following:
            await follower.has_all(last)

    load.assert_answers()
    await load.assert_all_acknowledged_once()
    await chain.assert_whole(world.superuser)
    logs.assert_no_traceback()


async def test_a_server_that_stops_is_not_waited_for(stage: Stage, logs: OutageLogs) -> None:
    """Its system keeps the connections open, so that only silence shows it."""
    async with stage.load.running():
        await stage.load.every_client_is_served()
        stage.pair.primary.freeze()
        began_at = time.monotonic()
        try:
            await until_answered(stage, began_at)
        finally:
            stage.pair.primary.thaw()
        await stage.load.every_client_is_served()
        await until(lambda: logs.has_ended)
    with suppress(asyncpg.PostgresError, OSError):
        await stage.look_at_the_primary()

    stage.load.assert_answers()
    assert max(answer.seconds for answer in stage.load.answers) < DUE_SECONDS
    await stage.load.assert_all_acknowledged_once()
    logs.assert_one_outage()


async def until_answered(stage: Stage, began_at: float) -> None:
    """Until each client was answered 503 twice: by what waited for the server, and by what came later."""
    load = stage.load
    async with asyncio.timeout(60):
        while load.clients().keys() - {"download"} - load.refused_twice(began_at):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
