"""Reports: permissions, content and formats."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.fair_share import Claim
from models.database import Database
from models.members import Role
from permissions.viewer import Membership
from resolvers.reports.files import csv_lines, spreadsheet_lines
from resolvers.reports.queries import ReportFormat, ReportKind, ReportRequest, rows_of
from tests.billing.test_purchases import purchase
from tests.licenses.test_licenses import provision
from tests.support.changes import (
    CHANGE_ROLE,
    REMOVE,
    SET_MEMBER_ACCESS,
    SET_MEMBER_LIMITS,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.contracts import ROLES, permissions_of
from tests.support.documents import REQUEST_REPORT, pages, report, report_link, table, told
from tests.support.many_events import more_events
from tests.support.world import World

NEEDED = {
    "ACTIVE_LICENSES": "DOWNLOAD_REPORTS",
    "LICENSE_CHECKS": "REVOKE_LICENSES",
    "LICENSE_ACTIVITY": "VIEW_OWN_ACTIVITY",
    "TEAM": "VIEW_AUDIT_LOG",
    "INVOICES": "MANAGE_BILLING",
    "AUDIT_LOG": "VIEW_AUDIT_LOG",
}
FORMATS = ("CSV", "NDJSON", "PDF")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", NEEDED)
async def test_who_gets_which(world: World, kind: str, role: str) -> None:
    for format in FORMATS:
        input = {"accountId": world.account_id, "kind": kind, "format": format}
        answer = await world.people[role].post(REQUEST_REPORT, input=input)

        if NEEDED[kind] in permissions_of(role):
            assert not codes(answer["data"]["requestReport"])
        else:
            assert [error["extensions"] for error in answer["errors"]] == [
                {"code": "FORBIDDEN", "permission": NEEDED[kind]}
            ]
            event = (await world.events(outcome="DENIED"))[0]
            who = role.capitalize()
            assert event["summary"] == f"{who} tried to request a report, which needs {NEEDED[kind]}"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", NEEDED)
async def test_every_report_in_every_form(
    world: World, themes: dict[str, str], kind: str, format: str
) -> None:
    await provision(world, themes["aurora"])
    path = await report_link(world, kind, format)

    response = await world.http.get(path)

    assert response.status_code == 200
    name = kind.lower().replace("_", "-")
    assert f'filename="{name}-acme-' in response.headers["content-disposition"]
    assert response.content.startswith({"CSV": b"\xef\xbb\xbf", "NDJSON": b"", "PDF": b"%PDF"}[format])
    event = await told(world, "REPORT_DOWNLOADED")
    assert event["summary"].endswith(f" as {format}")
    assert event["details"]["bytes"] == len(response.content)
    assert event["details"]["kind"] == kind


async def test_active_licenses(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], "a.example.com")
    await provision(world, themes["aurora"], "b.example.com")
    await world.superuser.execute(
        "UPDATE licenses SET expires_at = now() - interval '1 s' WHERE site = 'b.example.com'"
    )

    for person in world.people.values():
        (row,) = await table(world, "ACTIVE_LICENSES", person)

    assert (row["theme"], row["site"], row["holder"], row["expiresAt"]) == (
        "Aurora",
        "a.example.com",
        "Member",
        "",
    )
    assert row["id"].startswith("license_")
    assert "key" not in row


async def test_license_checks(world: World, themes: dict[str, str]) -> None:
    """The installed version is what a site says, so it may be a formula for a spreadsheet."""
    for site in ("never", "old", "new"):
        await provision(world, themes["aurora"], f"{site}.example.com")
    old, new = datetime(2026, 11, 1, 8, 30, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    for site, at, version in (("old", old, "=1+1"), ("new", new, "1.2.0")):
        name = f"{site}.example.com"
        await world.superuser.execute(
            "UPDATE licenses SET last_verified_at = $2, last_verified_site = $3, installed_version = $4"
            " WHERE site = $1",
            *(name, at, f"staging.{name}", version),
        )
    await world.superuser.execute("UPDATE licenses SET status = 'SUSPENDED' WHERE site LIKE 'new.%'")
    await world.superuser.execute("UPDATE licenses SET expires_at = now() WHERE site LIKE 'old.%'")
    latest = await world.superuser.fetchval("SELECT latest_version FROM themes WHERE slug = 'aurora'")
    period: dict[str, Any] = {"from": old.isoformat(), "until": new.isoformat()}

    rows = await table(world, "LICENSE_CHECKS")
    (within,) = await table(world, "LICENSE_CHECKS", **period)
    text = " ".join("".join(pages(await report(world, "LICENSE_CHECKS", "PDF"))).split())

    assert [tuple(row.values())[1:] for row in rows] == [
        ("Aurora", "never.example.com", "ACTIVE", "", latest, "", ""),
        (
            *("Aurora", "old.example.com", "EXPIRED", "'=1+1", latest),
            *("2026-11-01T08:30:00.000000Z", "staging.old.example.com"),
        ),
        (
            *("Aurora", "new.example.com", "SUSPENDED", "1.2.0", latest),
            *("2026-11-30T00:00:00.000000Z", "staging.new.example.com"),
        ),
    ]
    assert all(row["id"].startswith("license_") and "key" not in row for row in rows)
    assert within["site"] == "old.example.com"
    for shown in ("Licenses 3 Checked 2 Never checked 1", "old.example.com EXPIRED =1+1 2026-11-01 08:30"):
        assert shown in text, text


async def test_what_is_one_s_own_and_what_is_all_s(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], "a.example.com", by=world.member)
    await provision(world, themes["aurora"], "b.example.com", by=world.admin)

    own, all = await table(world, "LICENSE_ACTIVITY", world.member), await table(world, "LICENSE_ACTIVITY")

    assert {row["actor"] for row in own} == {"Member"}
    assert {"Member", "Admin"} <= {row["actor"] for row in all}
    assert "MEMBER_JOINED" not in {row["action"] for row in all}


@pytest.mark.parametrize(
    ("kind", "demoted_to", "status_code"),
    [("TEAM", "MEMBER", 403), ("LICENSE_ACTIVITY", "MEMBER", 200), ("LICENSE_ACTIVITY", "VIEWER", 403)],
)
async def test_the_role_of_now_counts_when_a_link_is_opened(
    world: World, themes: dict[str, str], kind: str, demoted_to: str, status_code: int
) -> None:
    await provision(world, themes["aurora"], by=world.admin)
    second = await world.join("ADMIN", "second@example.com")
    path = await report_link(world, kind, by=second)
    await world.admin.change(CHANGE_ROLE, memberId=second.member_id, role=demoted_to)

    response = await world.http.get(path)

    assert response.status_code == status_code
    assert "Admin provisioned" not in response.text
    if status_code == 200:
        await told(world, "REPORT_DOWNLOADED")
    else:
        assert await world.events(actions=["REPORT_DOWNLOADED"]) == []


async def test_team(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], by=world.member)
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)

    admin, member, viewer = await table(world, "TEAM")

    assert (admin["email"], admin["isOwner"]) == ("admin@example.com", "true")
    assert (member["role"], member["activeLicenses"], member["isOwner"]) == ("MEMBER", "1", "false")
    assert viewer["removedAt"]
    assert not admin["removedAt"]


async def test_the_team_with_its_ends_and_limits(world: World, themes: dict[str, str]) -> None:
    """A limit on themes is their number. An empty cell is no limit, and 0 allows none."""
    until = "2100-01-01T00:00:00.000000Z"
    await world.admin.change(SET_MEMBER_ACCESS, memberId=world.member.member_id, until=until)
    limits = {"maxActiveLicenses": 3, "themeIds": list(themes.values())}
    await world.admin.change(SET_MEMBER_LIMITS, memberId=world.member.member_id, **limits)
    await world.admin.change(SET_MEMBER_LIMITS, memberId=world.viewer.member_id, themeIds=[])

    columns = ("accessUntil", "maxActiveLicenses", "allowedThemes")
    assert [tuple(row[name] for name in columns) for row in await table(world, "TEAM")] == [
        ("", "", ""),
        (until, "3", "2"),
        ("", "", "0"),
    ]
    lines = [json.loads(line) for line in (await report(world, "TEAM", "NDJSON")).splitlines()]
    assert [[line[name] for name in columns] for line in lines] == [
        [None, None, None],
        [until, 3, 2],
        [None, None, 0],
    ]


async def test_a_period_begins_with_from_and_ends_before_until(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    (row,) = await table(world, "ACTIVE_LICENSES")
    at = datetime.fromisoformat(row["provisionedAt"])
    later = (at + timedelta(microseconds=1)).isoformat()

    async def found(**period: Any) -> int:
        return len(await table(world, "ACTIVE_LICENSES", **period))

    assert [await found(**{"from": at.isoformat()}), await found(**{"from": later})] == [1, 0]
    assert [await found(until=at.isoformat()), await found(until=later)] == [0, 1]


async def test_a_period_of_the_log(world: World) -> None:
    events = await table(world, "AUDIT_LOG")
    at = events[2]["occurredAt"]

    period: dict[str, Any] = {"from": at}
    since, until = await table(world, "AUDIT_LOG", **period), await table(world, "AUDIT_LOG", until=at)

    assert [row["sequence"] for row in until] == ["1", "2"]
    assert since[0]["sequence"] == "3"


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        ({"from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, ("INVALID", ["until"])),
        ({"from": "2026-02-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, ("INVALID", ["until"])),
        ({"kind": "TEAM", "auditFilter": {"ip": "::1"}}, ("INVALID", ["auditFilter"])),
        ({"accountId": "account_" + "0" * 32}, ("NOT_FOUND", ["accountId"])),
    ],
)
async def test_what_cannot_be_asked_for(
    world: World, input: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    asked = {"accountId": world.account_id, "kind": "AUDIT_LOG", "format": "CSV", **input}
    async with nothing_changes(world):
        assert user_error(await world.admin.change(REQUEST_REPORT, **asked)) == expected


async def test_the_log_is_filtered_as_its_pages_are(world: World, themes: dict[str, str]) -> None:
    license_id = (await provision(world, themes["aurora"]))["license"]["id"]
    filters: list[dict[str, Any]] = [
        {"actions": ["MEMBER_JOINED", "LICENSE_PROVISIONED"]},
        {"actorIds": [world.member.member_id], "outcome": "ALLOWED"},
        {"targetId": license_id},
        {"ip": "127.0.0.1", "occurredFrom": "2020-01-01T00:00:00Z"},
        {"occurredUntil": "2020-01-01T00:00:00Z"},
        {"apiKeyId": "api_key_" + "0" * 32},
        {"requestId": "none"},
        {"actions": []},
        {"targetTypes": ["License", "ApiKey"]},
        {"targetTypes": ["Member"], "credentialKinds": ["INVITATION"]},
        {"credentialKinds": ["SESSION"]},
        {"text": "JOINED as"},
        {"text": "%%%", "outcome": "ALLOWED"},
        {"text": ""},
    ]
    for filter in filters:
        found = await table(world, "AUDIT_LOG", auditFilter=filter)
        shown = await world.events(**filter)
        assert _without_reports(found) == _without_reports(shown[::-1]), filter


def _without_reports(events: list[dict[str, Any]]) -> list[str]:
    return [str(event["sequence"]) for event in events if event["action"] != "REPORT_DOWNLOADED"]


async def test_a_filter_by_what_is_no_id(world: World) -> None:
    input = {"accountId": world.account_id, "kind": "AUDIT_LOG", "format": "CSV"}

    refusals = await world.admin.errors(REQUEST_REPORT, input={**input, "auditFilter": {"targetId": "x"}})

    assert refusals == [{"code": "BAD_USER_INPUT"}]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "''=1"),
        ("''+1", "'''+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20a", "'\uff20a"),
        ("\u22121", "'\u22121"),
        ("\ufe66a", "'\ufe66a"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\u200b\ufeff\uff1d1", "'\u200b\ufeff\uff1d1"),
        ("'\u2060 '=1", "''\u2060 '=1"),
        ("\U000e0067@a", "'\U000e0067@a"),
        ("\u3000\u674e", "\u3000\u674e"),
        (" a=1", " a=1"),
        ("\u2014 a", "\u2014 a"),
        ("'t Hooft", "'t Hooft"),
        ('say "=1", ok', 'say "=1", ok'),
        ("1=1", "1=1"),
    ],
)
async def test_no_cell_is_a_formula(world: World, name: str, cell: str) -> None:
    """And what was there can be told from what is written."""
    await world.superuser.execute("UPDATE members SET name = $1 WHERE role = 'MEMBER'", name)

    assert (await table(world, "TEAM"))[1]["name"] == cell
    assert json.loads((await report(world, "TEAM", "NDJSON")).splitlines()[1])["name"] == name


async def test_lines_end_as_rfc_4180_says_and_cells_keep_their_own(world: World) -> None:
    name = 'a "b"\nc,\r\nd'
    await world.superuser.execute("UPDATE members SET name = $1 WHERE role = 'MEMBER'", name)

    content = await report(world, "TEAM")
    rows = await table(world, "TEAM")

    assert rows[1]["name"] == name
    assert content.count(b"\r\n") == 4 + 1
    assert content.endswith(b"\r\n")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
async def test_lines_end_right_wherever_pieces_do(size: int) -> None:
    text = b'a,b\n"x\ny",1\n"say ""x""\n","\n"\n,""\n'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    found = b"".join([piece async for piece in spreadsheet_lines(pieces())])

    assert found == b'\xef\xbb\xbfa,b\r\n"x\ny",1\r\n"say ""x""\n","\n"\r\n,""\r\n'


async def test_many_rows_come_in_the_memory_of_a_few(world: World, database: Database) -> None:
    await more_events(world, 60_000)
    member_id, account_id = (UUID(id[-32:]) for id in (world.admin.member_id, world.account_id))
    membership = Membership(account_id, member_id, Role.ADMIN)
    request = ReportRequest(ReportKind.AUDIT_LOG, ReportFormat.CSV)
    lines = count = 0

    tracemalloc.start()
    async for piece in csv_lines(database, Claim(account_id), rows_of(request, membership)):
        lines, count = lines + piece.count(b"\r\n"), count + len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert lines > 60_000
    assert count > 18_000_000
    assert peak < 8_000_000


async def test_who_goes_away_leaves_nothing_running(world: World, database: Database) -> None:
    await more_events(world, 2_500, note_bytes=2_500)
    path = await report_link(world, "AUDIT_LOG")

    for _ in range(6):
        async with world.http.stream("GET", path) as response:
            await anext(response.aiter_raw())

    assert len(await report(world, "AUDIT_LOG")) > 5_000_000
    for _ in range(100):
        if await _exporting(world) == 0:
            break
        await asyncio.sleep(0.05)
    assert await _exporting(world) == 0


async def test_a_pdf_holds_5_000_rows(world: World) -> None:
    await more_events(world, 5_001)
    input = {"accountId": world.account_id, "kind": "AUDIT_LOG", "format": "PDF"}
    period: dict[str, Any] = {
        "from": "2101-01-01T00:00:00Z",
        "until": "2101-01-01T01:23:20Z",
    }  # 5,000 of them.

    assert user_error(await world.admin.change(REQUEST_REPORT, **input)) == ("INVALID", ["format"])
    found = pages(await report(world, "AUDIT_LOG", "PDF", **period))

    assert "5,000" in found[0]
    assert all(f"{number} / {len(found)}" in page for number, page in enumerate(found, 1))
    assert all("When (UTC)" in page for page in found)
    assert "number 4999" in found[-1]


async def test_a_pdf_of_invoices_sums_up_what_is_owed(world: World, themes: dict[str, str]) -> None:
    for quantity in (1, 2, 4):
        assert not codes(await purchase(world, (themes["aurora"], quantity)))
    await world.superuser.execute("UPDATE invoices SET status = 'PAID', paid_at = now() WHERE sequence = 1")
    await world.superuser.execute("UPDATE invoices SET status = 'VOID' WHERE sequence = 2")
    paid, _, outstanding = [row["total"] for row in await table(world, "INVOICES")]
    since: dict[str, Any] = {"from": "2026-01-01T00:00:00Z"}

    (page,) = pages(await report(world, "INVOICES", "PDF", **since))

    text = " ".join(page.split())
    assert "From 1 January 2026" in text
    assert f"Billed EUR {Decimal(paid) + Decimal(outstanding)}" in text
    assert f"Outstanding EUR {outstanding}" in text


async def _exporting(world: World) -> int:
    """Statements that write out rows."""
    found = await world.superuser.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"
    )
    return int(found)
