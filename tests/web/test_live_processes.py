"""Subscriptions across server processes on one database, with lost notifications."""

import asyncio
import logging
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest

from models import notifications
from settings import Settings
from tests.support.changes import CHANGE_ROLE, UPDATE_ACCOUNT
from tests.support.commands import running
from tests.support.graphql_ws import connected
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.live import append, change_role, head
from tests.support.serving import free_port, serving
from tests.support.world import Person, World

MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
LOG = """subscription ($id: ID!, $after: BigInt) { auditLogAppended(accountId: $id, afterSequence: $after) {
  sequence action } }"""

ENDED = (4403, "This session has ended or expired: sign in again.")

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def servers(database_url: str) -> Iterator[tuple[str, str]]:
    """The URLs of two."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="team-access-live-")))
        commands = [
            stack.enter_context(running(folder, "serve", "--no-worker", DATABASE_URL=database_url))
            for _ in range(2)
        ]
        assert [command.status() for command in commands] == [200, 200]
        here, there = (f"http://127.0.0.1:{command.port}" for command in commands)
        yield here, there


@pytest.fixture
async def looking(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The URL of a server that looks for what was not announced ten times a second."""
    monkeypatch.setattr(notifications, "LOOK_SECONDS", 0.1)
    settings = app_settings.model_copy(update={"port": free_port()})
    async with serving(settings):
        yield f"http://127.0.0.1:{settings.port}"


async def test_what_is_changed_through_one_process_is_seen_through_the_other(
    world: World, servers: tuple[str, str]
) -> None:
    here, there = servers
    async with (
        connected(there, world.admin.token) as admin,
        connected(there, world.member.token) as member,
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=here, timeout=30) as http,
    ):
        appended = await admin.subscribe(LOG, id=world.account_id, after=await head(world))
        changed = await member.subscribe(MEMBER, id=world.account_id)
        assert await changed.next() == {"role": "MEMBER"}

        changer = Person(http, token=world.admin.token)
        for role in ("VIEWER", "MEMBER", "ADMIN"):
            await changer.change(CHANGE_ROLE, memberId=world.member.member_id, role=role)
            answered = time.perf_counter()
            assert await changed.next() == {"role": role}
            told = time.perf_counter()
            assert (await appended.next())["action"] == "MEMBER_ROLE_CHANGED"
            shown = time.perf_counter()
            log.info(
                "after the answer: the role %.1f ms, the event %.1f ms",
                (told - answered) * 1000,
                (shown - answered) * 1000,
            )


async def test_who_comes_back_misses_nothing_and_sees_nothing_twice(
    world: World, servers: tuple[str, str]
) -> None:
    here, there = servers
    first, seen = await head(world), list[int]()
    async with (
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=here, timeout=30) as http,
        asyncio.TaskGroup() as tasks,
    ):
        changer = Person(http, token=world.admin.token)
        for number in range(200):
            tasks.create_task(
                changer.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Acme {number}")
            )
        while len(seen) < 200:
            async with connected(there, world.admin.token) as socket:
                last = seen[-1] if seen else first
                appended = await socket.subscribe(LOG, id=world.account_id, after=last)
                seen += [(await appended.next())["sequence"] for _ in range(min(37, 200 - len(seen)))]
                socket.abort()

    assert seen == list(range(first + 1, first + 201))


async def test_a_server_that_is_killed_and_started_again_loses_nothing(world: World) -> None:
    """Changes are made through another one, also while nobody is there to tell of them."""
    first, seen = await head(world), list[int]()

    async def rename(count: int) -> None:
        for number in range(count):
            name = f"Acme {len(seen)} {number}"
            await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=name)

    for _ in range(3):
        async with served(world) as (process, url), connected(url, world.admin.token) as socket:
            appended = await socket.subscribe(LOG, id=world.account_id, after=seen[-1] if seen else first)
            renaming = asyncio.create_task(rename(10))
            seen += [(await appended.next())["sequence"] for _ in range(7)]
            process.kill()
            await renaming
        await rename(3)
    async with served(world) as (_, url), connected(url, world.admin.token) as socket:
        appended = await socket.subscribe(LOG, id=world.account_id, after=seen[-1])
        seen += [(await appended.next())["sequence"] for _ in range(39 - len(seen))]

    assert seen == list(range(first + 1, first + 40)) == list(range(first + 1, await head(world) + 1))


async def test_a_lost_listening_connection_loses_nothing(world: World, servers: tuple[str, str]) -> None:
    first, (_, there) = await head(world), servers
    async with connected(there, world.admin.token) as admin, connected(there, world.member.token) as member:
        appended = await admin.subscribe(LOG, id=world.account_id, after=first - 1)
        changed = await member.subscribe(MEMBER, id=world.account_id)
        assert (await appended.next())["sequence"] == first
        assert await changed.next() == {"role": "MEMBER"}

        for role in ("VIEWER", "MEMBER"):
            lost = await listening(world)
            for pid in lost:
                await world.superuser.execute("SELECT pg_terminate_backend($1, 1000)", pid)
            await append(world, 1)
            await change_role(world, role)

            newest = await head(world)
            assert await changed.next() == {"role": role}
            assert [each["sequence"] for each in await appended.take(2)] == [newest - 1, newest]
            assert lost.isdisjoint(await listening(world))


async def test_an_event_that_nobody_announces_is_found(world: World, looking: str) -> None:
    async with connected(looking, world.admin.token) as socket:
        log = await socket.subscribe(LOG, id=world.account_id)
        assert await log.silent(0.4)

        await append(world, 3)

        newest = await head(world)
        assert [each["sequence"] for each in await log.take(3)] == [newest - 2, newest - 1, newest]


async def test_a_socket_closes_when_the_time_of_its_session_is_over(world: World, looking: str) -> None:
    async with (
        connected(looking, world.admin.token) as socket,
        connected(looking, world.member.token) as other,
    ):
        await world.superuser.execute(
            "UPDATE sessions SET expires_at = now() + interval '0.4 seconds'"
            " WHERE user_id = (SELECT id FROM users WHERE email = $1)",
            world.admin.email,
        )

        assert await socket.closed() == ENDED
        assert await other.is_open()


async def test_open_sockets_do_not_hold_up_the_end(world: World, database_url: str, tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        async with AsyncExitStack() as stack:
            url = f"http://127.0.0.1:{serve.port}"
            sockets = [await stack.enter_async_context(connected(url, world.admin.token)) for _ in range(20)]
            for socket in sockets:
                changed = await socket.subscribe(MEMBER, id=world.account_id)
                await changed.next()
                await socket.subscribe(LOG, id=world.account_id)

            began = time.monotonic()
            serve.process.send_signal(signal.SIGINT)
            code, _, err = await asyncio.to_thread(serve.outcome)
            took = time.monotonic() - began
            closed = {await socket.closed() for socket in sockets}

    log.info("ended within %.2f s, sockets with %s", took, closed)
    assert (code, err) == (0, "")
    assert closed == {(1012, "The server restarts")}
    assert took < 2


async def listening(world: World) -> set[int]:
    """The server processes of PostgreSQL to which servers of this test listen."""
    query = """SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'team-access listener'"""
    return {row["pid"] for row in await world.superuser.fetch(query)}
