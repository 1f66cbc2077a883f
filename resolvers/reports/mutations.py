"""Issues download links of reports, and makes a report when its link is opened."""

from collections.abc import AsyncGenerator, Mapping

from engine.canonical_json import JSONObject
from engine.fair_share import Claim
from engine.row_loader import with_id
from engine.row_reader import rows
from models.accounts import Account
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.downloads import DownloadKind
from models.storage import Storage
from permissions.context import Context
from permissions.errors import Forbidden
from permissions.viewer import Membership
from resolvers.accounts.queries import account_id_of
from resolvers.audit.exports import audit_log_lines
from resolvers.audit.signing_keys import export_key
from resolvers.change import Change, change
from resolvers.downloads.links import (
    PDF_MEDIA_TYPE,
    Content,
    Download,
    DownloadRefused,
    Link,
    RefusalReason,
    Subject,
    issue_link,
    pdf_content,
)
from resolvers.reports.files import counting, csv_lines, ndjson_lines
from resolvers.reports.inputs import RequestReportInput
from resolvers.reports.pdf import MOST_ROWS, report_pdf, title_of
from resolvers.reports.queries import NEEDS, ReportFormat, ReportKind, ReportRequest, Rows, rows_of
from resolvers.results import mutation_result, shown
from resolvers.typesetting import DocumentTooLarge
from resolvers.user_errors import invalid
from settings import Settings

_MEDIA_TYPES: Mapping[ReportFormat, str] = {
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.NDJSON: "application/x-ndjson",
    ReportFormat.PDF: PDF_MEDIA_TYPE,
}


@mutation_result
class RequestReportResult:
    """Payload of `requestReport`: a link to the report."""

    download: Download = shown(
        "Link to the report, valid for a few minutes. The report is generated when the link is opened."
    )


async def request_report(context: Context, input: RequestReportInput) -> RequestReportResult:
    """Besides the field's permission, requires the one of the report's content. Raises `Forbidden`."""
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.REPORT_DOWNLOADED) as tx:
        needed = NEEDS[input.kind]
        membership = Membership(account_id, tx.acting.id, tx.acting.role)
        if not membership.may(needed):
            raise Forbidden(needed)
        request = _request(input, context.mutation_call.input)
        selected = rows_of(request, membership)
        if request.format is ReportFormat.PDF:
            await _fits_into_a_pdf(tx, selected)
        name, media_type = _file_name(request, tx.account), _MEDIA_TYPES[request.format]
        kind = DownloadKind.REPORT
        download = await issue_link(tx, context, kind, request.to_json(), name, media_type, None)
    return RequestReportResult(download=download)


def _request(input: RequestReportInput, asked: JSONObject) -> ReportRequest:
    if input.from_ is not None and input.until is not None and input.from_ >= input.until:
        raise invalid("`until` must be later than `from`.", "until")
    audit_filter = asked.get("auditFilter", {})
    if audit_filter and input.kind is not ReportKind.AUDIT_LOG:
        raise invalid("`auditFilter` is for the report AUDIT_LOG only: omit it for others.", "auditFilter")
    withhold = tuple(dict.fromkeys(input.withhold or ()))
    if withhold and (input.kind, input.format) != (ReportKind.AUDIT_LOG, ReportFormat.NDJSON):
        raise invalid(
            "`withhold` is for the report AUDIT_LOG as NDJSON only: omit it for others.", "withhold"
        )
    return ReportRequest(input.kind, input.format, input.from_, input.until, audit_filter, withhold)


async def _fits_into_a_pdf(tx: Change, rows: Rows) -> None:
    ((count,),) = await tx.fetch(counting(rows, MOST_ROWS + 1), **rows.values)
    if count > MOST_ROWS:
        message = (
            f"A PDF has at most {MOST_ROWS:,} rows, and this report has more: use CSV or a shorter period."
        )
        raise invalid(message, "format")


def _file_name(request: ReportRequest, account: Account) -> str:
    kind = request.kind.lower().replace("_", "-")
    return f"{kind}-{account.slug}-{now():%Y-%m-%d}.{request.format.lower()}"


async def open_report(settings: Settings, database: Database, _storage: Storage, link: Link) -> Content:
    request = ReportRequest.from_json(link.row.subject)
    link.require(NEEDS[ReportKind.ACTIVE_LICENSES])
    link.require(NEEDS[request.kind])
    (account,) = await rows(database, Account, with_id(Account)(link.member.account_id))
    selected = rows_of(request, link.membership)
    claim = Claim(account.id, link.member.user_id)
    subject = _subject(request, account)
    name, media_type = _file_name(request, account), _MEDIA_TYPES[request.format]
    if request.format is ReportFormat.PDF:
        try:
            pdf = await report_pdf(database, claim, selected, request, account.name)
        except DocumentTooLarge:
            raise DownloadRefused(RefusalReason.TOO_LARGE) from None
        return pdf_content(subject, name, pdf)
    return Content(
        subject,
        name,
        media_type,
        None,
        None,
        lambda _start, _end: _lines(settings, database, claim, selected, request),
    )


def _lines(
    settings: Settings, database: Database, claim: Claim, rows: Rows, request: ReportRequest
) -> AsyncGenerator[bytes]:
    if request.format is ReportFormat.CSV:
        return csv_lines(database, claim, rows)
    if request.kind is ReportKind.AUDIT_LOG:
        return audit_log_lines(database, claim, rows, request, export_key(settings))
    return ndjson_lines(database, claim, rows)


def _subject(request: ReportRequest, account: Account) -> Subject:
    title = title_of(request.kind)
    thing = f"the report {title} as {request.format.value}"
    return Subject(Account, account.id, account.name, thing, request.to_json())
