"""Filters of the audit log, alone and combined, find what a filter in Python finds; each role, in both
executors."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.text_forms import folded
from tests.support.busy_stage import BusyStage
from tests.support.contracts import ROLES
from tests.support.stored_keys import with_key
from tests.support.world import Person, World

pytestmark = pytest.mark.usefixtures("each_executor")

Event = dict[str, Any]
Filter = dict[str, Any]

_EVENT = """sequence occurredAt action outcome summary targetType targetId ip requestId
  actor { member { id } credential { kind id } }"""
_PAGE = """(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
  totalCount edges { cursor node { sequence } } }"""
_ARGUMENTS = "$filter: AuditLogFilter, $first: Int, $after: String, $last: Int, $before: String"
_LOG = f"query ({_ARGUMENTS}) {{ account {{ list: auditLog {_PAGE} }} }}"
_ACTIVITY = f"""query ($id: ID!, {_ARGUMENTS}) {{
  account: node(id: $id) {{ ... on Member {{ list: activity {_PAGE} }} }} }}"""
_NEW_FILTERS: list[Filter] = [
    {"targetTypes": ["Member", "ApiKey"]},
    {"credentialKinds": ["SESSION", "API_KEY"]},
    {"text": "com"},
    {"text": "Member"},
]
_BOUNDED = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _meets(event: Event, filter: Filter) -> bool:
    credential = event["actor"]["credential"] or {}
    member = event["actor"]["member"] or {}
    tests: dict[str, Callable[[Any], bool]] = {
        "actions": lambda values: event["action"] in values,
        "actorIds": lambda values: member.get("id") in values,
        "targetId": lambda value: event["targetId"] == value,
        "outcome": lambda value: event["outcome"] == value,
        "occurredFrom": lambda value: event["occurredAt"] >= value,
        "occurredUntil": lambda value: event["occurredAt"] < value,
        "requestId": lambda value: event["requestId"] == value,
        "apiKeyId": lambda value: credential.get("id") == value,
        "ip": lambda value: event["ip"] == value,
        "targetTypes": lambda values: event["targetType"] in values,
        "credentialKinds": lambda values: credential.get("kind") in values,
        "text": lambda value: (
            not folded(value)
            or (event["action"] != "API_CALLED" and folded(value) in folded(event["summary"]))
        ),
    }
    return all(tests[name](value) for name, value in filter.items())


def _filters(log: list[Event]) -> st.SearchStrategy[Filter]:
    """Filters with some of the log's values, and some that no event has."""
    credentials = [event["actor"]["credential"] for event in log if event["actor"]["credential"]]
    members = [event["actor"]["member"]["id"] for event in log if event["actor"]["member"]]

    def values(found: list[Any], *others: Any) -> st.SearchStrategy[Any]:
        return st.sampled_from([*dict.fromkeys(found), *others])

    def lists(found: list[Any], *others: Any) -> st.SearchStrategy[Any]:
        return st.lists(values(found, *others), max_size=5)

    times = values([event["occurredAt"] for event in log])
    optional = {
        "actions": lists([event["action"] for event in log], "INVOICE_VOIDED"),
        "actorIds": lists(members, "member_" + "0" * 32),
        "targetId": values([event["targetId"] for event in log if event["targetId"]]),
        "outcome": values(["ALLOWED", "DENIED"]),
        "occurredFrom": times,
        "occurredUntil": times,
        "requestId": values([event["requestId"] for event in log if event["requestId"]], "none"),
        "apiKeyId": values([each["id"] for each in credentials if each["kind"] == "API_KEY"]),
        "ip": values(["127.0.0.1", "192.0.2.1"]),
        "targetTypes": lists([event["targetType"] for event in log], "Session"),
        "credentialKinds": lists([each["kind"] for each in credentials], "INVITATION", "OPERATOR"),
    }
    summaries = st.sampled_from([event["summary"] for event in log])
    parts = st.tuples(summaries, st.integers(0, 60), st.integers(0, 30)).map(lambda each: _part(*each))
    optional["text"] = st.one_of(
        parts, parts.map(str.upper), st.sampled_from(["%%%", "___", "\\\\\\", "'''", "zqx", "☃", ""])
    )
    names = st.sets(st.sampled_from(["text", *sorted(optional)]), min_size=1, max_size=3)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: optional[name] for name in chosen}))


def _part(text: str, start: int, length: int) -> str:
    """Three letters at least."""
    return text[start % (len(text) - 2) :][: max(length, 3)]


async def _whole(person: Person) -> list[Event]:
    found = await person.ask(
        f"{{ account {{ auditLog(first: 100) {{ totalCount nodes {{ {_EVENT} }} }} }} }}"
    )
    log = found["account"]["auditLog"]
    assert log["totalCount"] == len(log["nodes"])
    events: list[Event] = log["nodes"]
    return events


@pytest.fixture
async def log(busy_stage: BusyStage, world: World) -> list[Event]:
    """The whole log, newest first. It has API calls, some of which were refused."""
    for member in (world.admin, world.member):
        script = await with_key(world, member)
        for query in ("{ account { name } }", "{ account { billing { outstanding { amount } } } }"):
            await script.post(query)
    events = await _whole(world.admin)
    assert {event["action"] for event in events if event["outcome"] == "DENIED"} >= {"API_CALLED"}
    return events


async def _assert_listed(person: Person, query: str, due: list[Event], size: int, **variables: Any) -> None:
    """Reads the pages forward, eight at most, and the last one backward."""
    size = max(size, len(due) // 7)
    cursor, found = None, list[int]()
    while True:
        page = (await person.ask(query, first=size, after=cursor, **variables))["account"]["list"]
        assert page["totalCount"] == len(due), variables
        found += [edge["node"]["sequence"] for edge in page["edges"]]
        if len(page["edges"]) < size:
            break
        cursor = page["edges"][-1]["cursor"]
    assert found == [event["sequence"] for event in due], variables
    page = (await person.ask(query, last=size, before=cursor, **variables))["account"]["list"]
    ahead = due[: len(due) // size * size] if cursor else due
    last = ahead[:-1] if cursor else ahead
    assert [edge["node"]["sequence"] for edge in page["edges"]] == [
        event["sequence"] for event in last[-size:]
    ], variables


@_BOUNDED
@given(st.data())
async def test_any_filters_find_what_python_finds(
    world: World, log: list[Event], data: st.DataObject
) -> None:
    filter, size = data.draw(_filters(log)), data.draw(st.sampled_from([3, 20, 100]))
    due = [event for event in log if _meets(event, filter)]

    await _assert_listed(world.admin, _LOG, due, size, filter=filter)
    for member_id in (world.admin.member_id, world.member.member_id):
        own = [event for event in due if (event["actor"]["member"] or {}).get("id") == member_id]
        await _assert_listed(world.admin, _ACTIVITY, own, size, filter=filter, id=member_id)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("filter", _NEW_FILTERS)
async def test_a_filter_shows_a_role_no_more_than_the_list_does(
    world: World, log: list[Event], role: str, filter: Filter
) -> None:
    people = {"ADMIN": world.admin, "MEMBER": world.member, "VIEWER": world.viewer}
    person = people[role]
    foreign = await world.found("Gamma", "gamma@example.com")

    async def seen(by: Person, **ids: str) -> list[int] | None:
        data = (await by.post(_ACTIVITY if ids else _LOG, filter=filter, first=100, **ids))["data"]
        listed = (data["account"] or {}).get("list")
        return listed and [edge["node"]["sequence"] for edge in listed["edges"]]

    events = [event for event in log if _meets(event, filter)]
    assert await seen(person) == ([event["sequence"] for event in events] if role == "ADMIN" else None)
    for other in people.values():
        own = [event for event in events if (event["actor"]["member"] or {}).get("id") == other.member_id]
        is_seen = role == "ADMIN" or (role == "MEMBER" and other is person)
        due = [event["sequence"] for event in own] if is_seen else None
        assert await seen(person, id=other.member_id) == due
    assert await seen(foreign, id=person.member_id) is None


async def test_an_unknown_type_of_target(world: World) -> None:
    (error,) = (await world.admin.post(_LOG, filter={"targetTypes": ["License", "license"]}))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith("`targetTypes` has a name that is not one of Account, ApiKey, ")
