"""Filters, alone and combined, in every order and from both ends, return the matching rows."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

from tests.support.busy_stage import BusyStage
from tests.support.world import Person

Row = dict[str, Any]
Choice = tuple[Any, Callable[[Row], bool]]
"""A filter's value, and whether a row is left by it."""

NONE: Choice = (None, lambda _row: True)
LICENSES = """query ($filter: LicenseFilter, $order: LicenseOrder, $first: Int, $after: String, $last: Int,
    $before: String) { account { list: licenses(filter: $filter, orderBy: $order, first: $first,
    after: $after, last: $last, before: $before) { totalCount
      edges { cursor node { id site status provisionedAt expiresAt lastVerifiedAt installedVersion
        theme { id name } holder { id } } } } } }"""
MEMBERS = """query ($filter: MemberFilter, $order: MemberOrder, $first: Int, $after: String, $last: Int,
    $before: String) { account { list: members(filter: $filter, orderBy: $order, first: $first,
    after: $after, last: $last, before: $before) { totalCount
      edges { cursor node { id name email role removedAt joinedAt lastActiveAt } } } } }"""
EVENTS = """query ($filter: AuditLogFilter, $first: Int, $after: String, $last: Int, $before: String) {
    account { list: auditLog(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount edges { cursor node {
        id sequence occurredAt action outcome actor { member { id } } } } } } }"""


async def test_licenses(busy_stage: BusyStage, themes: dict[str, str]) -> None:
    admin = busy_stage.stage.owner
    rows = await _all(admin, LICENSES, {})
    holders = sorted({row["holder"]["id"] for row in rows})
    choices = {
        "statuses": [
            NONE,
            *_among(lambda row: row["status"], ["ACTIVE"], ["EXPIRED", "REVOKED"], ["SUSPENDED"], []),
        ],
        "holderIds": [NONE, *_among(lambda row: row["holder"]["id"], holders[:1], holders[:2] * 2)],
        "themeIds": [NONE, *_among(lambda row: row["theme"]["id"], [themes["aurora"]], [*themes.values()])],
        "search": [
            NONE,
            *(
                (
                    text,
                    lambda row, text=text: (
                        text in row["site"].lower() or text in row["theme"]["name"].lower()
                    ),
                )
                for text in ("admin", "aurora", "%")
            ),
        ],
    }
    orders: dict[str, Callable[[Row], Any]] = {
        "OLDEST": lambda row: (row["provisionedAt"], row["id"]),
        "SITE": lambda row: (row["site"], row["id"]),
    }

    assert len(rows) > 8
    await _assert_filtered(admin, LICENSES, rows, choices, orders)


async def test_licenses_by_their_checks_and_expiry(busy_stage: BusyStage) -> None:
    admin = busy_stage.stage.owner
    await busy_stage.stage.world.superuser.execute(
        """UPDATE licenses SET
             last_verified_at = CASE WHEN n % 4 > 0 THEN now() - n * interval '1 day' END,
             installed_version = CASE WHEN n % 4 > 0 THEN n % 3 || '.0' END,
             expires_at = CASE WHEN n % 3 > 0 AND status = 'ACTIVE' THEN now() + n * interval '1 day' END
           FROM (SELECT id, row_number() OVER (ORDER BY site) AS n FROM licenses) AS numbered
           WHERE licenses.id = numbered.id"""
    )
    rows = await _all(admin, LICENSES, {})
    checked, expiring = sorted(map(_last_check, rows)), sorted(filter(None, map(_expiry, rows)))
    never = "2100-01-01T00:00:00.000000+00:00"
    choices = {
        "statuses": [NONE, *_among(lambda row: row["status"], ["ACTIVE"])],
        "installedVersions": [
            NONE,
            *_among(lambda row: row["installedVersion"], ["1.0"], ["1.0", "2.0", "9"], ["9"]),
        ],
        "notVerifiedSince": [
            NONE,
            *(
                (moment, lambda row, moment=moment: _last_check(row) < moment)
                for moment in (checked[len(checked) // 2], never)
            ),
        ],
        "expiresBefore": [
            NONE,
            *(
                (moment, lambda row, moment=moment: (_expiry(row) or moment) < moment)
                for moment in (expiring[0], expiring[len(expiring) // 2], never)
            ),
        ],
        "search": [NONE, ("admin", lambda row: "admin" in row["site"])],
    }
    orders: dict[str, Callable[[Row], Any]] = {
        "OLDEST": lambda row: (row["provisionedAt"], row["id"]),
        "SITE": lambda row: (row["site"], row["id"]),
    }

    assert len({row["installedVersion"] for row in rows}) == 4
    assert len(expiring) > 2
    await _assert_filtered(admin, LICENSES, rows, choices, orders)


async def test_members(busy_stage: BusyStage) -> None:
    admin = busy_stage.stage.owner
    rows = await _all(admin, MEMBERS, {"includeRemoved": True})
    activity = sorted(map(_last_activity, rows))
    choices = {
        "roles": [NONE, *_among(lambda row: row["role"], ["ADMIN"], ["MEMBER", "VIEWER", "MEMBER"], [])],
        "includeRemoved": [(None, lambda row: row["removedAt"] is None), (True, lambda _row: True)],
        "search": [
            NONE,
            *(
                (text, lambda row, text=text: text in row["name"].lower() or text in row["email"].lower())
                for text in ("a", "example", "adm", "_")
            ),
        ],
        "inactiveSince": [
            NONE,
            *(
                (time, lambda row, time=time: _last_activity(row) < time)
                for time in (activity[0], activity[len(activity) // 2], "2100-01-01T00:00:00.000000+00:00")
            ),
        ],
    }
    orders: dict[str, Callable[[Row], Any]] = {
        "JOINED": lambda row: (row["joinedAt"], row["id"]),
        "NAME": lambda row: (row["name"].lower(), row["id"]),
        "LAST_ACTIVE": lambda row: (_Backwards(_last_activity(row)), _Backwards(row["id"])),
    }

    assert any(row["removedAt"] for row in rows)
    assert any(row["lastActiveAt"] is None for row in rows)
    await _assert_filtered(admin, MEMBERS, rows, choices, orders)


async def test_events(busy_stage: BusyStage) -> None:
    admin = busy_stage.stage.owner
    rows = await _all(admin, EVENTS, {})
    rows.reverse()
    actors = sorted({row["actor"]["member"]["id"] for row in rows if row["actor"]["member"]})
    middle = rows[len(rows) // 2]["occurredAt"]
    choices = {
        "actions": [
            NONE,
            *_among(lambda row: row["action"], ["MEMBER_INVITED"], ["MEMBER_JOINED", "LICENSE_REVOKED"] * 2),
        ],
        "actorIds": [NONE, *_among(lambda row: (row["actor"]["member"] or {}).get("id"), actors[:1], actors)],
        "outcome": [NONE, ("DENIED", lambda row: row["outcome"] == "DENIED")],
        "occurredFrom": [NONE, (middle, lambda row: row["occurredAt"] >= middle)],
        "occurredUntil": [NONE, (middle, lambda row: row["occurredAt"] < middle)],
    }

    assert len(rows) > 20
    await _assert_filtered(admin, EVENTS, rows, choices, {"": lambda row: -row["sequence"]})


def _last_activity(row: Row) -> str:
    return str(row["lastActiveAt"] or row["joinedAt"])


def _last_check(row: Row) -> str:
    return str(row["lastVerifiedAt"] or row["provisionedAt"])


def _expiry(row: Row) -> str | None:
    found: str | None = row["expiresAt"]
    return found


class _Backwards(str):
    """A text that sorts in descending order."""

    def __lt__(self, other: str) -> bool:
        return str.__lt__(other, self)


def _among(value: Callable[[Row], Any], *lists: list[Any]) -> Iterator[Choice]:
    for each in lists:
        yield each, partial(_is_in, each, value)


def _is_in(values: list[Any], value: Callable[[Row], Any], row: Row) -> bool:
    return value(row) in values


async def _assert_filtered(
    person: Person,
    query: str,
    rows: list[Row],
    choices: dict[str, list[Choice]],
    orders: dict[str, Callable[[Row], Any]],
) -> None:
    for chosen in product(*choices.values()):
        filter = {name: value for name, (value, _) in zip(choices, chosen, strict=True) if value is not None}
        for order, key in orders.items():
            due = sorted((row for row in rows if all(left(row) for _, left in chosen)), key=key)
            variables = {"filter": filter, **({"order": order} if order else {})}

            await _assert_paged(person, query, variables, [row["id"] for row in due])


async def _assert_paged(person: Person, query: str, variables: dict[str, Any], due: list[str]) -> None:
    """The first three, those after the second, the last two, and those before the last."""
    first = await _list(person, query, first=3, **variables)
    assert (first["totalCount"], _ids(first)) == (len(due), due[:3]), variables
    last = await _list(person, query, last=2, **variables)
    assert _ids(last) == due[-2:], variables
    if len(due) > 2:
        after = await _list(person, query, first=2, after=first["edges"][1]["cursor"], **variables)
        before = await _list(person, query, last=2, before=last["edges"][1]["cursor"], **variables)
        assert (_ids(after), _ids(before)) == (due[2:4], due[-3:-1]), variables


async def _all(person: Person, query: str, filter: dict[str, Any]) -> list[Row]:
    return [edge["node"] for edge in (await _list(person, query, first=100, filter=filter))["edges"]]


async def _list(person: Person, query: str, **variables: Any) -> Any:
    return (await person.ask(query, **variables))["account"]["list"]


def _ids(page: Any) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]
