"""Subscriptions on the served app: permissions, ends, and released resources."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models import notifications
from models.database import Database
from models.notifications import Listener
from settings import Settings
from tests.support.changes import (
    LEAVE,
    REMOVE,
    REVOKE_SESSION,
    SET_MEMBER_ACCESS,
    SET_MEMBER_LIMITS,
    TRANSFER_OWNERSHIP,
    UPDATE_ACCOUNT,
    codes,
)
from tests.support.graphql_ws import Socket, Subscription, connected
from tests.support.live import (
    account_of,
    announce,
    append,
    append_by,
    change_role,
    head,
    held_up,
    left_behind,
    rename,
    settled,
    statements,
    until,
)
from tests.support.rewriting import with_triggers
from tests.support.serving import free_port, serving
from tests.support.world import World
from web.app_state import State

MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role isOwner permissions } }"
GOVERNED = """subscription ($id: ID!) { viewerMemberChanged(accountId: $id) {
  accessUntil limits { maxActiveLicenses themes { slug } } } }"""
LOG = """subscription ($id: ID!, $after: BigInt) { auditLogAppended(accountId: $id, afterSequence: $after) {
  sequence action actor { member { role email } } } }"""
CONTENTS = LOG.replace("action", "details")
NOT_ALLOWED = [{"code": "FORBIDDEN", "permission": "VIEW_AUDIT_LOG"}]
SESSIONS = "{ viewer { sessions { id isCurrent } } }"
ENDED = (4403, "This session has ended or expired: sign in again.")
SIGN_OUT = "mutation { signOut { userErrors { code } } }"


@pytest.fixture(scope="module")
async def state(app_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[State]:
    """What the requests of a server share that never looks for what is not announced.

    Changes are made through the other one."""
    settings = app_settings.model_copy(update={"port": free_port()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notifications, "LOOK_SECONDS", 3_600)
        async with serving(settings) as server:
            app: Any = server.config.app
            yield app.state.team_access


@pytest.fixture
def url(state: State) -> str:
    return f"http://127.0.0.1:{state.settings.port}"


@pytest.fixture(autouse=True)
async def _nothing_is_left_behind(state: State) -> AsyncIterator[None]:
    yield
    await until(lambda: left_behind(state) == [])


@pytest.fixture
async def admin_socket(world: World, url: str) -> AsyncIterator[Socket]:
    async with connected(url, world.admin.token) as socket:
        yield socket


@pytest.fixture
async def member_socket(world: World, url: str) -> AsyncIterator[Socket]:
    async with connected(url, world.member.token) as socket:
        yield socket


@pytest.fixture
async def following(world: World, admin_socket: Socket, state: State) -> Subscription:
    """The log as the Admin follows it, from now on."""
    log = await admin_socket.subscribe(LOG, id=world.account_id)
    await until(lambda: account_of(world) in state.listener._waiting)
    return log


async def test_the_viewer_is_told_each_change_of_its_role(world: World, member_socket: Socket) -> None:
    changes = await member_socket.subscribe(MEMBER, id=world.account_id)
    first = await changes.next()

    await change_role(world, "ADMIN")
    promoted = await changes.next()
    await world.admin.change(TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=world.member.member_id)
    owner = await changes.next()

    assert (first["role"], "VIEW_AUDIT_LOG" in first["permissions"]) == ("MEMBER", False)
    assert (promoted["role"], "VIEW_AUDIT_LOG" in promoted["permissions"]) == ("ADMIN", True)
    assert (promoted["isOwner"], owner["isOwner"]) == (False, True)
    assert await changes.silent()


async def test_the_viewer_is_told_of_new_limits_and_ends_alone(
    world: World, member_socket: Socket, themes: dict[str, str]
) -> None:
    """Not of those of others, nor where nothing changes."""
    until, member = "2100-01-01T00:00:00.000000Z", world.member.member_id
    changes = await member_socket.subscribe(GOVERNED, id=world.account_id)
    seen = [await changes.next()]

    for change, input in (
        (SET_MEMBER_LIMITS, {"maxActiveLicenses": 2}),
        (SET_MEMBER_LIMITS, {"themeIds": [themes["aurora"]]}),
        (SET_MEMBER_ACCESS, {"until": until}),
        (SET_MEMBER_ACCESS, {"until": None}),
        (SET_MEMBER_LIMITS, {"maxActiveLicenses": None, "themeIds": None}),
    ):
        assert not codes(await world.admin.change(change, memberId=world.viewer.member_id, **input))
        assert not codes(await world.admin.change(change, memberId=member, **input))
        seen.append(await changes.next())
        assert not codes(await world.admin.change(change, memberId=member, **input))

    aurora = [{"slug": "aurora"}]
    assert [(*each["limits"].values(), each["accessUntil"]) for each in seen] == [
        (None, None, None),
        (2, None, None),
        (2, aurora, None),
        (2, aurora, until),
        (2, aurora, None),
        (None, None, None),
    ]
    assert await changes.silent()


async def test_events_show_what_they_refer_to_as_it_is_now(world: World, following: Subscription) -> None:
    await change_role(world, "ADMIN")
    await following.next()
    await rename(world.member, world)
    by_an_admin = await following.next()
    await change_role(world, "VIEWER")
    await following.next()
    await world.member.errors(UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": "Mine"})
    by_a_viewer = await following.next()

    assert by_an_admin["action"] == by_a_viewer["action"] == "ACCOUNT_UPDATED"
    assert by_an_admin["actor"]["member"] == {"role": "ADMIN", "email": world.member.email}
    assert by_a_viewer["actor"]["member"] == {"role": "VIEWER", "email": world.member.email}


@pytest.mark.parametrize("selection", [MEMBER, LOG])
@pytest.mark.parametrize("how", ["remove", "leave"])
async def test_what_follows_an_account_ends_with_the_membership(
    world: World, member_socket: Socket, selection: str, how: str
) -> None:
    await change_role(world, "ADMIN")
    after = {"after": await head(world) - 1} if selection == LOG else {}
    subscription = await member_socket.subscribe(selection, id=world.account_id, **after)
    await subscription.next()

    if how == "remove":
        await world.admin.change(REMOVE, memberId=world.member.member_id)
    else:
        await world.member.change(LEAVE, accountId=world.account_id)

    assert await subscription.ended() == ([] if selection == MEMBER else NOT_ALLOWED)


async def test_whoever_loses_the_permission_is_let_go_and_sees_nothing_of_it(
    world: World, member_socket: Socket
) -> None:
    await change_role(world, "ADMIN")
    log = await member_socket.subscribe(LOG, id=world.account_id, after=await head(world) - 1)
    await log.next()

    await change_role(world, "MEMBER")

    assert await log.ended() == NOT_ALLOWED


@pytest.mark.parametrize(
    ("who", "of", "after", "error"),
    [
        ("nobody", "own", None, {"code": "UNAUTHENTICATED"}),
        ("nobody", "made up", None, {"code": "UNAUTHENTICATED"}),
        ("viewer", "own", None, NOT_ALLOWED[0]),
        ("viewer", "another", None, {"code": "NOT_FOUND"}),
        ("admin", "another", None, {"code": "NOT_FOUND"}),
        ("admin", "made up", None, {"code": "NOT_FOUND"}),
        ("admin", "own", 1_000, {"code": "BAD_USER_INPUT"}),
        ("admin", "own", -1, {"code": "BAD_USER_INPUT"}),
    ],
)
async def test_who_may_not_follow_the_log_is_told_why(
    world: World, url: str, who: str, of: str, after: int | None, error: dict[str, str]
) -> None:
    other = await world.found("Rival", "rival@example.com")
    data = await other.ask("{ account { id } }")
    ids = {"own": world.account_id, "another": data["account"]["id"], "made up": "bm9uZQ=="}
    before = len(await world.superuser.fetch("SELECT FROM audit_events"))

    async with connected(url, getattr(world, who).token) as socket:
        assert await (await socket.subscribe(LOG, id=ids[of], after=after)).ended() == [error]
        if after is None and who != "viewer":
            assert await (await socket.subscribe(MEMBER, id=ids[of])).ended() == [error]

    assert len(await world.superuser.fetch("SELECT FROM audit_events")) == before


@pytest.mark.parametrize("how", ["sign out", "revoke"])
async def test_a_socket_closes_when_its_session_ends(world: World, url: str, how: str) -> None:
    elsewhere = await world.sign_in(world.admin.email)
    async with (
        connected(url, world.admin.token) as idle,
        connected(url, world.admin.token) as socket,
        connected(url, elsewhere.token) as other,
    ):
        await socket.subscribe(LOG, id=world.account_id)
        changes = await other.subscribe(MEMBER, id=world.account_id)
        await changes.next()

        if how == "sign out":
            await world.admin.ask(SIGN_OUT)
        else:
            sessions = (await elsewhere.ask(SESSIONS))["viewer"]["sessions"]
            (session,) = (each["id"] for each in sessions if not each["isCurrent"])
            await elsewhere.change(REVOKE_SESSION, sessionId=session)

        assert await idle.closed() == await socket.closed() == ENDED
        assert await other.is_open()
        assert await changes.silent(0)


async def test_waiting_does_not_prolong_a_session(world: World, following: Subscription) -> None:
    await world.superuser.execute(
        "UPDATE sessions SET last_used_at = now() - interval '1 day', expires_at = now() + interval '1 hour'"
    )
    mine = "SELECT s.* FROM sessions s JOIN users u ON u.id = user_id WHERE u.email = $1"
    before = await world.superuser.fetch(mine, world.admin.email)

    await world.member.change(LEAVE, accountId=world.account_id)
    await following.next()

    assert await world.superuser.fetch(mine, world.admin.email) == before


async def test_an_event_costs_two_statements_and_silence_none(
    world: World, following: Subscription, state: State
) -> None:
    await rename(world.admin, world)
    await following.next()
    await following.silent()
    with statements(state) as in_silence:
        await following.silent()
    with statements(state) as at_an_event:
        await rename(world.admin, world)
        await following.next()
        await following.silent()

    assert in_silence == []
    assert len(at_an_event) == 2 + 1  # The third asks for the member, which the query selects.


async def test_a_client_that_takes_nothing_in_is_sent_no_more(world: World, url: str, state: State) -> None:
    await append(world, 2_000, bytes_each=10_000)
    async with connected(url, world.admin.token) as socket:
        with socket.taking_nothing_in(), statements(state, "FROM audit_events") as batches:
            await socket.subscribe(CONTENTS, id=world.account_id, after=0)
            await settled(batches)
        socket.abort()

    assert 1 < len(batches) < 15  # Of twenty: a batch is a megabyte, and the kernel takes in a few.


async def test_a_batch_is_cut_short_where_the_permission_is_lost(world: World, member_socket: Socket) -> None:
    await change_role(world, "ADMIN")
    before = await head(world)
    await append(world, 90, bytes_each=200_000)
    log = await member_socket.subscribe(CONTENTS, id=world.account_id, after=before)
    await log.next()

    with member_socket.taking_nothing_in():
        await change_role(world, "MEMBER")

    assert len(await log.rest()) < 90 - 1
    assert await log.ended() == NOT_ALLOWED


async def test_what_is_read_while_the_permission_is_lost_is_not_sent(
    world: World, following: Subscription
) -> None:
    async with held_up(world, "audit_events"):
        await world.superuser.execute("UPDATE members SET role = 'MEMBER', is_owner = false")
        async with with_triggers(world.superuser) as superuser:
            await append_by(superuser, world)

    assert await following.ended() == NOT_ALLOWED


async def test_what_is_announced_during_a_look_is_not_missed(world: World, following: Subscription) -> None:
    async with held_up(world, "sessions"):
        await append(world, 1)
        await announce(world)
        await asyncio.sleep(0.1)

    assert (await following.next())["sequence"] == await head(world)


async def test_a_client_that_is_gone_leaves_nothing_behind(world: World, url: str, state: State) -> None:
    await append(world, 90, bytes_each=200_000)
    async with connected(url, world.admin.token) as socket:
        with socket.taking_nothing_in():
            await socket.subscribe(CONTENTS, id=world.account_id, after=0)
            await socket.subscribe(LOG, id=world.account_id)
            await socket.subscribe(MEMBER, id=world.account_id)
            await until(lambda: len(left_behind(state)) == 3 + 3)  # Who waits, and the tasks.

            socket.abort()

            await until(lambda: left_behind(state) == [])


async def test_a_listener_ends_even_where_a_cancellation_was_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def takes_it_for_a_timeout(_listener: Listener) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise TimeoutError from None

    monkeypatch.setattr(Listener, "_listen_once", takes_it_for_a_timeout)
    listener = Listener(database)
    listener.start()
    await asyncio.sleep(0.01)

    async with asyncio.timeout(10):
        await listener.close()
