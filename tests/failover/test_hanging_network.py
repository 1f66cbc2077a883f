"""The network to the primary drops packets: connections are neither answered nor reset."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.failover.conftest import Stage, settings_for, staged
from tests.failover.test_interruptions import DUE_SECONDS, until_answered
from tests.support.live import head, until
from tests.support.log_followers import followers
from tests.support.network_namespaces import Network, network
from tests.support.outage_logs import OutageLogs
from tests.support.replicated_postgresql import Node, ReplicatedPostgresql, node_folders


@pytest_asyncio.fixture
async def hanging(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stage, Network]]:
    """The primary is in a network of its own, and the standby is not."""
    with network() as between, node_folders() as (one, two):
        pair = ReplicatedPostgresql(Node(one, between.theirs, between.prefix), Node(two))
        try:
            await pair.begin()
            settings = settings_for(pair.url(), tmp_path)
            async with staged(pair, settings, tmp_path_factory.mktemp("catalog")) as stage:
                yield stage, between
        finally:
            pair.kill()


async def test_requests_end_in_time_and_connections_are_replaced(
    hanging: tuple[Stage, Network], logs: OutageLogs
) -> None:
    """First the network comes back. Then it does not, and the standby is promoted."""
    stage, between = hanging
    world, load = stage.world, stage.load
    async with followers(world, await head(world)) as following, load.running():
        await load.every_client_is_served()
        for promotes in (False, True):
            between.drop()
            await until_answered(stage, time.monotonic())
            if promotes:
                await stage.pair.promote()
            else:
                between.mend()
            await load.every_client_is_served()
            await until(lambda: logs.has_ended)
            assert logs.assert_one_outage()["failures"] > 0
            logs.clear()
        await stage.look_at_the_primary()
        await load.stop()
        last = await head(world)
        for follower in following:
            await follower.has_all(last)

    load.assert_answers()
    assert max(answer.seconds for answer in load.answers) < DUE_SECONDS
    await load.assert_all_acknowledged_once()
