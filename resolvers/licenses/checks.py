"""Checks of licenses by the themes that run on sites."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import literal, null, select, union_all
from sqlmodel import col

from engine.statements import Statement, parameter
from engine.tables import AnyUnion
from models.catalog import Theme
from models.database import Database
from models.licenses import FormerLicenseKey, License, LicenseStatus
from permissions.tokens import hash_token
from resolvers.licenses.check_sites import Host, LicenseEnvironment, environment_of

_RECHECK_VALID_SECONDS = 24 * 3_600
_RECHECK_OTHER_SECONDS = 3_600
_RECHECK_LEAST_SECONDS = 60
TOKEN_SECONDS = 14 * 24 * 3_600
"""A site goes on with its last token while the server cannot be reached."""


class LicenseCheckStatus(StrEnum):
    VALID = "VALID"
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    WRONG_SITE = "WRONG_SITE"
    UNKNOWN = "UNKNOWN"


class CheckedLicense(NamedTuple):
    """The columns that a check needs."""

    account_id: UUID
    id: UUID
    stored_status: LicenseStatus
    expires_at: datetime | None
    site: str
    last_verified_at: datetime | None
    theme: str
    latest_version: str


class LicenseCheck(NamedTuple):
    """Outcome of a check. Only VALID has more than the status."""

    status: LicenseCheckStatus
    environment: LicenseEnvironment | None = None
    license: CheckedLicense | None = None

    def recheck_after_seconds(self, key: str | None, at: datetime) -> int:
        """A valid license is checked about once a day, and again when it expires."""
        if self.license is None:
            return _spread(_RECHECK_OTHER_SECONDS, key)
        seconds = _spread(_RECHECK_VALID_SECONDS, key)
        return max(_RECHECK_LEAST_SECONDS, int(min(seconds, self._seconds_left(at))))

    def token_seconds(self, key: str | None, at: datetime) -> int:
        """Lifetime of a token: that of a valid license ends with the license."""
        if self.license is None:
            return _spread(_RECHECK_OTHER_SECONDS, key)
        return int(min(TOKEN_SECONDS, self._seconds_left(at)))

    def _seconds_left(self, at: datetime) -> float:
        expires_at = self.license.expires_at if self.license is not None else None
        return float("inf") if expires_at is None else (expires_at - at).total_seconds()


def _spread(seconds: int, key: str | None) -> int:
    """Up to a tenth less, the same for a license key each time: sites that once asked together do not go on
    so. Not more, since installed themes take a longer time for an error of their clock."""
    return seconds - seconds * (int.from_bytes(hash_token(key or "")[:4]) % 101) // 1_000


def _by_key() -> AnyUnion:
    """A former key is found as a revoked license, of which a check tells nothing else. PostgreSQL looks for
    it only if no license has the key."""
    current = (
        select(
            col(License.account_id),
            col(License.id),
            col(License.stored_status),
            col(License.expires_at),
            col(License.site),
            col(License.last_verified_at),
            col(Theme.slug),
            col(Theme.latest_version),
        )
        .join(Theme, col(Theme.id) == col(License.theme_id))
        .where(col(License.key) == parameter("key"))
    )
    no_time, no_text = null(), literal("")
    former = select(
        col(FormerLicenseKey.account_id),
        col(FormerLicenseKey.license_id),
        literal(LicenseStatus.REVOKED.value),
        *(no_time, no_text, no_time, no_text, no_text),
    ).where(col(FormerLicenseKey.key_hash) == parameter("key_hash"))
    return union_all(current, former).limit(1)


_BY_KEY = Statement(_by_key, across_accounts="a license is found by its key, and the row names its account")


async def find_license(database: Database, key: str) -> CheckedLicense | None:
    """The license that has or had the key, by one statement."""
    arguments = _BY_KEY.arguments(key=key, key_hash=hash_token(key))
    records = await database.fetch(_BY_KEY.sql, *arguments)
    return CheckedLicense(*records[0]) if records else None


def check(found: CheckedLicense | None, host: Host, staging_hosts: Collection[str]) -> LicenseCheck:
    """Whether the license holds on the host at the current time."""
    if found is None:
        return LicenseCheck(LicenseCheckStatus.UNKNOWN)
    status = License.status_of(LicenseStatus(found.stored_status), found.expires_at)
    if status != LicenseStatus.ACTIVE:
        return LicenseCheck(LicenseCheckStatus(status.value))
    environment = environment_of(found.site, host, staging_hosts)
    if environment is None:
        return LicenseCheck(LicenseCheckStatus.WRONG_SITE)
    return LicenseCheck(LicenseCheckStatus.VALID, environment, found)
