"""Reports as PDFs, with totals and a chart before the table."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from asyncpg import Record

from engine.fair_share import Claim
from engine.side_thread import beside_the_loop
from mailer.wording import when
from models.columns import now
from models.database import Database
from resolvers.billing.amounts import grouped
from resolvers.reports.files import first_rows
from resolvers.reports.queries import ReportKind, ReportRequest, Rows
from resolvers.typesetting import typeset

MOST_ROWS = 5_000
_MOST_BARS = 10
Records = Sequence[Record]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _day(value: str | None) -> str:
    return (value or "")[:10]


def _minute(value: str | None) -> str:
    return (value or "")[:16].replace("T", " ")


@dataclass(frozen=True)
class _Column:
    """`width` is the column's share of the width that columns without one leave; those are as wide as their
    content."""

    name: str
    head: str
    width: int | None = None
    shown: Callable[[Any], str] = _text
    is_number: bool = False


@dataclass(frozen=True)
class _Layout:
    title: str
    columns: Sequence[_Column]
    chart: str
    charted: str
    """Name of the column whose values the chart counts."""
    totals: Callable[[Records], Sequence[tuple[str, str]]]


async def report_pdf(
    database: Database, claim: Claim, rows: Rows, request: ReportRequest, account_name: str
) -> bytes:
    """Returns a PDF with at most 5,000 rows. If there are more, it says so."""
    made_at = now()

    async def read() -> Mapping[str, object]:
        found = await first_rows(database, claim, rows, MOST_ROWS + 1)
        return await beside_the_loop(_data, found, request, account_name, made_at)

    return await typeset("report.typ", read, made_at, claim)


def _data(
    found: Records, request: ReportRequest, account_name: str, made_at: datetime
) -> Mapping[str, object]:
    records, layout = found[:MOST_ROWS], _LAYOUTS[request.kind]
    return {
        "title": layout.title,
        "account": account_name,
        "period": _period(request.since, request.until),
        "madeAt": when(made_at),
        "totals": layout.totals(records),
        "chart": {"title": layout.chart, "bars": _bars(records, layout.charted)},
        "columns": [_described(column) for column in layout.columns],
        "rows": [[column.shown(record[column.name]) for column in layout.columns] for record in records],
        "note": f"Only the first {MOST_ROWS:,} rows: a CSV report has all." if len(found) > MOST_ROWS else "",
    }


def title_of(kind: ReportKind) -> str:
    return _LAYOUTS[kind].title


def _described(column: _Column) -> dict[str, object]:
    return {"head": column.head, "width": column.width, "isNumber": column.is_number}


def _period(since: datetime | None, until: datetime | None) -> str:
    if since and until:
        return f"{when(since)} to {when(until)}"
    if since:
        return f"From {when(since)}"
    return f"Until {when(until)}" if until else "All time"


def _bars(records: Records, name: str) -> list[tuple[str, int]]:
    """The most frequent values with their counts, and one bar for all others."""
    counts = Counter(_text(record[name]) for record in records).most_common()
    bars, others = counts[:_MOST_BARS], counts[_MOST_BARS:]
    return [*bars, (f"{len(others)} others", sum(count for _, count in others))] if others else bars


def _distinct(records: Records, name: str) -> str:
    return f"{len({record[name] for record in records}):,}"


def _having(records: Records, name: str, value: str) -> str:
    return f"{sum(record[name] == value for record in records):,}"


def _license_totals(records: Records) -> list[tuple[str, str]]:
    themes, holders = _distinct(records, "theme"), _distinct(records, "holder")
    return [("Active licenses", f"{len(records):,}"), ("Themes", themes), ("Holders", holders)]


def _check_totals(records: Records) -> list[tuple[str, str]]:
    checked = sum(record["lastVerifiedAt"] is not None for record in records)
    return [
        ("Licenses", f"{len(records):,}"),
        ("Checked", f"{checked:,}"),
        ("Never checked", f"{len(records) - checked:,}"),
    ]


def _event_totals(records: Records) -> list[tuple[str, str]]:
    return [("Events", f"{len(records):,}"), ("Denied", _having(records, "outcome", "DENIED"))]


def _team_totals(records: Records) -> list[tuple[str, str]]:
    present = [record for record in records if record["removedAt"] is None]
    roles = [
        (f"{role.capitalize()}s", _having(present, "role", role)) for role in ("ADMIN", "MEMBER", "VIEWER")
    ]
    return [("Members", f"{len(present):,}"), *roles, ("Left", f"{len(records) - len(present):,}")]


def _invoice_totals(records: Records) -> list[tuple[str, str]]:
    """Without void invoices."""
    billed, owed = Counter[str](), Counter[str]()
    for record in records:
        sums = (
            [billed] if record["status"] == "PAID" else [billed, owed] if record["status"] == "OPEN" else []
        )
        for each in sums:
            each[record["currency"]] += record["total"]
    return [("Invoices", f"{len(records):,}"), ("Billed", _sums(billed)), ("Outstanding", _sums(owed))]


def _sums(by_currency: Mapping[str, Decimal | int]) -> str:
    found = [f"{currency} {grouped(Decimal(amount))}" for currency, amount in by_currency.items()]
    return ", ".join(found) or "0.00"


_LAYOUTS: Mapping[ReportKind, _Layout] = {
    ReportKind.ACTIVE_LICENSES: _Layout(
        "Active licenses",
        (
            _Column("theme", "Theme", 2),
            _Column("site", "Site", 3),
            _Column("holder", "Holder", 2),
            _Column("provisionedAt", "Provisioned", shown=_day),
            _Column("expiresAt", "Expires", shown=_day),
        ),
        "Licenses by theme",
        "theme",
        _license_totals,
    ),
    ReportKind.LICENSE_CHECKS: _Layout(
        "License checks",
        (
            _Column("theme", "Theme", 2),
            _Column("site", "Site", 3),
            _Column("status", "Status"),
            _Column("installedVersion", "Version", 1),
            _Column("lastVerifiedAt", "Last seen (UTC)", shown=_minute),
        ),
        "Licenses by status",
        "status",
        _check_totals,
    ),
    ReportKind.LICENSE_ACTIVITY: _Layout(
        "License activity",
        (
            _Column("occurredAt", "When (UTC)", shown=_minute),
            _Column("summary", "What", 1),
            _Column("outcome", "Outcome"),
        ),
        "Events by action",
        "action",
        _event_totals,
    ),
    ReportKind.TEAM: _Layout(
        "Team",
        (
            _Column("name", "Name", 2),
            _Column("email", "Email", 3),
            _Column("role", "Role"),
            _Column("activeLicenses", "Licenses", is_number=True),
            _Column("maxActiveLicenses", "Limit", is_number=True),
            _Column("joinedAt", "Joined", shown=_day),
            _Column("accessUntil", "Until", shown=_day),
            _Column("removedAt", "Left", shown=_day),
        ),
        "People by role",
        "role",
        _team_totals,
    ),
    ReportKind.INVOICES: _Layout(
        "Invoices",
        (
            _Column("number", "Number"),
            _Column("issuedAt", "Issued", shown=_day),
            _Column("dueAt", "Due", shown=_day),
            _Column("status", "Status"),
            _Column("purchasedBy", "Purchased by", 1),
            _Column("currency", "Currency"),
            _Column("total", "Total", shown=grouped, is_number=True),
        ),
        "Invoices by status",
        "status",
        _invoice_totals,
    ),
    ReportKind.AUDIT_LOG: _Layout(
        "Audit log",
        (
            _Column("sequence", "No.", is_number=True),
            _Column("occurredAt", "When (UTC)", shown=_minute),
            _Column("summary", "What", 1),
            _Column("outcome", "Outcome"),
            _Column("ip", "From"),
        ),
        "Events by action",
        "action",
        _event_totals,
    ),
}
