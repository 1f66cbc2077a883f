"""A WebSocket of an API key is closed when the key or its secret ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models import notifications
from resolvers.api_keys.jobs import expire_due
from settings import Settings
from tests.api_keys.test_leaked_keys import finding, report
from tests.support.changes import CHANGE_ROLE, REMOVE, REVOKE_API_KEY, ROTATE_API_KEY, UPDATE_API_KEY
from tests.support.graphql_ws import Socket, connected
from tests.support.keys import claimed
from tests.support.serving import free_port, serving
from tests.support.stored_keys import with_key
from tests.support.world import INVITE, Person, World
from web import authentication

LOG = "subscription ($id: ID!) { auditLogAppended(accountId: $id, afterSequence: 0) { action } }"
MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
REPLACED = "Unknown API key: it does not exist, or its secret was replaced by a rotation."
REVOKED = "This API key was revoked."


@pytest.fixture
async def listening(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The URL of a server that never looks for what was not announced."""
    monkeypatch.setattr(notifications, "LOOK_SECONDS", 3_600)
    settings = app_settings.model_copy(update={"port": free_port()})
    async with serving(settings):
        yield f"http://127.0.0.1:{settings.port}"


@pytest.fixture
async def looking(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The URL of a server that looks ten times a second."""
    monkeypatch.setattr(notifications, "LOOK_SECONDS", 0.1)
    settings = app_settings.model_copy(update={"port": free_port()})
    async with serving(settings):
        yield f"http://127.0.0.1:{settings.port}"


async def follow(world: World, socket: Socket) -> None:
    """Until the server watches the key."""
    changes = await socket.subscribe(MEMBER, id=world.account_id)
    assert (await changes.next())["role"] == "MEMBER"


async def end(world: World, script: Person, how: str) -> None:
    match how:
        case "revoked":
            await world.admin.change(REVOKE_API_KEY, apiKeyId=script.member_id)
        case "rotated":
            await world.member.change(ROTATE_API_KEY, apiKeyId=script.member_id)
        case "leaked":
            await report(world, finding(script.token))
        case "expired":
            await world.superuser.execute("UPDATE api_keys SET expires_at = now()")
            await expire_due(world.database)
        case "demoted":
            await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")
        case "removed":
            await world.admin.change(REMOVE, memberId=world.member.member_id)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("revoked", REVOKED),
        ("rotated", REPLACED),
        ("leaked", REVOKED),
        ("expired", "This API key has expired."),
        ("demoted", "API key's member is now a Viewer"),
        ("removed", REVOKED),
    ],
)
async def test_a_socket_is_closed_at_once(world: World, listening: str, how: str, reason: str) -> None:
    script = await claimed(world, world.member)
    async with connected(listening, script.token) as socket, connected(listening, world.member.token) as own:
        await follow(world, socket)

        await end(world, script, how)

        code, said = await socket.closed()
        assert code == 4403
        assert reason in said
        assert await own.is_open()


async def test_a_socket_of_the_old_secret_lasts_as_long_as_the_overlap(world: World, looking: str) -> None:
    script = await claimed(world, world.member)
    async with connected(looking, script.token) as old:
        await follow(world, old)
        rotated = await world.member.change(ROTATE_API_KEY, apiKeyId=script.member_id, overlapSeconds=60)
        async with connected(looking, rotated["secret"]) as new:
            await follow(world, new)
            await asyncio.sleep(0.5)
            assert await old.is_open()

            await world.superuser.execute("UPDATE api_keys SET previous_expires_at = now()")

            assert await old.closed() == (4403, REPLACED)
            assert await new.is_open()


async def test_a_key_that_holds_a_subscription_is_in_use(
    world: World, listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nothing happens. An account's rule revokes unused keys."""
    monkeypatch.setattr(authentication, "_USE_NOTED_EVERY", timedelta(milliseconds=50))
    script = await claimed(world, world.member)
    async with connected(listening, script.token) as socket:
        await follow(world, socket)
        await world.superuser.execute(
            "UPDATE api_keys SET last_used_at = now() - interval '31 days', last_used_ip = NULL"
        )

        async with asyncio.timeout(10):
            used = "SELECT last_used_at > now() - interval '1 hour' AND last_used_ip <> '' FROM api_keys"
            while not await world.superuser.fetchval(used):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await socket.is_open()


@pytest.mark.parametrize("document", [MEMBER, LOG], ids=["member", "log"])
async def test_a_subscription_ends_when_its_key_no_longer_reads(
    world: World, listening: str, document: str
) -> None:
    """The socket stays open for changes."""
    script = await with_key(world, world.admin, "READ", "TEAM")
    async with connected(listening, script.token) as socket:
        changes = await socket.subscribe(document, id=world.account_id)
        await changes.next()

        await world.admin.change(UPDATE_API_KEY, apiKeyId=script.member_id, scopes=["TEAM"])

        events = await changes.rest()
        assert "API_KEY_UPDATED" not in str(events)
        assert await changes.ended() == [{"code": "FORBIDDEN"}]
        input = {"accountId": world.account_id, "email": "new@example.com", "role": "VIEWER"}
        invited = await socket.send({"query": INVITE, "variables": {"input": input}})
        assert (await invited.next())["userErrors"] == []
