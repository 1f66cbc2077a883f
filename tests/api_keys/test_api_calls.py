"""Each call with an API key is committed to the log before its response."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import asyncpg
import httpx
import pytest
from websockets import ConnectionClosed

from models.database import Database
from models.notifications import AuditAnnouncer
from permissions.credentials import find_viewer
from permissions.tokens import new_api_key
from permissions.viewer import Client
from resolvers.audit.api_calls import MOST_AT_ONCE, ApiCalls, Call, call_event
from tests.processes.test_faults import connections, ended
from tests.support import chain
from tests.support.changes import CHANGE_ROLE
from tests.support.graphql_ws import connected
from tests.support.killed_servers import served
from tests.support.locks import until_none_waits, until_waiting
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import PROVISION, Person, World

MEMBERS = "query Members { account { members(first: 1) { nodes { name } } } }"
EMAILS = "query Emails { account { members { nodes { email } } } }"
SUBSCRIBE = """subscription Follow($id: ID!, $after: BigInt) {
  auditLogAppended(accountId: $id, afterSequence: $after) { sequence action } }"""
MANY = 2_000
CONNECTIONS = 20
ANSWERED = 600
"""When the server is killed: a second or so after it began."""


@pytest.fixture
async def script(world: World) -> Person:
    return await with_key(world, world.member, "READ", "PROVISION")


async def calls(world: World) -> list[dict[str, Any]]:
    """The events of calls, the oldest first."""
    return (await world.events(actions=["API_CALLED"]))[::-1]


def called_so(event: dict[str, Any]) -> tuple[Any, ...]:
    details = event["details"]
    return (
        details["operation"],
        details["kind"],
        details["status"],
        details["errorCodes"],
        event["outcome"],
    )


async def test_a_call_is_an_event_that_says_who_asked_what_and_how_it_went(
    world: World, script: Person
) -> None:
    headers = {"authorization": f"Bearer {script.token}", "user-agent": "dashboard/2"}
    response = await world.http.post("/graphql", json={"query": MEMBERS}, headers=headers)

    (event,) = await calls(world)
    assert event["requestId"] == response.headers["x-request-id"]
    assert event["summary"] == "Member called Members with the API key Script"
    assert (event["targetId"], event["targetName"]) == (script.member_id, "Script")
    assert event["actor"] == {
        "kind": "MEMBER",
        "name": "Member",
        "member": {"id": world.member.member_id},
        "credential": {"kind": "API_KEY", "id": script.member_id, "label": "Script"},
    }
    duration = event["details"].pop("durationMs")
    assert 0 < duration < 10_000
    assert event["details"] == {
        "operation": "Members",
        "kind": "QUERY",
        "document": sha256(MEMBERS.encode()).hexdigest(),
        "status": 200,
        "errorCodes": [],
        "cost": response.json()["extensions"]["cost"],
    }
    row = await world.superuser.fetchrow("SELECT * FROM audit_events WHERE action = 'API_CALLED'")
    assert row is not None
    assert (row["ip"], row["user_agent"]) == ("127.0.0.1", "dashboard/2")


async def test_a_key_in_the_cookie_is_a_key(world: World, script: Person) -> None:
    answer = await world.http.post(
        "/graphql", json={"query": MEMBERS}, headers={"cookie": f"ta_session={script.token}"}
    )

    assert answer.json()["data"]["account"]["members"]["nodes"]
    assert [called_so(event)[0] for event in await calls(world)] == ["Members"]


async def test_what_people_do_is_no_call(world: World) -> None:
    await world.member.ask(MEMBERS)
    await world.nobody.post(MEMBERS)

    assert await calls(world) == []


async def test_refused_calls_are_calls(world: World, themes: dict[str, str]) -> None:
    script = await with_key(world, world.member, "READ", "PROVISION")
    await script.post(EMAILS)
    await script.post("{ nothing }")
    await script.post("{")
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example"}
    await script.post(PROVISION, input=input)
    await script.post(
        "mutation Leave($id: ID!) { leaveAccount(input: { accountId: $id }) { userErrors { code } } }",
        id=world.account_id,
    )
    await script.post("query Many { account { auditLog { nodes { id } } } }")

    assert [called_so(event) for event in await calls(world)] == [
        ("Emails", "QUERY", 200, ["FORBIDDEN"], "DENIED"),
        (None, None, 400, ["GRAPHQL_VALIDATION_FAILED"], "ALLOWED"),
        (None, None, 400, ["GRAPHQL_PARSE_FAILED"], "ALLOWED"),
        (None, "MUTATION", 200, [], "ALLOWED"),
        ("Leave", "MUTATION", 200, ["FORBIDDEN"], "DENIED"),
        ("Many", "QUERY", 200, ["FORBIDDEN"], "DENIED"),
    ]


async def test_requests_without_a_readable_operation_are_calls(world: World, script: Person) -> None:
    headers = {"authorization": f"Bearer {script.token}", "content-type": "application/json"}
    assert (await world.http.post("/graphql", content=b"nonsense", headers=headers)).status_code == 400
    assert (await world.http.put("/graphql", content=b"{}", headers=headers)).status_code == 405
    body = b'{"query": "' + b" " * 300_000 + b'"}'
    assert (await world.http.post("/graphql", content=body, headers=headers)).status_code == 413

    found = [called_so(event) for event in await calls(world)]

    assert found == [
        (None, None, 400, ["BAD_REQUEST"], "ALLOWED"),
        (None, None, 405, ["METHOD_NOT_ALLOWED"], "ALLOWED"),
        (None, None, 413, ["REQUEST_TOO_LARGE"], "ALLOWED"),
    ]
    assert {event["details"]["document"] for event in await calls(world)} == {None}


async def test_a_batch_is_as_many_calls(world: World, script: Person) -> None:
    headers = {"authorization": f"Bearer {script.token}"}
    batch = [{"query": MEMBERS}, {"query": "{"}, {"query": EMAILS}]
    answers = (await world.http.post("/graphql", json=batch, headers=headers)).json()

    found = await calls(world)

    assert len(answers) == 3
    assert [called_so(event)[0] for event in found] == ["Members", None, "Emails"]
    assert len({event["requestId"] for event in found}) == 1


@pytest.mark.parametrize(
    ("columns", "status", "code"),
    [
        ("revoked_at = now()", 401, "UNAUTHENTICATED"),
        ("expires_at = now()", 401, "UNAUTHENTICATED"),
    ],
)
async def test_a_key_that_does_not_work_any_more_leaves_its_events(
    world: World, script: Person, columns: str, status: int, code: str
) -> None:
    await world.superuser.execute(f"UPDATE api_keys SET {columns}")

    await script.post(MEMBERS)
    await script.post("{")

    assert [called_so(event) for event in await calls(world)] == [
        ("Members", "QUERY", status, [code], "DENIED"),
        (None, None, status, [code], "DENIED"),
    ]


async def test_a_demoted_member_s_key_leaves_its_events(world: World, script: Person) -> None:
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")
    await script.post(MEMBERS)

    (event,) = await calls(world)
    assert called_so(event) == ("Members", "QUERY", 403, ["FORBIDDEN"], "DENIED")
    assert event["summary"] == "Member called Members with the API key Script: FORBIDDEN"


async def test_a_key_that_is_nobody_s_leaves_nothing(world: World) -> None:
    before = await world.superuser.fetchval("SELECT count(*) FROM audit_events")
    stranger = Person(world.http, token=new_api_key()[0])

    assert await stranger.errors(MEMBERS) == [{"code": "UNAUTHENTICATED"}]

    assert await world.superuser.fetchval("SELECT count(*) FROM audit_events") == before


async def test_names_that_hold_what_no_log_can_are_cleaned(world: World, script: Person) -> None:
    headers = {"authorization": f"Bearer {script.token}"}
    body = {"query": "{", "operationName": "a\0b\n" + "c" * 1000}
    answer = await world.http.post("/graphql", json=body, headers=headers)

    (event,) = await calls(world)
    assert answer.status_code == 200
    assert event["details"]["operation"] == "ab" + "c" * 198


async def test_operations_on_a_socket_are_calls(world: World, app_url: str) -> None:
    script = await with_key(world, world.admin)
    head = await world.superuser.fetchval("SELECT max(sequence) FROM audit_events")

    async with connected(app_url, script.token) as socket:
        once = await socket.subscribe(MEMBERS)
        await once.next()
        assert await once.ended() == []
        wrong = await socket.subscribe("{ nothing }")
        assert (await wrong.ended())[0]["code"] == "GRAPHQL_VALIDATION_FAILED"
        events = await socket.subscribe(SUBSCRIBE, id=world.account_id, after=head)
        assert await events.next() == {"sequence": head + 1, "action": "API_CALLED"}
        assert await events.next() == {"sequence": head + 2, "action": "API_CALLED"}
        assert await events.next() == {"sequence": head + 3, "action": "API_CALLED"}
        waiting = await socket.subscribe(SUBSCRIBE, id=world.account_id)
        assert await waiting.silent()

    async with asyncio.timeout(10):
        while len(found := await calls(world)) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [called_so(event) for event in found] == [
        ("Members", "QUERY", 200, [], "ALLOWED"),
        (None, None, 400, ["GRAPHQL_VALIDATION_FAILED"], "ALLOWED"),
        ("Follow", "SUBSCRIPTION", 200, [], "ALLOWED"),
        ("Follow", "SUBSCRIPTION", 200, [], "ALLOWED"),
    ]


async def test_nothing_is_answered_that_the_log_does_not_have(world: World, script: Person) -> None:
    """The log is locked: the answer waits for it, and goes out once it is free."""
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT FROM audit_heads FOR UPDATE")
        answer = asyncio.create_task(script.ask(MEMBERS))
        await until_waiting(world.superuser)
        assert not answer.done()

    assert (await answer)["account"]["members"]["nodes"]
    assert len(await calls(world)) == 1


async def test_a_call_that_cannot_be_recorded_is_not_answered(world: World, script: Person) -> None:
    await script.ask(MEMBERS)
    await world.superuser.execute(
        "ALTER TABLE audit_events ADD CONSTRAINT none CHECK (action <> 'API_CALLED') NOT VALID"
    )
    try:
        response = await world.http.post(
            "/graphql", json={"query": MEMBERS}, headers={"authorization": f"Bearer {script.token}"}
        )
    finally:
        await world.superuser.execute("ALTER TABLE audit_events DROP CONSTRAINT none")

    assert response.status_code == 503
    assert "data" not in response.json()
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert len(await calls(world)) == 1


async def test_a_log_that_is_held_up_holds_up_no_other(world: World, script: Person) -> None:
    other = await world.found("Other", "other@example.com")
    own = (await other.ask("{ account { id } }"))["account"]["id"]
    elsewhere = await with_key(world, other, account_id=own)
    head = "SELECT FROM audit_heads WHERE account_id = $1 FOR UPDATE"

    async with world.superuser.transaction():
        await world.superuser.execute(head, uuid_of(world.account_id))
        held_up = asyncio.create_task(script.post(MEMBERS))
        await asyncio.gather(*(elsewhere.ask(MEMBERS) for _ in range(20)))
        refused = await held_up
        again = asyncio.create_task(script.post(MEMBERS))
        await elsewhere.ask(MEMBERS)
        assert not again.done()

    assert [error["extensions"]["code"] for error in refused["errors"]] == ["UNAVAILABLE"]
    assert (await again)["data"]
    assert len(await calls(world)) == 1
    await chain.assert_whole(world.superuser)


async def test_calls_that_come_together_are_committed_together(world: World, database: Database) -> None:
    other = await world.found("Other", "other@example.com")
    own = (await other.ask("{ account { id } }"))["account"]["id"]
    scripts = [await with_key(world, world.member), await with_key(world, other, account_id=own)]
    callers = [await find_viewer(database, script.token or "") for script in scripts]
    api_calls = ApiCalls(database, AuditAnnouncer(database))
    call = Call(None, "Together", "QUERY", 1, 200, [], 0.001)

    await asyncio.gather(
        *(api_calls.record(call_event(callers[number % 2], Client(), call)) for number in range(MANY))
    )
    await api_calls.close()

    rows = await world.superuser.fetch(
        "SELECT account_id, xmin::text FROM audit_events WHERE action = 'API_CALLED' ORDER BY sequence"
    )
    assert len(rows) == MANY
    assert len({row["xmin"] for row in rows}) <= MANY // MOST_AT_ONCE + 1
    await chain.assert_whole(world.superuser)


async def test_one_event_that_cannot_be_stored_takes_no_other_with_it(
    world: World, database: Database
) -> None:
    script = await with_key(world, world.member)
    caller = await find_viewer(database, script.token or "")
    api_calls = ApiCalls(database, AuditAnnouncer(database))
    call = Call(None, "Together", "QUERY", 1, 200, [], 0.001)
    events = [call_event(caller, Client(), call) for _ in range(3)]
    events[1]["summary"] = "\0"

    outcomes = await asyncio.gather(*(api_calls.record(each) for each in events), return_exceptions=True)
    await api_calls.close()

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        asyncpg.exceptions.UntranslatableCharacterError,
        type(None),
    ]
    assert len(await calls(world)) == 2


async def test_the_server_is_killed_under_hundreds_of_calls_a_second(world: World) -> None:
    script = await with_key(world, world.member)
    before = await connections(world)
    answered: list[str] = []

    async with served(world) as (process, url):

        async def ask_on() -> None:
            """As fast as answers come, until there are none."""
            reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
            try:
                while True:
                    writer.write(_request(script.token or ""))
                    answered.append(await _request_id(reader))
                    if len(answered) == ANSWERED:
                        process.kill()
            finally:
                writer.close()

        async with asyncio.timeout(60):
            lost = await asyncio.gather(*(ask_on() for _ in range(CONNECTIONS)), return_exceptions=True)
        await ended(list(await connections(world) - before), world)

    assert all(isinstance(each, asyncio.IncompleteReadError | ConnectionError) for each in lost), lost
    assert len(answered) >= ANSWERED
    logged = await world.superuser.fetch("SELECT request_id FROM audit_events WHERE action = 'API_CALLED'")
    assert set(answered) <= {row["request_id"] for row in logged}
    await chain.assert_whole(world.superuser)


def _request(token: str) -> bytes:
    body = json.dumps({"query": MEMBERS}).encode()
    return (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


async def _request_id(reader: asyncio.StreamReader) -> str:
    """Of an answer that came in whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    await reader.readexactly(int(headers["content-length"]))
    assert status == "http/1.1 200 ok"
    return headers["x-request-id"]


async def test_a_dead_key_in_the_cookie_is_refused_and_said_to_be(world: World, script: Person) -> None:
    await world.superuser.execute("UPDATE api_keys SET revoked_at = now()")
    cookie = {"cookie": f"ta_session={script.token}"}

    response = await world.http.post("/graphql", json={"query": "query Q { __typename }"}, headers=cookie)

    assert response.status_code == 401
    assert [called_so(event) for event in await calls(world)] == [
        ("Q", "QUERY", 401, ["UNAUTHENTICATED"], "DENIED")
    ]


async def test_what_is_refused_before_it_is_read_is_a_call(world: World, script: Person) -> None:
    headers = {"authorization": f"Bearer {script.token}"}
    for more, status in (
        ({"accept": "image/png"}, 406),
        ({"cookie": "a=b", "origin": "https://elsewhere.example"}, 403),
    ):
        answer = await world.http.post("/graphql", json={"query": MEMBERS}, headers={**headers, **more})
        assert answer.status_code == status

    assert [called_so(event)[2:4] for event in await calls(world)] == [
        (406, ["NOT_ACCEPTABLE"]),
        (403, ["ORIGIN_NOT_ALLOWED"]),
    ]


async def test_a_dead_key_on_a_socket_leaves_its_event(world: World, app_url: str, script: Person) -> None:
    await world.superuser.execute("UPDATE api_keys SET revoked_at = now()")

    with pytest.raises(ConnectionClosed):
        async with connected(app_url, script.token):
            pass

    assert [called_so(event) for event in await calls(world)] == [
        (None, None, 401, ["UNAUTHENTICATED"], "DENIED")
    ]


async def test_a_change_that_is_called_off_is_not_said_to_be_made(
    world: World, app_url: str, themes: dict[str, str]
) -> None:
    script = await with_key(world, world.member, "PROVISION")
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example"}
    async with connected(app_url, script.token) as socket:
        async with world.superuser.transaction():
            await world.superuser.execute("SELECT FROM accounts FOR UPDATE")
            await socket.subscribe(PROVISION, input=input)
            await until_waiting(world.superuser)
            await socket.connection.send(json.dumps({"id": "0", "type": "complete"}))
            await until_none_waits(world.superuser)
        async with asyncio.timeout(10):
            while not (found := await calls(world)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    assert not await world.superuser.fetchval("SELECT count(*) FROM licenses")
    assert [called_so(event) for event in found] == [(None, "MUTATION", 499, ["CANCELLED"], "ALLOWED")]
