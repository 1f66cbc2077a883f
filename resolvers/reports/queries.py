"""Content of reports: their rows, columns and order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    LargeBinary,
    Text,
    and_,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import SQLModel, col

from audit_proof.chain import PERSONAL
from engine.canonical_json import JSONObject
from engine.conditions import BoundCondition
from engine.enums import described_enum
from engine.statements import any_of, parameter
from engine.tables import AnyExpression, table_of
from models.audit import AuditEvent
from models.audit_actions import AuditAction
from models.audit_fields import AuditField
from models.billing import Invoice
from models.catalog import Theme
from models.licenses import License, LicenseStatus
from models.member_limits import MemberLimits
from models.members import Member
from permissions.roles import Permission
from permissions.viewer import Membership
from resolvers.api_texts import global_id_text, invoice_number, utc_time
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.queries import audit_conditions, audit_filter_of_json
from resolvers.visibility import states


@described_enum(
    "Content of a report.",
    """
    ACTIVE_LICENSES Active licenses, sorted by time of provisioning.
    LICENSE_CHECKS Licenses with what their installed themes reported last, sorted by time of provisioning.
    LICENSE_ACTIVITY Audit events about licenses and downloads: all for Admins, their own for Members.
    TEAM Members with their roles, limits and ends, sorted by name. Includes those who left or were removed.
    INVOICES Invoices with their amounts, sorted by time of issue.
    AUDIT_LOG Audit events with their hashes, for verification outside the platform.
    """,
)
class ReportKind(StrEnum):
    ACTIVE_LICENSES = "ACTIVE_LICENSES"
    LICENSE_CHECKS = "LICENSE_CHECKS"
    LICENSE_ACTIVITY = "LICENSE_ACTIVITY"
    TEAM = "TEAM"
    INVOICES = "INVOICES"
    AUDIT_LOG = "AUDIT_LOG"


@described_enum(
    "File format of a report.",
    """
    CSV Table in UTF-8 with a header line. Cells that look like formulas begin with an apostrophe.
    NDJSON Newline-delimited JSON: each row is an object on a line of its own.
    PDF Document for printing, with at most 5,000 rows.
    """,
)
class ReportFormat(StrEnum):
    CSV = "CSV"
    NDJSON = "NDJSON"
    PDF = "PDF"


NEEDS: Mapping[ReportKind, Permission] = {
    ReportKind.ACTIVE_LICENSES: Permission.DOWNLOAD_REPORTS,
    ReportKind.LICENSE_CHECKS: Permission.REVOKE_LICENSES,
    ReportKind.LICENSE_ACTIVITY: Permission.VIEW_OWN_ACTIVITY,
    ReportKind.TEAM: Permission.VIEW_AUDIT_LOG,
    ReportKind.INVOICES: Permission.MANAGE_BILLING,
    ReportKind.AUDIT_LOG: Permission.VIEW_AUDIT_LOG,
}
"""Permission that a report requires besides DOWNLOAD_REPORTS."""

LICENSE_ACTIONS = tuple(
    action
    for action in AuditAction
    if action.startswith("LICENSE") or action.endswith("_DOWNLOADED") or action == "ENTITLEMENT_GRANTED"
)


@dataclass(frozen=True)
class ReportRequest:
    """Request of a report: `since` is inclusive, `until` exclusive. `audit_filter` has GraphQL's names.
    `withhold` are personal fields of the audit log whose values are left out."""

    kind: ReportKind
    format: ReportFormat
    since: datetime | None = None
    until: datetime | None = None
    audit_filter: JSONObject = field(default_factory=dict)
    withhold: tuple[AuditField, ...] = ()

    def to_json(self) -> dict[str, object]:
        given = {
            "kind": self.kind.value,
            "format": self.format.value,
            "from": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "auditFilter": dict(self.audit_filter),
            "withhold": [each.value for each in self.withhold],
        }
        return {name: value for name, value in given.items() if value}

    @classmethod
    def from_json(cls, given: JSONObject) -> "ReportRequest":
        since, until = given.get("from"), given.get("until")
        return cls(
            ReportKind(given["kind"]),
            ReportFormat(given["format"]),
            since and datetime.fromisoformat(since),
            until and datetime.fromisoformat(until),
            given.get("auditFilter", {}),
            tuple(map(AuditField, given.get("withhold", ()))),
        )


Columns: TypeAlias = Mapping[str, AnyExpression]
"""Columns of a report by name."""


@dataclass
class Rows:
    """Query of a report: the columns by name, the tables, the conditions and the values of the parameters."""

    table: FromClause
    """Has one row for each row of the report. The conditions are about its columns only."""
    columns: Columns
    source: FromClause
    order: Sequence[AnyExpression]
    where: list[ColumnElement[bool]]
    values: dict[str, object]

    def within(self, column: Mapped[datetime] | Mapped[datetime | None], request: ReportRequest) -> "Rows":
        if request.since is not None:
            self.where.append(column >= parameter("since"))
            self.values["since"] = request.since
        if request.until is not None:
            self.where.append(column < parameter("until"))
            self.values["until"] = request.until
        return self

    def that(self, conditions: Sequence[BoundCondition]) -> "Rows":
        for condition in conditions:
            names = [f"p{len(self.values) + place}" for place in range(len(condition.values))]
            self.values.update(zip(names, condition.values, strict=True))
            self.where.append(condition.condition.expression(*map(parameter, names)))
        return self


def rows_of(request: ReportRequest, membership: Membership) -> Rows:
    """Rows that the member may read with its current role. Raises `BadUserInput` if a filter has an
    invalid id."""
    return _ROWS[request.kind](request, membership)


def _active_licenses(request: ReportRequest, membership: Membership) -> Rows:
    holder, provisioner = aliased(Member), aliased(Member)
    columns: Columns = {
        "id": global_id_text(License, col(License.id)),
        "theme": col(Theme.name),
        "site": col(License.site),
        "holder": col(holder.name),
        "provisionedBy": col(provisioner.name),
        "provisionedAt": utc_time(col(License.provisioned_at)),
        "expiresAt": utc_time(col(License.expires_at)),
        "lastDownloadedAt": utc_time(col(License.last_downloaded_at)),
    }
    source = table_of(License).join(table_of(Theme), col(Theme.id) == col(License.theme_id))
    source = source.join(*_member(holder, License, "holder_id"))
    source = source.join(*_member(provisioner, License, "provisioned_by_id"))
    order = (col(License.provisioned_at), col(License.id))
    rows = _rows(License, columns, source, order, membership).within(col(License.provisioned_at), request)
    (active,) = states([LicenseStatus.ACTIVE])
    return rows.that(active.where)


def _license_checks(request: ReportRequest, membership: Membership) -> Rows:
    """Licenses of each status. Without a period, also those that were never checked."""
    columns: Columns = {
        "id": global_id_text(License, col(License.id)),
        "theme": col(Theme.name),
        "site": col(License.site),
        "status": cast(License.status_now(), Text),
        "installedVersion": col(License.installed_version),
        "latestVersion": col(Theme.latest_version),
        "lastVerifiedAt": utc_time(col(License.last_verified_at)),
        "lastVerifiedSite": col(License.last_verified_site),
    }
    source = table_of(License).join(table_of(Theme), col(Theme.id) == col(License.theme_id))
    order = (col(License.provisioned_at), col(License.id))
    rows = _rows(License, columns, source, order, membership)
    return rows.within(col(License.last_verified_at), request)


def _license_activity(request: ReportRequest, membership: Membership) -> Rows:
    """All events of the account for members who may see the whole log; their own for others."""
    columns: Columns = {
        "sequence": col(AuditEvent.sequence),
        "occurredAt": utc_time(col(AuditEvent.occurred_at)),
        "action": col(AuditEvent.action),
        "outcome": col(AuditEvent.outcome),
        "actor": col(AuditEvent.actor_name),
        "summary": col(AuditEvent.summary),
        "target": col(AuditEvent.target_name),
    }
    rows = _events(columns, request, membership)
    rows.where.append(any_of(col(AuditEvent.action), parameter("actions")))
    rows.values["actions"] = list(LICENSE_ACTIONS)
    if not membership.may(Permission.VIEW_AUDIT_LOG):
        rows.where.append(col(AuditEvent.actor_member_id) == parameter("actor_id"))
        rows.values["actor_id"] = membership.member_id
    return rows


def _audit_log(request: ReportRequest, membership: Membership) -> Rows:
    if request.format is not ReportFormat.NDJSON:
        return _events(_plain_audit_columns(), request, membership)
    if not request.withhold:
        return _events(audit_columns(), request, membership)
    shown = func.audit_withhold(literal_column("audit_events"), parameter("withhold"))
    salted = [column("salt", LargeBinary), column("field_salts", JSON), column("commitments", JSON)]
    event = shown.table_valued(*salted).lateral("shown")
    rows = _events(audit_columns(event), request, membership)
    rows.source = rows.source.join(event, true())
    rows.values["withhold"] = [each.export_name for each in request.withhold]
    return rows


def audit_columns(salted: FromClause | None = None) -> Columns:
    """Every field that is hashed, as the text that is hashed: ids are bare, and the details are as they were
    written. A personal field that was erased is an object with its commitment. `salted` has the columns
    `salt`, `field_salts` and `commitments`, if not the table."""
    columns = (table_of(AuditEvent) if salted is None else salted).c
    plain = dict(_plain_audit_columns())
    hashes = {name: plain.pop(name) for name in ("previousHash", "hash")}
    del plain["details"]
    plain = {"version": col(AuditEvent.version), **plain}
    commitments = columns.commitments
    for name in PERSONAL:
        plain[name] = func.audit_export_value(commitments, name, plain[name], type_=JSON())
    salt = func.to_json(func.encode(columns.salt, "hex"))
    return {
        **plain,
        "personalDetails": func.audit_export_details(
            commitments, col(AuditEvent.personal_details), type_=JSON()
        ),
        "salt": func.coalesce(salt, columns.field_salts),
        "details": col(AuditEvent.details),
        **hashes,
    }


def _plain_audit_columns() -> Columns:
    return {
        "accountId": col(AuditEvent.account_id),
        "sequence": col(AuditEvent.sequence),
        "id": col(AuditEvent.id),
        "occurredAt": utc_time(col(AuditEvent.occurred_at)),
        "action": col(AuditEvent.action),
        "outcome": col(AuditEvent.outcome),
        "summary": col(AuditEvent.summary),
        "actorKind": col(AuditEvent.actor_kind),
        "actorMemberId": col(AuditEvent.actor_member_id),
        "actorName": col(AuditEvent.actor_name),
        "credentialKind": col(AuditEvent.credential_kind),
        "credentialId": col(AuditEvent.credential_id),
        "credentialLabel": col(AuditEvent.credential_label),
        "targetType": col(AuditEvent.target_type),
        "targetId": col(AuditEvent.target_id),
        "targetName": col(AuditEvent.target_name),
        "ip": col(AuditEvent.ip),
        "userAgent": col(AuditEvent.user_agent),
        "requestId": col(AuditEvent.request_id),
        "details": func.audit_details(
            col(AuditEvent.details), col(AuditEvent.personal_details), type_=JSON()
        ),
        "previousHash": func.encode(col(AuditEvent.previous_hash), "hex"),
        "hash": func.encode(col(AuditEvent.hash), "hex"),
    }


def _events(columns: Columns, request: ReportRequest, membership: Membership) -> Rows:
    rows = _rows(AuditEvent, columns, table_of(AuditEvent), (col(AuditEvent.sequence),), membership)
    period = AuditLogFilter(occurred_from=request.since, occurred_until=request.until)
    rows = rows.that(audit_conditions(membership.account_id, period))
    return rows.that(audit_conditions(membership.account_id, audit_filter_of_json(request.audit_filter)))


def _team(request: ReportRequest, membership: Membership) -> Rows:
    """Ordered by name, including removed members."""
    held = select(func.count()).where(
        col(License.account_id) == col(Member.account_id),
        col(License.holder_id) == col(Member.id),
        License.status_now() == LicenseStatus.ACTIVE.value,
    )
    columns: Columns = {
        "id": global_id_text(Member, col(Member.id)),
        "name": col(Member.name),
        "email": col(Member.email),
        "role": col(Member.role),
        "isOwner": col(Member.is_owner),
        "activeLicenses": held.scalar_subquery(),
        "maxActiveLicenses": col(MemberLimits.max_active_licenses),
        "allowedThemes": func.cardinality(col(MemberLimits.theme_ids)),
        "joinedAt": utc_time(col(Member.joined_at)),
        "lastActiveAt": utc_time(col(Member.last_active_at)),
        "accessUntil": utc_time(col(Member.access_until)),
        "removedAt": utc_time(col(Member.removed_at)),
    }
    of_member = and_(
        col(MemberLimits.account_id) == col(Member.account_id), col(MemberLimits.member_id) == col(Member.id)
    )
    source = table_of(Member).outerjoin(table_of(MemberLimits), of_member)
    order = (col(Member.name_key), col(Member.id))
    return _rows(Member, columns, source, order, membership).within(col(Member.joined_at), request)


def _invoices(request: ReportRequest, membership: Membership) -> Rows:
    buyer = aliased(Member)
    columns: Columns = {
        "number": invoice_number(),
        "status": col(Invoice.status),
        "issuedAt": utc_time(col(Invoice.issued_at)),
        "dueAt": utc_time(col(Invoice.due_at)),
        "paidAt": utc_time(col(Invoice.paid_at)),
        "currency": col(Invoice.currency),
        "subtotal": col(Invoice.subtotal),
        "taxRate": col(Invoice.tax_rate),
        "tax": col(Invoice.tax),
        "total": col(Invoice.total),
        "purchasedBy": col(buyer.name),
        "company": col(Invoice.billed_to)["company"].as_string(),
    }
    source = table_of(Invoice).join(*_member(buyer, Invoice, "purchased_by_id"))
    order = (col(Invoice.issued_at), col(Invoice.id))
    return _rows(Invoice, columns, source, order, membership).within(col(Invoice.issued_at), request)


_ROWS: Mapping[ReportKind, Callable[[ReportRequest, Membership], Rows]] = {
    ReportKind.ACTIVE_LICENSES: _active_licenses,
    ReportKind.LICENSE_CHECKS: _license_checks,
    ReportKind.LICENSE_ACTIVITY: _license_activity,
    ReportKind.TEAM: _team,
    ReportKind.INVOICES: _invoices,
    ReportKind.AUDIT_LOG: _audit_log,
}


def _rows(
    table: type[SQLModel],
    columns: Columns,
    source: FromClause,
    order: Sequence[AnyExpression],
    membership: Membership,
) -> Rows:
    """Rows of the member's account only."""
    of_account = table_of(table).c.account_id == parameter("account_id")
    account_id = membership.account_id
    return Rows(table_of(table), columns, source, order, [of_account], {"account_id": account_id})


def _member(
    member: type[Member], table: type[SQLModel], column: str
) -> tuple[type[Member], ColumnElement[bool]]:
    of = table_of(table).c
    return member, and_(col(member.account_id) == of.account_id, col(member.id) == of[column])
