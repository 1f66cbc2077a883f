"""Updates of the themes that run on sites: the release that a site gets, and links to its files."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from engine.canonical_json import JSONObject
from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit import CredentialKind
from models.catalog import Theme, ThemeFile, ThemeRelease
from models.database import Database
from models.downloads import DownloadKind, DownloadLink
from models.licenses import LicenseStatus
from models.storage import Storage
from permissions.tokens import hash_token
from permissions.viewer import Credential
from resolvers.catalog.versions import is_newer
from resolvers.downloads.links import Content, DownloadRefused, LicenseLink, RefusalReason, new_link
from resolvers.downloads.mutations import theme_file_content
from resolvers.licenses.check_sites import Host, environment_of, host_of
from resolvers.licenses.checks import CheckedLicense
from resolvers.unaudited import license_links
from settings import Settings

_SHOWN_OF_KEY = len("TL-XXXX")


class LinkedFile(NamedTuple):
    file: ThemeFile
    url: str
    expires_at: datetime


class Update(NamedTuple):
    """Release that a site can install."""

    version: str
    notes: str | None
    released_at: datetime
    files: list[LinkedFile]


async def find_update(
    settings: Settings, database: Database, found: CheckedLicense, key: str, host: Host, installed: str
) -> Update | None:
    """The latest release of the theme, with links to its files. None where the site has it, or a newer one.

    `found` is the license of `key`, which is valid on the host. A version that is no semantic version is
    compared by the time of its release, and one that the catalog does not have counts as older.
    """
    if is_newer(found.latest_version, installed) is False:
        return None
    values = _LATEST_RELEASE.arguments(theme=found.theme, installed=installed)
    records = await database.fetch(_LATEST_RELEASE.sql, *values)
    if not records:
        return None
    version, notes, released_at, installed_at = records[0][:4]
    newer = is_newer(version, installed)
    if newer is None:
        newer = installed_at is None or released_at > installed_at
    if not newer:
        return None
    files = [snapshot(ThemeFile, record[4:]) for record in records]
    subject = {"keyHash": _hash_of(key), "site": str(host), "version": version}
    links = [_link(settings, found, key, file, subject) for file in files]
    async with license_links(database, found.account_id) as writer:
        await writer.insert(*(link for link, _ in links))
    linked = [LinkedFile(file, url, link.expires_at) for file, (link, url) in zip(files, links, strict=True)]
    return Update(version, notes, released_at, linked)


async def open_update(settings: Settings, storage: Storage, link: LicenseLink) -> Content:
    """The file of a link, as long as the same key could get it now on the same site. Raises
    `DownloadRefused`."""
    license, theme, subject = link.licensed.license, link.licensed.theme, link.row.subject
    if license.status is not LicenseStatus.ACTIVE:
        raise DownloadRefused(RefusalReason.LICENSE_NOT_ACTIVE)
    environment = environment_of(license.site, host_of(link.site), settings.license_staging_hosts)
    if environment is None or _hash_of(license.key) != subject["keyHash"]:
        raise DownloadRefused(RefusalReason.LICENSE_CHANGED)
    if is_newer(str(subject["version"]), theme.latest_version):  # The release was taken out of the catalog.
        raise DownloadRefused(RefusalReason.GONE)
    return theme_file_content(storage, link.licensed)


def _link(
    settings: Settings, found: CheckedLicense, key: str, file: ThemeFile, subject: JSONObject
) -> tuple[DownloadLink, str]:
    """The link's row and its URL. No member acts, so the limits of members do not apply."""
    credential = Credential(CredentialKind.LICENSE_KEY, found.id, key[:_SHOWN_OF_KEY])
    subject = {"licenseId": str(found.id), "fileId": str(file.id), **subject}
    return new_link(settings, credential, DownloadKind.THEME_FILE, subject, {"account_id": found.account_id})


def _hash_of(key: str) -> str:
    return hash_token(key).hex()


def _latest_release() -> AnySelect:
    installed = aliased(ThemeRelease)
    installed_at = select(col(installed.released_at)).where(
        col(installed.theme_id) == col(Theme.id), col(installed.version) == parameter("installed")
    )
    return (
        select(
            col(ThemeRelease.version),
            col(ThemeRelease.notes),
            col(ThemeRelease.released_at),
            installed_at.scalar_subquery(),
            *columns(ThemeFile),
        )
        .select_from(Theme)
        .join(
            ThemeRelease,
            and_(
                col(ThemeRelease.theme_id) == col(Theme.id),
                col(ThemeRelease.version) == col(Theme.latest_version),
            ),
        )
        .join(ThemeFile, col(ThemeFile.release_id) == col(ThemeRelease.id))
        .where(col(Theme.slug) == parameter("theme"))
        .order_by(col(ThemeFile.name))
    )


_LATEST_RELEASE = Statement(_latest_release)
