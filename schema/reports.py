"""Reports that are taken away as files."""

from datetime import datetime

import strawberry

from permissions.allow import ANYONE
from resolvers.reports.queries import ReportFormat, ReportKind
from schema.audit import AuditLogFilter
from schema.downloads import Download
from schema.fields import object_type
from schema.user_errors import Payload, result


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


@object_type(allow=ANYONE, description="The link.")
class RequestReportPayload(Payload):
    download: Download | None = result(
        "Where the report is, for a few minutes; it is made when it is opened."
    )
