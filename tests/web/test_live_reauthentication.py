"""Subscriptions to an account that requires a new sign-in end; others on the same WebSocket go on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import notifications
from settings import Settings
from tests.sessions.test_reauthentication import age, set_policy
from tests.support.changes import END_SESSIONS, SET_SECURITY_POLICY, UPDATE_ACCOUNT
from tests.support.graphql_ws import connected
from tests.support.serving import free_port, serving
from tests.support.world import Person, World

MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
LOG = """subscription ($id: ID!, $after: BigInt) {
  auditLogAppended(accountId: $id, afterSequence: $after) { action } }"""
VIEWER = "{ viewer { user { email } } }"


@pytest.fixture(scope="module")
async def url(app_settings: Settings) -> AsyncIterator[str]:
    """Server that never looks for what is not announced."""
    settings = app_settings.model_copy(update={"port": free_port()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notifications, "LOOK_SECONDS", 3_600)
        async with serving(settings):
            yield f"http://127.0.0.1:{settings.port}"


async def admin_of_two(world: World) -> tuple[Person, str]:
    """An Admin of the world's account, who owns a second one, and the second one's id."""
    await world.join("ADMIN", "ada@example.com")
    ada = await world.found("Beta", "ada@example.com")
    memberships = (await ada.ask("{ viewer { memberships { id account { id } } } }"))["viewer"]["memberships"]
    ids = {each["account"]["id"]: each["id"] for each in memberships}
    (second,) = ids.keys() - {world.account_id}
    ada.member_id = ids[world.account_id]
    return ada, second


def error(world: World) -> list[dict[str, str]]:
    return [{"code": "REAUTHENTICATION_REQUIRED", "accountId": world.account_id}]


async def test_subscriptions_end_with_the_sessions_of_the_member(world: World, url: str) -> None:
    ada, second = await admin_of_two(world)
    async with connected(url, ada.token) as socket, connected(url, world.admin.token) as other:
        member, own_member = [await socket.subscribe(MEMBER, id=id) for id in (world.account_id, second)]
        log, own_log = [await socket.subscribe(LOG, id=id, after=0) for id in (world.account_id, second)]
        for each in (member, own_member, log, own_log):
            await each.next()
        others = await other.subscribe(MEMBER, id=world.account_id)
        await others.next()

        await world.admin.change(END_SESSIONS, memberId=ada.member_id)

        await log.rest()
        assert await member.ended() == await log.ended() == error(world)
        for query in (MEMBER, LOG):
            assert await (await socket.subscribe(query, id=world.account_id)).ended() == error(world)
        await ada.change(UPDATE_ACCOUNT, accountId=second, name="Gamma")
        async with asyncio.timeout(10):
            while (await own_log.next())["action"] != "ACCOUNT_UPDATED":
                pass
        assert await own_member.silent(0)
        assert await others.silent(0)
        again = await world.sign_in("ada@example.com")
        async with connected(url, again.token) as new:
            await (await new.subscribe(MEMBER, id=world.account_id)).next()


@pytest.mark.parametrize("query", [MEMBER, LOG])
async def test_a_subscription_ends_when_a_policy_refuses_its_session(
    world: World, url: str, query: str
) -> None:
    ada, _ = await admin_of_two(world)
    await age(world, "ada@example.com", 3_600)
    async with connected(url, ada.token) as socket:
        variables = {"after": 0} if query == LOG else {}
        subscription = await socket.subscribe(query, id=world.account_id, **variables)
        await subscription.next()

        await set_policy(world, 60)

        await subscription.rest()
        assert await subscription.ended() == error(world)
        assert await socket.is_open()


@pytest.mark.parametrize("query", [MEMBER, LOG])
async def test_a_subscription_ends_at_the_age_of_the_policy(world: World, url: str, query: str) -> None:
    """Nothing is announced at that moment."""
    ada, _ = await admin_of_two(world)
    await age(world, "ada@example.com", 57)
    await set_policy(world, 60)
    async with connected(url, ada.token) as socket:
        variables = {"after": 0} if query == LOG else {}
        subscription = await socket.subscribe(query, id=world.account_id, **variables)
        await subscription.next()

        await subscription.rest()

        assert await subscription.ended() == error(world)
        assert await socket.is_open()


async def test_a_longer_age_keeps_the_subscription(world: World, url: str) -> None:
    ada, _ = await admin_of_two(world)
    await age(world, "ada@example.com", 58)
    await set_policy(world, 60)
    async with connected(url, ada.token) as socket:
        subscription = await socket.subscribe(MEMBER, id=world.account_id)
        await subscription.next()

        input = {"accountId": world.account_id, "maxSessionAgeSeconds": 3_600}
        assert not (await world.admin.change(SET_SECURITY_POLICY, **input))["userErrors"]

        assert await subscription.silent(3)
        assert "errors" not in await ada.post(VIEWER)
