"""Requests that wait too long for a connection or space are refused without a trace."""

import asyncio
import resource
from collections.abc import Iterator

import pytest

from models import copy_export
from tests.processes.test_faults import account_held
from tests.reports.test_report_spools import link_of
from tests.support.changes import UPDATE_ACCOUNT
from tests.support.limited import limited
from tests.support.locks import until_waiting
from tests.support.many_events import more_events
from tests.support.world import Person, World

MIB = 1 << 20


async def test_a_change_that_finds_no_connection_free_is_refused(world: World) -> None:
    beta = await world.found("Beta", "beta@example.com")
    beta_id = (await beta.ask("{ account { id } }"))["account"]["id"]
    async with limited(world, database_pool_size=1) as (there, state):
        state.database._changes._waiting_seconds = 0.1
        input = {"accountId": world.account_id, "name": "First"}
        async with account_held(world):
            first = asyncio.create_task(there.admin.post(UPDATE_ACCOUNT, input=input))
            await until_waiting(world.superuser)
            other = Person(there.http, token=beta.token)
            refused = await other.post(UPDATE_ACCOUNT, input={"accountId": beta_id, "name": "No"})
        await first

    (error,) = refused["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert (await beta.ask("{ account { name } }"))["account"]["name"] == "Beta"
    assert (await world.admin.ask("{ account { name } }"))["account"]["name"] == "First"


async def test_a_report_that_finds_no_place_free_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_export, "_WAITING_SECONDS", 0.1)
    async with limited(world) as (there, _):
        paths = [await link_of(there, there.admin) for _ in range(2)]
        async with world.superuser.transaction():
            await world.superuser.execute("LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
            first = asyncio.create_task(there.http.get(paths[0]))
            await until_waiting(world.superuser)
            refused = await there.http.get(paths[1])
        made = await first

    assert (made.status_code, refused.status_code) == (200, 503)
    assert int(refused.headers["retry-after"]) > 0


@pytest.fixture
def files_of_a_mebibyte() -> Iterator[None]:
    """This process can write no larger ones, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("files_of_a_mebibyte")
async def test_a_report_that_cannot_be_written_is_refused(world: World) -> None:
    await more_events(world, 4_000)
    path = await link_of(world, world.admin)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    refused = await world.http.get(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    afterwards = await world.http.get(path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert int(refused.headers["retry-after"]) > 0
    assert afterwards.status_code == 200
    assert len(afterwards.content) > MIB
