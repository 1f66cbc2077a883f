"""Openers: the content of each kind of link, and its description in the log."""

from collections.abc import Mapping

from models.audit_actions import AuditAction
from models.downloads import DownloadKind
from resolvers.billing.invoice_downloads import open_invoice
from resolvers.downloads.mutations import Opener, open_theme_file
from resolvers.reports.mutations import open_report

OPENERS: Mapping[DownloadKind, Opener] = {
    DownloadKind.THEME_FILE: open_theme_file,
    DownloadKind.REPORT: open_report,
    DownloadKind.INVOICE: open_invoice,
}
ACTIONS: Mapping[DownloadKind, AuditAction] = {
    DownloadKind.THEME_FILE: AuditAction.THEME_FILE_DOWNLOADED,
    DownloadKind.REPORT: AuditAction.REPORT_DOWNLOADED,
    DownloadKind.INVOICE: AuditAction.INVOICE_DOWNLOADED,
}
