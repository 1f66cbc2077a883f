"""Reading the audit log: filters, pages in both directions, and one's own part of it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.invitations.test_invitations import invited
from tests.support import chain
from tests.support.changes import CHANGE_ROLE, INVITE_MANY, RESEND, UPDATE_ACCOUNT, nothing_changes
from tests.support.stored_keys import with_key
from tests.support.world import AUDIT_LOG, Person, World

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: AuditLogFilter) {
  account { auditLog(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount edges { cursor node { sequence } } nodes { sequence }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
ACTIVITY = """query ($id: ID!, $filter: AuditLogFilter, $first: Int, $after: String) { node(id: $id) {
  ... on Member { activity(first: $first, after: $after, filter: $filter) {
    totalCount nodes { summary actor { member { id } } } pageInfo { endCursor hasNextPage } } } } }"""
WHOLE = """{ account { id auditLog { nodes { id sequence occurredAt action outcome summary targetType targetId
  targetName ip userAgent requestId details previousHash hash
  actor { kind name member { id name } credential { kind id label } } } } } }"""
MEMBERS_CURSOR = "{ account { members { edges { cursor } } } }"


async def log_page(world: World, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await world.admin.ask(PAGE, **variables))["account"]["auditLog"]
    assert [edge["node"] for edge in found["edges"]] == found["nodes"]
    cursors = [edge["cursor"] for edge in found["edges"]] or [None]
    assert (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]) == (cursors[0], cursors[-1])
    return found


def sequences(page: dict[str, Any]) -> list[int]:
    return [node["sequence"] for node in page["nodes"]]


async def many_events(world: World) -> int:
    """131 of them, the last 123 in one change."""
    rows = [{"email": f"p{number}@example.com", "role": "VIEWER"} for number in range(123)]
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)
    count: int = await world.superuser.fetchval("SELECT count(*) FROM audit_events")
    assert count == 131
    return count


# Pages


@pytest.mark.parametrize("size", [7, 50, 64, 100])
async def test_pages_of_any_size_in_both_directions_show_each_event_once(world: World, size: int) -> None:
    count = await many_events(world)

    forward: list[int] = []
    after = None
    for number in range(100):
        page = await log_page(world, first=size, after=after)
        assert page["totalCount"] == count
        assert page["pageInfo"]["hasPreviousPage"] == bool(number)
        forward += sequences(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forward == list(range(count, 0, -1))

    backward: list[int] = []
    before = None
    for number in range(100):
        page = await log_page(world, last=size, before=before)
        assert page["pageInfo"]["hasNextPage"] == bool(number)
        backward = sequences(page) + backward
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert backward == forward


async def test_a_page_between_two_cursors(world: World) -> None:
    await many_events(world)
    edges = (await log_page(world, first=100))["edges"]
    after, before = edges[10]["cursor"], edges[20]["cursor"]

    page = await log_page(world, after=after, before=before)
    first = await log_page(world, first=3, after=after, before=before)
    last = await log_page(world, last=3, after=after, before=before)

    between = [edge["node"]["sequence"] for edge in edges[11:20]]
    assert (sequences(page), sequences(first), sequences(last)) == (between, between[:3], between[-3:])
    assert sequences(await log_page(world, first=0)) == []


async def test_new_events_do_not_move_the_pages_that_follow(world: World) -> None:
    await many_events(world)
    page = await log_page(world, first=10)
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="New")

    following = await log_page(world, first=10, after=page["pageInfo"]["endCursor"])

    assert sequences(following) == list(range(121, 111, -1))


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    "cursor", ["MEMBERS", "", "x", "é", "W10", "bnVsbA", "A" * 3_000, "WyJzZXF1ZW5jZSIsLTFd"]
)
async def test_no_cursor_of_this_list(world: World, argument: str, cursor: str) -> None:
    if cursor == "MEMBERS":
        members = (await world.admin.ask(MEMBERS_CURSOR))["account"]["members"]
        cursor = members["edges"][0]["cursor"]

    (error,) = await world.admin.errors(PAGE, **{argument: cursor})

    assert error["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("sizes", [{"first": 101}, {"last": 101}, {"first": -1}, {"first": 1, "last": 1}])
async def test_no_size(world: World, sizes: dict[str, int]) -> None:
    (error,) = await world.admin.errors(PAGE, **sizes)

    assert error["code"] == "BAD_USER_INPUT"


# Filters


@pytest.mark.parametrize(
    ("filter", "said"),
    [
        ({"apiKeyId": f"member_{0:032x}"}, "`apiKeyId` is not the id of an API key"),
        ({"apiKeyId": "x"}, "`apiKeyId` is not the id of an API key"),
        ({"targetId": "x"}, "`targetId` is not an id"),
        ({"ip": "192.0.2"}, "`ip` is not an IP address"),
    ],
)
async def test_a_filter_by_what_is_nothing_of_the_kind(
    world: World, filter: dict[str, str], said: str
) -> None:
    (error,) = (await world.admin.post(AUDIT_LOG, filter=filter))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith(said)


@pytest.fixture
async def eventful(world: World) -> AsyncIterator[World]:
    """Besides its beginnings: an invitation, sent again, and an attempt that was denied."""
    id, _ = await invited(world)
    await world.admin.change(RESEND, invitationId=id)
    await world.viewer.post(UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": "Mine"})
    await world.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role="MEMBER")
    yield world
    await chain.assert_whole(world.superuser)


async def call(world: World) -> None:
    """With two members' keys, as they may and as they may not."""
    for member in (world.admin, world.member):
        script = await with_key(world, member)
        for query in ("{ account { name } }", "{ account { auditLog { nodes { id } } } }", "{"):
            await script.post(query)


async def whole_log(world: World) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await world.admin.ask(WHOLE))["account"]["auditLog"]["nodes"]
    return nodes


async def test_each_filter_finds_what_a_look_through_the_whole_log_finds(eventful: World) -> None:
    await call(eventful)
    log = await whole_log(eventful)
    admin, viewer = eventful.admin.member_id, eventful.viewer.member_id
    middle, called = log[-4], log[1]
    key = called["actor"]["credential"]["id"]
    assert (middle["action"], called["action"]) == ("MEMBER_JOINED", "API_CALLED")
    moment = datetime.fromisoformat(middle["occurredAt"])
    single: list[tuple[dict[str, Any], Any]] = [
        ({"actions": ["MEMBER_INVITED", "INVITATION_RESENT"]}, lambda e: "INVIT" in e["action"]),
        ({"actions": []}, lambda _: False),
        ({"actorIds": [viewer]}, lambda e: (e["actor"]["member"] or {}).get("id") == viewer),
        ({"actorIds": [viewer, admin]}, lambda e: (e["actor"]["member"] or {}).get("id") in (viewer, admin)),
        ({"targetId": viewer}, lambda e: e["targetId"] == viewer),
        ({"targetId": middle["targetId"]}, lambda e: e["targetId"] == middle["targetId"]),
        ({"targetId": key}, lambda e: e["targetId"] == key),
        ({"outcome": "DENIED"}, lambda e: e["outcome"] == "DENIED"),
        ({"outcome": "ALLOWED"}, lambda e: e["outcome"] == "ALLOWED"),
        ({"occurredFrom": middle["occurredAt"]}, lambda e: at(e) >= moment),
        ({"occurredUntil": middle["occurredAt"]}, lambda e: at(e) < moment),
        ({"requestId": middle["requestId"]}, lambda e: e["requestId"] == middle["requestId"]),
        ({"requestId": called["requestId"]}, lambda e: e["requestId"] == called["requestId"]),
        ({"requestId": "nothing"}, lambda _: False),
        ({"apiKeyId": key}, lambda e: (e["actor"]["credential"] or {}).get("id") == key),
        ({"apiKeyId": "api_key_" + "0" * 32}, lambda _: False),
        ({"ip": "127.0.0.1"}, lambda e: e["ip"] == "127.0.0.1"),
        ({"ip": "10.0.0.1"}, lambda _: False),
        ({}, lambda _: True),
    ]
    combined = [
        (a | b, lambda e, one=one, other=other: one(e) and other(e))
        for index, (a, one) in enumerate(single)
        for b, other in single[index + 1 :]
        if not a.keys() & b.keys()
    ]
    everything = {
        "actions": ["API_CALLED"],
        "actorIds": [called["actor"]["member"]["id"]],
        "targetId": key,
        "outcome": called["outcome"],
        "occurredFrom": called["occurredAt"],
        "occurredUntil": log[0]["occurredAt"],
        "requestId": called["requestId"],
        "apiKeyId": key,
        "ip": called["ip"],
    }
    for filter, matches in [*single, *combined, (everything, lambda e: e["id"] == called["id"])]:
        expected = [event["id"] for event in log if matches(event)]
        found = (await eventful.admin.ask(AUDIT_LOG, filter=filter))["account"]["auditLog"]
        assert ([event["id"] for event in found["nodes"]], found["totalCount"]) == (
            expected,
            len(expected),
        ), filter


def at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurredAt"])


async def test_a_filter_by_time_is_exact_to_the_microsecond_whatever_the_offset(eventful: World) -> None:
    event = (await whole_log(eventful))[3]
    moment = at(event)
    offset = moment.astimezone(tz=None).isoformat()
    only = {"occurredFrom": offset, "occurredUntil": (moment + timedelta(microseconds=1)).isoformat()}

    assert [found["id"] for found in await eventful.events(**only)] == [event["id"]]
    assert await eventful.events(occurredFrom=offset, occurredUntil=offset) == []


COPY = """
INSERT INTO audit_events (account_id, sequence, id, occurred_at, action, outcome, summary, actor_kind,
  actor_name, details, previous_hash, hash)
SELECT accounts.id, sequence, gen_random_uuid(), to_timestamp(time), 'MEMBER_LEFT', 'ALLOWED', '', 'SYSTEM',
  '', '{}', '', ''
FROM accounts, unnest($1::bigint[], $2::bigint[]) AS event (sequence, time)"""
FIRST_SINCE = """
SELECT audit_first_since(id, to_timestamp(time))
FROM accounts, generate_series(-1, 10) AS time ORDER BY time"""


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.integers(0, 9), min_size=1, max_size=30).map(sorted),
    pruned=st.integers(0, 10),
    missing=st.sets(st.integers(1, 30), max_size=5),
)
async def test_the_first_event_since_a_time_is_found_without_an_index(
    stage: Any, world: World, seconds: list[int], pruned: int, missing: set[int]
) -> None:
    """Several events may have the same time, and a log may begin late and have gaps."""
    times = {number: time for number, time in enumerate(seconds, 1) if number > pruned}
    times = {number: time for number, time in times.items() if number not in missing}
    transaction = world.superuser.transaction()
    await transaction.start()
    await world.superuser.execute("SET LOCAL session_replication_role = replica; DELETE FROM audit_events")
    await world.superuser.execute(COPY, [*times], [*times.values()])

    found = await world.superuser.fetch(FIRST_SINCE)

    await transaction.rollback()
    for time, (since,) in zip(range(-1, 11), found, strict=True):
        expected = [number for number, at in times.items() if at >= time]
        assert [number for number in times if number >= (since or 0)] == expected


async def test_pages_of_a_filter(world: World) -> None:
    await many_events(world)
    filter = {"actions": ["MEMBER_INVITED"]}

    first = await log_page(world, first=100, filter=filter)
    second = await log_page(world, first=100, filter=filter, after=first["pageInfo"]["endCursor"])

    # Two of those invitations are how the world came about.
    assert first["totalCount"] == second["totalCount"] == 125
    assert sequences(first) + sequences(second) == [*range(131, 8, -1), 6, 3]
    assert not second["pageInfo"]["hasNextPage"]


# What an event says


async def test_an_event_says_who_what_whence_and_how_it_follows_from_the_one_before(eventful: World) -> None:
    log = await whole_log(eventful)

    changed = log[0]
    assert (changed["action"], changed["outcome"]) == ("MEMBER_ROLE_CHANGED", "ALLOWED")
    assert (changed["targetType"], changed["targetId"]) == ("Member", eventful.viewer.member_id)
    assert (changed["ip"], changed["userAgent"][:13]) == ("127.0.0.1", "python-httpx/")
    assert len(changed["requestId"]) == 32
    assert changed["actor"]["member"]["id"] == eventful.admin.member_id
    denied = log[1]
    assert denied["summary"] == "Viewer tried to rename the account, which needs MANAGE_ACCOUNT"
    assert denied["details"]["permission"] == "MANAGE_ACCOUNT"
    assert [event["previousHash"] for event in log] == [*(event["hash"] for event in log[1:]), "0" * 64]


async def test_names_are_those_of_that_moment_and_members_as_they_are_now(eventful: World) -> None:
    rename = 'mutation { updateProfile(input: { name: "Ada" }) { userErrors { code } } }'
    await eventful.admin.ask(rename)

    resent = next(event for event in await whole_log(eventful) if event["action"] == "INVITATION_RESENT")

    assert (resent["actor"]["name"], resent["actor"]["member"]["name"]) == ("Admin", "Ada")


# One's own part


async def test_activity_is_a_member_s_own_part(eventful: World) -> None:
    async def activity(by: Person, of: Person, **variables: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await by.ask(ACTIVITY, id=of.member_id, **variables))["node"]["activity"]
        return found

    own = await activity(eventful.member, eventful.member)
    assert [event["summary"] for event in own["nodes"]] == [
        "Member signed in",
        "Member joined as Member",
    ]
    assert await activity(eventful.admin, eventful.member) == own
    admins = await activity(eventful.admin, eventful.admin)
    assert {event["actor"]["member"]["id"] for event in admins["nodes"]} == {eventful.admin.member_id}
    assert admins["totalCount"] == len(admins["nodes"]) == 6
    page = await activity(eventful.admin, eventful.admin, first=2)
    rest = await activity(eventful.admin, eventful.admin, first=50, after=page["pageInfo"]["endCursor"])
    assert page["nodes"] + rest["nodes"] == admins["nodes"]
    filtered = await activity(eventful.admin, eventful.admin, filter={"actions": ["INVITATION_RESENT"]})
    assert filtered["totalCount"] == 1
    resent = (await eventful.events(actions=["INVITATION_RESENT"]))[0]["requestId"]
    of_the_request = await activity(eventful.admin, eventful.admin, filter={"requestId": resent})
    assert of_the_request == filtered
    others = await activity(eventful.admin, eventful.member, filter={"requestId": resent})
    assert others["totalCount"] == 0
    async with nothing_changes(eventful):
        (refusal,) = await eventful.member.errors(ACTIVITY, id=eventful.admin.member_id)
    assert refusal == {"code": "FORBIDDEN", "permission": "VIEW_AUDIT_LOG"}


async def test_activity_with_a_key_is_its_member_s_alone(eventful: World) -> None:
    script = await with_key(eventful, eventful.member)
    await script.ask("{ account { name } }")
    filter = {"apiKeyId": script.member_id}

    own = (await eventful.member.ask(ACTIVITY, id=eventful.member.member_id, filter=filter))["node"]
    other = (await eventful.admin.ask(ACTIVITY, id=eventful.admin.member_id, filter=filter))["node"]

    assert [event["summary"] for event in own["activity"]["nodes"]] == [
        "Member called the API with the API key Script"
    ]
    assert other["activity"]["totalCount"] == 0
