"""Issues download links of theme files, and opens them."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.catalog import ThemeFile, ThemeRelease
from models.database import Database
from models.downloads import DownloadKind
from models.licenses import License, LicenseStatus
from models.storage import Storage
from permissions.context import Context
from permissions.roles import Permission, has_member_limits
from resolvers.change import Change, change
from resolvers.downloads.inputs import RequestThemeDownloadInput
from resolvers.downloads.links import (
    Content,
    Download,
    DownloadRefused,
    Licensed,
    Link,
    RefusalReason,
    Subject,
    issue_link,
)
from resolvers.global_ids import decode_as
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, invalid, not_found, user_error
from settings import Settings

Opener: TypeAlias = Callable[[Settings, Database, Storage, Link], Awaitable[Content]]
"""Returns the content of a link, or raises `DownloadRefused` if it may no longer be sent. The openers of all
kinds are in `resolvers/downloads/openers.py`."""


@mutation_result
class RequestThemeDownloadResult:
    """Payload of `requestThemeDownload`: a link to the theme file."""

    download: Download = shown("Link to the theme file, valid for a few minutes.")


async def request_theme_download(
    context: Context, input: RequestThemeDownloadInput
) -> RequestThemeDownloadResult:
    """The license must be active. Its theme may be withdrawn from the catalog."""
    found = await find(context, License, input.license_id)
    if found is None:
        raise not_found("license", "licenseId")
    async with change(context, found.account_id, AuditAction.THEME_FILE_DOWNLOADED, on=found) as tx:
        receiving = Receiving.one(found.theme_id, "licenseId", active=False)
        await refuse_beyond_limits(tx, tx.acting, receiving)
        file = await _file_of(tx, found, input.file_id)
        subject = {"licenseId": str(found.id), "fileId": str(file.id)}
        download = await issue_link(
            tx, context, DownloadKind.THEME_FILE, subject, file.name, file.media_type, file.size
        )
    return RequestThemeDownloadResult(download=download)


async def _file_of(tx: Change, found: License, global_id: str) -> ThemeFile:
    file_id = decode_as(ThemeFile, global_id)
    values = {"account_id": tx.account.id, "license_id": found.id, "file_id": file_id}
    ((status, theme_id, *file),) = await tx.fetch(_LICENSE_AND_FILE, **values)
    if status != LicenseStatus.ACTIVE:
        message = f"This license is {status.lower()}: files can be downloaded only with an active license."
        raise user_error(UserErrorCode.NOT_ACTIVE, message, "licenseId")
    if file[0] is None:
        raise not_found("file", "fileId")
    if theme_id != found.theme_id:
        raise invalid("This file belongs to another theme: use a license of that theme.", "fileId")
    return snapshot(ThemeFile, file)


def _license_and_file() -> AnySelect:
    return (
        select(License.status_now(), col(ThemeRelease.theme_id), *columns(ThemeFile))
        .select_from(License)
        .join(ThemeFile, col(ThemeFile.id) == parameter("file_id"), isouter=True)
        .join(ThemeRelease, col(ThemeRelease.id) == col(ThemeFile.release_id), isouter=True)
        .where(col(License.account_id) == parameter("account_id"), col(License.id) == parameter("license_id"))
    )


_LICENSE_AND_FILE = Statement(_license_and_file)


async def open_theme_file(_settings: Settings, _database: Database, storage: Storage, link: Link) -> Content:
    link.require_change(Permission.DOWNLOAD_THEME_FILES)
    found = link.licensed
    if found is None or found.license.status is not LicenseStatus.ACTIVE:
        raise DownloadRefused(RefusalReason.LICENSE_NOT_ACTIVE)
    if found.is_forbidden and has_member_limits(link.member.role):
        raise DownloadRefused(RefusalReason.THEME_NOT_ALLOWED)
    return theme_file_content(storage, found)


def theme_file_content(storage: Storage, licensed: Licensed) -> Content:
    license, theme, file = licensed.license, licensed.theme, licensed.file
    if file is None:
        raise DownloadRefused(RefusalReason.GONE)
    name = f"{theme.name} for {license.site}"
    details = {"file": file.name, "theme": theme.slug, "site": license.site}
    return Content(
        subject=Subject(License, license.id, name, f"{file.name} of {name}", details),
        file_name=file.name,
        media_type=file.media_type,
        size=file.size,
        etag=file.sha256,
        stream=lambda start, end: storage.stream(file.sha256, start, end),
    )
