"""Checks of licenses by the themes that run on sites."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.catalog import Theme
from models.database import Database
from models.licenses import License, LicenseStatus
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

    def recheck_after_seconds(self, at: datetime) -> int:
        """A valid license is checked once a day, and again when it expires."""
        if self.license is None:
            return _RECHECK_OTHER_SECONDS
        return max(_RECHECK_LEAST_SECONDS, int(min(_RECHECK_VALID_SECONDS, self._seconds_left(at))))

    def token_ends_at(self, at: datetime) -> datetime:
        seconds = (
            _RECHECK_OTHER_SECONDS if self.license is None else min(TOKEN_SECONDS, self._seconds_left(at))
        )
        return at + timedelta(seconds=seconds)

    def _seconds_left(self, at: datetime) -> float:
        expires_at = self.license.expires_at if self.license is not None else None
        return float("inf") if expires_at is None else (expires_at - at).total_seconds()


def _by_key() -> AnySelect:
    return (
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


_BY_KEY = Statement(_by_key, across_accounts="a license is found by its key, and the row names its account")


async def find_license(database: Database, key: str) -> CheckedLicense | None:
    """Finds the license of a key in one statement."""
    records = await database.fetch(_BY_KEY.sql, key)
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
