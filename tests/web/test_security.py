"""Attacks that succeeded in the past are refused."""

import asyncio
import base64
import json
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from sqlalchemy import insert
from websockets import Subprotocol, connect

from models.columns import new_id, now
from models.members import User
from tests.support import chain
from tests.support.forked_commands import running_code
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.locks import until_waiting
from tests.support.rewriting import act_for, with_triggers
from tests.support.serving import free_port
from tests.support.world import ACCEPT, INVITE, REQUEST_SIGN_IN, SIGN_IN, Person, World

CREATE = """mutation ($input: CreateAccountInput!) { createAccount(input: $input) {
  account { id name owner { name } limits { activeLicenses } viewerPermissions } userErrors { code } } }"""
RENAME = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { code } } }"
LIMITS = """mutation ($input: SetAccountLimitsInput!) { setAccountLimits(input: $input) {
  account { limits { maxMonthlySpend { amount } } } userErrors { code } } }"""
TRANSFER = """mutation ($input: TransferOwnershipInput!) { transferOwnership(input: $input) {
  userErrors { code } } }"""
LEAVE = "mutation ($input: LeaveAccountInput!) { leaveAccount(input: $input) { userErrors { code } } }"
MARKS = "a" + "\N{COMBINING ACUTE ACCENT}" * 50_000 + "\N{COMBINING GRAVE ACCENT BELOW}" * 50_000
"""100,000 marks, which normalising sorts in quadratic time: 20 seconds, in which nobody else is served."""


async def over_web_socket(world: World, before: Any, query: str, **input: Any) -> Any:
    """The change's payload, from a socket that was open before `before` happened."""
    url = world.settings.public_url.replace("http", "ws") + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await before
        payload = {"query": query, "variables": {"input": input}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        ((_, answer),) = json.loads(await socket.recv())["payload"]["data"].items()
        return answer


async def test_used_sign_in_link_is_used_for_sockets_opened_before(world: World) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email="member@example.com")
    token = await world.token_for("member@example.com")

    answer = await over_web_socket(world, world.nobody.change(SIGN_IN, token=token), SIGN_IN, token=token)

    assert answer["sessionToken"] is None
    assert [error["code"] for error in answer["userErrors"]] == ["TOKEN_INVALID"]


async def test_used_invitation_is_used_for_sockets_opened_before(world: World) -> None:
    await world.admin.change(INVITE, accountId=world.account_id, email="bob@example.com", role="ADMIN")
    token = await world.token_for("bob@example.com")

    answer = await over_web_socket(world, world.nobody.change(ACCEPT, token=token), ACCEPT, token=token)

    assert answer["sessionToken"] is None
    assert [error["code"] for error in answer["userErrors"]] == ["INVITATION_ALREADY_USED"]


async def test_texts_that_are_slow_to_normalise_are_refused_at_once(world: World) -> None:
    account_id, email = world.account_id, "bob@example.com"
    begun = time.monotonic()

    answers = [
        await world.nobody.change(REQUEST_SIGN_IN, email=MARKS + "@example.com"),
        await world.viewer.change(RENAME, name=MARKS),
        await world.admin.change(INVITE, accountId=account_id, email=email, role="VIEWER", message=MARKS),
    ]

    assert [answer["userErrors"][0]["code"] for answer in answers] == ["INVALID"] * 3
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "name",
    ["\u200d", "\u200c\u200d", "\ufe0f", "\u3164", "A\u3164", "Ada\u200d", "\u200dA", "A\u200dda", "\u2800"],
)
async def test_nobody_is_called_what_cannot_be_seen(world: World, name: str) -> None:
    payload = await world.viewer.change(RENAME, name=name)

    assert payload["userErrors"] == [{"code": "INVALID"}]


@pytest.mark.parametrize("name", ["می‌خواهم", "👩‍💻 Ada", "Ada Ōé", "李", "Ada 2.0"])
async def test_names_of_all_the_world_are_taken(world: World, name: str) -> None:
    assert (await world.viewer.change(RENAME, name=name))["userErrors"] == []


async def test_idempotency_key_does_not_lead_back_into_an_account(world: World) -> None:
    account = {"name": "Acme Two", "idempotencyKey": "once"}
    founded = (await world.member.change(CREATE, **account))["account"]
    heir = await joined(world, world.member, founded["id"], "heir@example.com")
    await world.member.change(TRANSFER, accountId=founded["id"], memberId=heir.member_id)
    assert (await world.member.change(LEAVE, accountId=founded["id"]))["userErrors"] == []

    replayed = await world.member.change(CREATE, **account)

    assert replayed == {"account": None, "userErrors": [{"code": "NOT_FOUND"}]}


async def joined(world: World, by: Person, account_id: str, email: str) -> Person:
    await by.change(INVITE, accountId=account_id, email=email, role="ADMIN")
    payload = await world.nobody.change(ACCEPT, token=await world.token_for(email))
    return Person(world.http, email, payload["sessionToken"], payload["member"]["id"])


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("JOINED", ["joined", "0001-01-01T00:00:00+23:59"]),
        ("LAST_ACTIVE", ["active", "9999-12-31T23:59:59-23:59"]),
    ],
)
async def test_cursors_beyond_time_are_refused(world: World, order: str, key: list[str]) -> None:
    after = cursor(*key)
    query = """query ($after: String, $order: MemberOrder) {
      account { members(after: $after, orderBy: $order) { nodes { id } } } }"""

    assert await world.viewer.errors(query, after=after, order=order) == [{"code": "BAD_USER_INPUT"}]


@pytest.mark.parametrize("amount", ["1e1000000", "0e1000000", "1E-1000000", "9" * 40, "-1", "0.001"])
async def test_cursors_beyond_all_prices_are_refused(world: World, amount: str) -> None:
    query = "query ($after: String) { catalog(after: $after, orderBy: PRICE) { nodes { id } } }"

    assert await world.viewer.errors(query, after=cursor("price", amount)) == [{"code": "BAD_USER_INPUT"}]


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([*values, str(new_id())]).encode()).decode().rstrip("=")


@pytest.mark.parametrize("order", ["NAME", "NEWEST", "PRICE"])
async def test_catalog_has_a_second_page(world: World, themes: dict[str, str], order: str) -> None:
    query = """query ($after: String, $order: ThemeOrder) {
      catalog(first: 1, after: $after, orderBy: $order) { nodes { id } pageInfo { endCursor } } }"""
    first = (await world.viewer.ask(query, order=order))["catalog"]

    second = (await world.viewer.ask(query, order=order, after=first["pageInfo"]["endCursor"]))["catalog"]

    assert {first["nodes"][0]["id"], second["nodes"][0]["id"]} == set(themes.values())


@pytest.mark.parametrize("order", ["JOINED", "NAME", "LAST_ACTIVE"])
async def test_team_has_a_second_page(world: World, order: str) -> None:
    query = """query ($after: String, $order: MemberOrder) { account {
      members(first: 2, after: $after, orderBy: $order) { nodes { id } pageInfo { endCursor } } } }"""
    first = (await world.viewer.ask(query, order=order))["account"]["members"]

    rest = (await world.viewer.ask(query, order=order, after=first["pageInfo"]["endCursor"]))["account"]

    found = [node["id"] for node in first["nodes"] + rest["members"]["nodes"]]
    assert sorted(found) == sorted(person.member_id for person in world.people.values())


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("-0", "0.00"),
        (f"1{11 * '0'}", f"1{11 * '0'}.00"),
        ("5", "5.00"),
    ],
)
async def test_amounts_are_stored_and_shown_with_two_decimals(world: World, amount: str, shown: str) -> None:
    payload = await world.admin.change(LIMITS, accountId=world.account_id, maxMonthlySpend=amount)

    assert payload["account"]["limits"]["maxMonthlySpend"]["amount"] == shown


COPY_OF_AN_EVENT = """
INSERT INTO audit_events (account_id, id, action, outcome, summary, actor_kind, actor_name, details)
SELECT account_id, {id}, action, outcome, summary, actor_kind, actor_name, '{{}}' FROM audit_events LIMIT 1
"""


async def test_chain_is_not_led_astray_by_a_temporary_table(world: World) -> None:
    """A database's default lets every role make temporary tables, which PostgreSQL looks for first."""
    before = await world.superuser.fetchval("SELECT sequence FROM audit_heads")
    async with with_triggers(world.superuser), world.superuser.transaction():
        await world.superuser.execute(
            "CREATE TEMPORARY TABLE audit_heads ON COMMIT DROP AS SELECT * FROM public.audit_heads;"
            "GRANT ALL ON pg_temp.audit_heads TO PUBLIC"
        )
        await world.superuser.execute(COPY_OF_AN_EVENT.format(id="gen_random_uuid()"))

    assert await world.superuser.fetchval("SELECT sequence FROM audit_heads") == before + 1


async def test_the_head_is_moved_by_no_trigger_of_somebody_s_own(world: World) -> None:
    app = await world.database.connect()
    name = await world.superuser.fetchval("SELECT current_database()")
    await world.superuser.execute(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
    try:
        await app.execute("CREATE TEMPORARY TABLE mine AS SELECT * FROM audit_heads")
        for trigger in (
            "AFTER INSERT ON mine REFERENCING NEW TABLE AS appended FOR EACH STATEMENT"
            " EXECUTE FUNCTION audit_appended()",
            "BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION audit_append()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f"CREATE TRIGGER mine {trigger}")
    finally:
        await app.close()
        await world.superuser.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")


async def test_head_does_not_move_on_without_its_event(world: World) -> None:
    head = "SELECT sequence FROM audit_heads"
    before = await world.superuser.fetchval(head)
    app = await world.database.connect()
    await act_for(app, UUID(world.account_id[-32:]))

    await app.execute(COPY_OF_AN_EVENT.format(id="id") + "ON CONFLICT DO NOTHING")
    assert await world.superuser.fetchval(head) == before
    twice = COPY_OF_AN_EVENT.replace("LIMIT 1", "ORDER BY sequence LIMIT 2")
    one_is_new = "CASE sequence WHEN 1 THEN id ELSE gen_random_uuid() END"
    await app.execute(twice.format(id=one_is_new) + "ON CONFLICT DO NOTHING")
    await app.close()

    assert await world.superuser.fetchval(head) == before + 1
    await chain.assert_whole(world.superuser)


async def test_one_statement_appends_to_several_logs_in_turns(world: World) -> None:
    await world.found("Other", "other@example.com")
    app = await world.database.connect()
    before = await world.superuser.fetchval("SELECT sum(sequence) FROM audit_heads")
    turns = """INSERT INTO audit_events
        (account_id, id, action, outcome, summary, actor_kind, actor_name, details)
      SELECT a.id, gen_random_uuid(), 'API_CALLED', 'ALLOWED', 'x', 'SYSTEM', 'y', '{}'
      FROM generate_series(1, 5) AS turn, accounts AS a ORDER BY turn, a.id"""

    await app.execute(f"WITH first AS ({turns} RETURNING 1) {turns}")
    async with app.transaction():
        await app.execute(turns)
        await app.execute(turns)
    await app.close()

    assert await world.superuser.fetchval("SELECT sum(sequence) FROM audit_heads") == before + 40
    await chain.assert_whole(world.superuser)


async def test_cancelled_change_of_many_rows_lets_go(world: World) -> None:
    """Of its locks and its connection: a bulk invitation that took too long once shut an account for good."""
    rows = [
        {"id": new_id(), "email": f"{number}@example.org", "name": "x" * 100, "created_at": now()}
        for number in range(3_000)
    ]

    async def add(seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), world.database.writing.connect() as connection:
                await connection.execute(insert(User), rows)

    for milliseconds in range(10, 100, 10):
        adding = asyncio.create_task(add(milliseconds / 1_000))
        done, _ = await asyncio.wait([adding], timeout=20)
        assert done, f"hangs when it is cancelled after {milliseconds} ms"


async def test_reading_does_not_wait_for_a_change(world: World) -> None:
    await world.superuser.execute("UPDATE sessions SET last_used_at = now() - interval '1 hour'")
    before = await world.superuser.fetchval("SELECT max(last_used_at) FROM sessions")

    async with world.superuser.transaction():
        await world.superuser.execute("SELECT FROM members FOR UPDATE")
        answer = await asyncio.wait_for(world.viewer.ask("{ account { name } }"), 20)

    assert answer["account"] == {"name": "Acme"}
    assert await world.superuser.fetchval("SELECT max(last_used_at) FROM sessions") > before


FORKED_MEANWHILE = """
import sys, threading, time
from settings import Settings
from web.proxy_headers import Proxies
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.http_server import HttpServer, ServerConfig
from web.server import serve

lock = threading.Lock()

def load_server():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        with lock:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
    table = ConnectionTable(ConnectionLimits(), Proxies(()))
    return HttpServer(ServerConfig(app, table, lifespan=False))

def when_ready():
    with lock:
        time.sleep(0.5)
    return lambda: print("ready", flush=True)

serve(Settings(port=int(sys.argv[1]), workers=2), load_server, (), None, when_ready)
"""


def test_no_server_process_waits_for_a_lock_of_its_parent() -> None:
    """SQLAlchemy's, while it prepared the sign-in links: such a server printed them, and never answered."""
    port = free_port()
    server = running_code(FORKED_MEANWHILE, str(port))
    try:
        assert server.stdout.readline() == "ready\n"
        url = f"http://127.0.0.1:{port}/"
        assert [httpx.get(url, timeout=3, verify=NO_AUTHORITIES).text for _ in range(5)] == ["ok"] * 5
    finally:
        server.terminate()
        server.communicate(timeout=20)


async def test_each_operation_of_a_batch_begins_with_who_may_what_by_then(world: World) -> None:
    batch = [
        {
            "query": "mutation ($id: ID!) { leaveAccount(input: {accountId: $id}) { userErrors { code } } }",
            "variables": {"id": world.account_id},
        },
        {"query": "{ viewer { memberships { id } } account { name } }"},
        {"query": "mutation { signOut { userErrors { code } } }"},
        {"query": "{ viewer { user { email } } }"},
    ]
    headers = {"authorization": f"Bearer {world.member.token}"}

    answers = (await world.http.post("/graphql", json=batch, headers=headers)).json()

    assert answers[0]["data"]["leaveAccount"]["userErrors"] == []
    assert answers[1]["data"] == {"viewer": {"memberships": []}, "account": None}
    assert answers[3]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_one_account_s_queue_leaves_connections_to_the_others(world: World) -> None:
    other = await world.found("Other", "other@example.com")
    rename = "mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { account { name } } }"
    others_id = (await other.ask("{ account { id } }"))["account"]["id"]

    async with world.superuser.transaction():
        await world.superuser.execute("SELECT FROM accounts WHERE name = 'Acme' FOR UPDATE")
        queue = [
            asyncio.create_task(world.admin.change(rename, accountId=world.account_id, name=f"Acme {number}"))
            for number in range(20)
        ]
        await until_waiting(world.superuser, 3)
        renamed = await asyncio.wait_for(other.change(rename, accountId=others_id, name="Else"), 20)

    assert renamed["account"]["name"] == "Else"
    assert len(await asyncio.gather(*queue)) == 20
