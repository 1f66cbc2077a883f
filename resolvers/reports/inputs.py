"""Inputs of reports: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items
from models.audit_fields import AuditField
from resolvers.audit.inputs import AuditLogFilter
from resolvers.reports.queries import ReportFormat, ReportKind


@strawberry.input(description="Input of `requestReport`: the kind, format and period of the report.")
class RequestReportInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account that the report is about.")
    kind: ReportKind = strawberry.field(description="Content of the report.")
    format: ReportFormat = strawberry.field(description="File format of the report.")
    from_: datetime | None = strawberry.field(
        name="from",
        default=None,
        description="Start of the period, inclusive. The period is that of provisioning (ACTIVE_LICENSES),"
        " joining (TEAM), issue (INVOICES), the last check (LICENSE_CHECKS) or the event. If"
        " omitted, the report goes back to the beginning.",
    )
    until: datetime | None = strawberry.field(
        default=None,
        description="End of the period, exclusive. If omitted, the report goes up to the present.",
    )
    audit_filter: AuditLogFilter | None = strawberry.field(
        default=None,
        description="Conditions that events must all meet, allowed for the report AUDIT_LOG only. If"
        " omitted, all events of the period.",
    )
    withhold: list[AuditField] | None = items(
        "Personal fields whose values are withheld, allowed for the report AUDIT_LOG as NDJSON only. Each"
        " value is replaced by a commitment, so that the export still verifies. If omitted, nothing is"
        " withheld.",
        most=20,
        default=None,
    )
