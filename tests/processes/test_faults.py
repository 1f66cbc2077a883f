"""After servers are killed and connections cut, exactly what was answered is stored."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.invitations.test_invitation_delivery import forget_emails, until_no_job_is_left, working
from tests.invitations.test_invitations import BOB, invite
from tests.support import chain
from tests.support.changes import INVITE_ONE, PROVISION_LICENSE, UPDATE_ACCOUNT, nothing_changes
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.locks import until_waiting
from tests.support.serving import free_port, serving
from tests.support.smtp import smtp_server
from tests.support.world import Person, World

OURS = "application_name = 'team-access' AND datname = current_database()"


async def ended(pids: list[int], world: World) -> None:
    """The connections of a killed server are gone, and with them what they had not committed."""
    async with asyncio.timeout(10):
        while await world.superuser.fetchval(  # noqa: ASYNC110
            "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", pids
        ):
            await asyncio.sleep(0.02)


async def connections(world: World) -> set[int]:
    return {
        row["pid"] for row in await world.superuser.fetch(f"SELECT pid FROM pg_stat_activity WHERE {OURS}")
    }


async def test_a_server_is_killed_in_the_middle_of_two_hundred_changes(
    world: World, themes: dict[str, str]
) -> None:
    await world.grant("aurora", 200)
    await forget_emails(world)
    before = await connections(world)
    answered: list[dict[str, Any]] = []

    async with (
        served(world) as (process, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=url, timeout=10) as http,
    ):
        admin = Person(http, token=world.admin.token)

        async def act(number: int) -> None:
            account = {"accountId": world.account_id}
            if number % 2:
                input = {**account, "email": f"p{number}@example.com", "role": "VIEWER"}
                answer = await admin.post(INVITE_ONE, input=input)
            else:
                input = {**account, "themeId": themes["aurora"], "site": f"s{number}.example.com"}
                answer = await admin.post(PROVISION_LICENSE, input=input)
            answered.append(answer)
            if len(answered) == 60:
                process.kill()

        acts = await asyncio.gather(*(act(number) for number in range(200)), return_exceptions=True)
        assert {type(lost) for lost in acts} - {type(None)} <= set(httpx.TransportError.__subclasses__()) | {
            *httpx.NetworkError.__subclasses__(),
            httpx.RemoteProtocolError,
        }
        await ended(list(await connections(world) - before), world)

    invitations = await ids(world, "SELECT id FROM invitations WHERE role = 'VIEWER' AND email LIKE 'p%'")
    licenses = await ids(world, "SELECT id FROM licenses")
    assert 60 <= len(answered) <= len(invitations) + len(licenses) < 200
    assert answered_ids(answered) <= invitations | licenses
    assert await targets(world, "MEMBER_INVITED", "p%") == invitations
    assert await targets(world, "LICENSE_PROVISIONED", "%") == licenses
    assert await world.superuser.fetchval("SELECT provisioned FROM entitlements") == len(licenses)
    await chain.assert_whole(world.superuser)

    async with smtp_server() as smtp, working(world, smtp.port):
        await until_no_job_is_left(world)
    assert len(smtp.emails) == len({email["Message-ID"] for email in smtp.emails}) == len(invitations)
    sent = await ids(world, "SELECT id FROM invitations WHERE delivery = 'SENT'")
    assert sent == invitations

    assert not (await invite(world))["userErrors"]


async def ids(world: World, query: str) -> set[str]:
    return {row["id"].hex for row in await world.superuser.fetch(query)}


async def targets(world: World, action: str, name: str) -> set[str]:
    found = await world.superuser.fetch(
        "SELECT target_id FROM audit_events WHERE action = $1 AND target_name LIKE $2", action, name
    )
    assert max(Counter(found).values()) == 1
    return {row["target_id"].hex for row in found}


def answered_ids(answers: list[dict[str, Any]]) -> set[str]:
    payloads = [payload for answer in answers for payload in answer["data"].values()]
    rows = [payload.get("invitation") or payload.get("license") for payload in payloads]
    return {row["id"].rpartition("_")[2] for row in rows}


# The database goes away


@asynccontextmanager
async def account_held(world: World) -> AsyncIterator[None]:
    """A change stops where it would lock the account, in the middle of its transaction."""
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT * FROM accounts FOR UPDATE")
        yield


async def failed(answer: Awaitable[dict[str, Any]]) -> None:
    (error,) = (await answer)["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["requestId"] in error["message"]


@pytest.mark.parametrize("everything", [False, True])
async def test_a_connection_is_cut_in_the_middle_of_a_change(world: World, everything: bool) -> None:
    input = {"accountId": world.account_id, "email": BOB, "role": "VIEWER"}

    async with nothing_changes(world), account_held(world):
        change = asyncio.create_task(world.admin.post(INVITE_ONE, input=input))
        pids = await until_waiting(world.superuser)
        cut = list(await connections(world)) if everything else pids
        await world.superuser.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", cut)
        await failed(change)

    # Whoever comes next notices nothing.
    assert not (await invite(world))["userErrors"]
    await asyncio.gather(*(world.member.ask("{ account { name } }") for _ in range(20)))
    await chain.assert_whole(world.superuser)


async def test_connections_that_were_cut_while_nobody_used_them_are_replaced(world: World) -> None:
    for number in range(3):
        await asyncio.gather(*(world.member.ask("{ account { name } }") for _ in range(20)))
        cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        await world.superuser.execute(f"{cut} WHERE {OURS}")
        await asyncio.sleep(0.05)  # The app's loop learns of it.

        answers = await asyncio.gather(*(world.member.post("{ account { name } }") for _ in range(20)))
        assert not [answer for answer in answers if "errors" in answer]
        assert not (
            await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"New {number}")
        )["userErrors"]


async def test_a_change_that_waits_too_long_is_stopped_and_changes_nothing(world: World) -> None:
    settings = world.settings.model_copy(update={"port": free_port(), "operation_timeout_seconds": 0.3})
    async with (
        serving(settings),
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{settings.port}") as http,
    ):
        admin = Person(http, token=world.admin.token)
        async with nothing_changes(world), account_held(world):
            (refusal,) = await admin.errors(
                UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": "New"}
            )
        assert refusal["code"] == "TIMEOUT"
        assert not (await invite(world))["userErrors"]


async def test_a_client_that_hangs_up_leaves_nothing_locked(world: World) -> None:
    async with account_held(world):
        change = asyncio.create_task(
            world.admin.post(UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": "N"})
        )
        await until_waiting(world.superuser)
        change.cancel()
    assert not (await invite(world))["userErrors"]
    await chain.assert_whole(world.superuser)
