"""Inputs of reports: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from resolvers.audit.inputs import AuditLogFilter
from resolvers.reports.queries import ReportFormat, ReportKind


@strawberry.input(description="Which report, of which time.")
class RequestReportInput:
    account_id: strawberry.ID = strawberry.field(description="Of which account.")
    kind: ReportKind = strawberry.field(description="What of.")
    format: ReportFormat = strawberry.field(description="As what kind of file.")
    from_: datetime | None = strawberry.field(
        name="from", default=None, description="From then on; from the beginning where it is left out."
    )
    until: datetime | None = strawberry.field(
        default=None, description="Before then; until now where it is left out."
    )
    audit_filter: AuditLogFilter | None = strawberry.field(
        default=None, description="Which events; for the report AUDIT_LOG alone."
    )
