"""A sign-in is an event in the log of each account that the person belongs to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest
import structlog

from models.database import Database
from resolvers.sessions import sign_ins
from tests.support.changes import CREATE_ACCOUNT, LEAVE, nothing_changes, user_error
from tests.support.links import nothing_is_written
from tests.support.world import ACCEPT, INVITE, REQUEST_SIGN_IN, SIGN_IN, Person, World

ADMIN = "admin@example.com"
SIGNED_IN = "MEMBER_SIGNED_IN"
LOG = """query ($id: ID!, $filter: AuditLogFilter) { account(id: $id) {
  auditLog(first: 100, filter: $filter) { nodes {
    id sequence action summary targetId targetName details ip userAgent requestId
    actor { kind name member { id } credential { kind id label } } } } } }"""
SESSIONS = "{ viewer { sessions { id isCurrent createdAt } } }"
ACTIVITY = """query ($id: ID!) { node(id: $id) { ... on Member {
  activity(filter: {actions: [MEMBER_SIGNED_IN]}) { nodes { summary } } } } }"""


async def second_account(world: World, name: str = "Second") -> str:
    """Id of another account of the Admin."""
    payload = await world.admin.change(CREATE_ACCOUNT, name=name)
    id: str = payload["account"]["id"]
    return id


async def sign_ins_of(person: Person, account_id: str) -> list[dict[str, Any]]:
    data = await person.ask(LOG, id=account_id, filter={"actions": [SIGNED_IN]})
    nodes: list[dict[str, Any]] = data["account"]["auditLog"]["nodes"]
    return nodes


async def count(world: World) -> int:
    found: int = await world.superuser.fetchval(
        "SELECT count(*) FROM audit_events WHERE action = $1", SIGNED_IN
    )
    return found


async def waiting(world: World) -> int:
    found: int = await world.superuser.fetchval("SELECT count(*) FROM unrecorded_sign_ins")
    return found


@asynccontextmanager
async def locked(world: World, database_url: str, table: str, account_id: str) -> AsyncIterator[None]:
    """Another transaction holds a row of the account: its log's head, or its own row."""
    owner = await asyncpg.connect(database_url)
    try:
        async with owner.transaction():
            key = "account_id" if table == "audit_heads" else "id"
            await owner.execute(f"SELECT FROM {table} WHERE {key} = $1 FOR UPDATE", account_id[-32:])
            yield
    finally:
        await owner.close()


@contextmanager
def info_logs() -> Iterator[list[MutableMapping[str, Any]]]:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        with structlog.testing.capture_logs() as logs:
            yield logs
    finally:
        structlog.configure(wrapper_class=before)


async def test_each_account_has_the_event_when_the_answer_arrives(world: World) -> None:
    accounts = [world.account_id, await second_account(world)]

    person = await world.sign_in(ADMIN)

    (session,) = (each for each in (await person.ask(SESSIONS))["viewer"]["sessions"] if each["isCurrent"])
    for account_id in accounts:
        event = (await sign_ins_of(person, account_id))[0]
        assert event["summary"] == "Admin signed in"
        assert event["actor"]["credential"]["kind"] == "SESSION"
        assert event["actor"]["credential"]["id"] == session["id"]
        assert event["targetId"] == event["actor"]["member"]["id"]
        assert event["ip"] == "127.0.0.1"
        assert event["requestId"]
        assert list(event["details"]) == ["signedInAt"]
    assert len({(await sign_ins_of(person, id))[0]["requestId"] for id in accounts}) == 1


async def test_a_new_person_who_joins_has_signed_in(world: World) -> None:
    person = await world.join("MEMBER", "new@example.com")

    joined, signed_in = (await world.events())[1], (await world.events())[0]
    assert (joined["action"], signed_in["action"]) == ("MEMBER_JOINED", SIGNED_IN)
    assert joined["actor"]["credential"]["kind"] == "INVITATION"
    assert signed_in["actor"]["credential"]["kind"] == "SESSION"
    assert signed_in["actor"]["member"]["id"] == person.member_id


async def test_a_known_person_who_joins_has_not(world: World) -> None:
    other = World(world.http, world.settings, world.database, world.superuser)
    await other.found("Other", "other@example.com")
    await world.admin.change(INVITE, accountId=world.account_id, email="other@example.com", role="MEMBER")
    before = await count(world)

    payload = await world.nobody.change(ACCEPT, token=await world.token_for("other@example.com"))

    assert payload["member"]
    assert await count(world) == before


async def test_a_repeated_click_is_no_sign_in(world: World) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email=ADMIN)
    token = await world.token_for(ADMIN)
    await world.nobody.change(SIGN_IN, token=token)
    before = await count(world)

    again = await world.admin.change(SIGN_IN, token=token)

    assert again["viewer"]
    assert await count(world) == before


@pytest.mark.parametrize("state", ["expired", "used", "unknown"])
async def test_a_refused_link_is_in_the_process_log_only(world: World, state: str) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email=ADMIN)
    token = await world.token_for(ADMIN)
    if state == "expired":
        await world.superuser.execute("UPDATE sign_in_links SET expires_at = now()")
    if state == "used":
        await world.nobody.change(SIGN_IN, token=token)

    with info_logs() as logs:
        async with nothing_is_written(world.superuser), nothing_changes(world):
            payload = await world.nobody.change(SIGN_IN, token="x" * 43 if state == "unknown" else token)

    assert user_error(payload) == ("TOKEN_INVALID", ["token"])
    (line,) = (each for each in logs if each["event"] == "sign_in_refused")
    assert (line["ip"], bool(line["request_id"]), token in repr(line)) == ("127.0.0.1", True, False)


async def test_the_accounts_used_most_recently_have_the_event_and_the_process_log_names_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "MOST_ACCOUNTS", 2)
    ids = [world.account_id, *[await second_account(world, name) for name in ("Second", "Third")]]
    for place, account_id in enumerate(ids):
        await world.superuser.execute(
            "UPDATE members SET last_active_at = now() - make_interval(mins => $2)"
            " WHERE account_id = $1 AND email = 'admin@example.com'",
            account_id[-32:],
            place,
        )
    before = [len(await sign_ins_of(world.admin, id)) for id in ids]

    with info_logs() as logs:
        await world.sign_in(ADMIN)

    after = [len(await sign_ins_of(world.admin, id)) for id in ids]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 0]
    (line,) = (each for each in logs if each["event"] == "signed_in")
    assert line["accounts_without_event"] == 1
    assert [id.replace("-", "") for id in line["account_ids"]] == [id[-32:] for id in ids]


async def test_an_account_that_the_person_has_left_has_no_event(world: World) -> None:
    await world.member.change(LEAVE, accountId=world.account_id)
    before = await count(world)

    await world.sign_in("member@example.com")

    assert await count(world) == before


@pytest.mark.parametrize("table", ["audit_heads", "accounts"])
async def test_a_busy_account_delays_nobody_who_signs_in(
    world: World, database: Database, superuser_url: str, table: str
) -> None:
    second = await second_account(world)
    before = len(await sign_ins_of(world.admin, world.account_id))

    async with locked(world, superuser_url, table, world.account_id):
        person = await asyncio.wait_for(world.sign_in(ADMIN), 20)
        assert len(await sign_ins_of(person, second)) == 1
    missing = table == "audit_heads"
    assert await waiting(world) == missing
    assert len(await sign_ins_of(person, world.account_id)) == before + (not missing)

    assert await sign_ins.record_waiting(database) == missing
    late, on_time = (await sign_ins_of(person, world.account_id))[0], (await sign_ins_of(person, second))[0]
    same = ("action", "summary", "targetName", "details", "ip", "userAgent", "requestId")
    assert [late[name] for name in same] == [on_time[name] for name in same]
    assert late["actor"]["credential"] == on_time["actor"]["credential"]
    assert await waiting(world) == 0


async def test_a_late_event_is_appended_once(world: World, database: Database, superuser_url: str) -> None:
    async with locked(world, superuser_url, "audit_heads", world.account_id):
        await world.sign_in(ADMIN)
    before = await count(world)

    recorded = await asyncio.gather(*(sign_ins.record_waiting(database) for _ in range(3)))

    assert sum(recorded) == 1
    assert await count(world) == before + 1
    assert await sign_ins.record_waiting(database) == 0


async def test_a_late_event_that_fails_is_appended_by_the_next_run(
    world: World, database: Database, superuser_url: str
) -> None:
    """The trigger stands for a process or a database that fails within the transaction."""
    async with locked(world, superuser_url, "audit_heads", world.account_id):
        await world.sign_in(ADMIN)
    fails = "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
    trigger = "CREATE TRIGGER fails BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION fails();"
    await world.superuser.execute(fails + trigger)  # The superuser's own statements have no triggers.
    try:
        with structlog.testing.capture_logs() as logs:
            assert await sign_ins.record_waiting(database) == 0
    finally:
        await world.superuser.execute("DROP FUNCTION fails CASCADE")

    assert [each["event"] for each in logs] == ["account_not_done"]
    assert await waiting(world) == 1
    assert await sign_ins.record_waiting(database) == 1
    assert await waiting(world) == 0


async def test_the_log_still_proves_itself(world: World, database: Database, superuser_url: str) -> None:
    async with locked(world, superuser_url, "audit_heads", world.account_id):
        await world.sign_in(ADMIN)
    await sign_ins.record_waiting(database)
    await world.sign_in(ADMIN)

    integrity = (await world.admin.ask("{ account { auditIntegrity { verified } } }"))["account"]

    assert integrity == {"auditIntegrity": {"verified": True}}


async def test_a_member_sees_its_own_sign_ins_only(world: World) -> None:
    own = await world.member.ask(ACTIVITY, id=world.member.member_id)
    assert [each["summary"] for each in own["node"]["activity"]["nodes"]] == ["Member signed in"]

    refused = await world.member.errors(ACTIVITY, id=world.viewer.member_id)
    assert [each["code"] for each in refused] == ["FORBIDDEN"]
    assert [each["code"] for each in await world.viewer.errors(ACTIVITY, id=world.viewer.member_id)] == [
        "FORBIDDEN"
    ]
    assert await world.admin.ask(ACTIVITY, id=world.viewer.member_id)
