"""Download links, and the transfers that use them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypedDict, cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.canonical_json import JSONObject
from models.audit import CredentialKind
from models.columns import enum_column, member_key, new_id, time_column


class DownloadKind(StrEnum):
    THEME_FILE = "THEME_FILE"
    REPORT = "REPORT"
    INVOICE = "INVOICE"
    PERSONAL_DATA = "PERSONAL_DATA"


_RECIPIENT = """CASE WHEN kind = 'PERSONAL_DATA'
    THEN user_id IS NOT NULL AND num_nonnulls(account_id, member_id) = 0
    WHEN credential_kind = 'LICENSE_KEY'
    THEN account_id IS NOT NULL AND num_nonnulls(user_id, member_id) = 0
    ELSE user_id IS NULL AND num_nonnulls(account_id, member_id) = 2 END"""


class DownloadLink(SQLModel, table=True):
    """Download link of one member, with one credential, to one file, until it expires. The permission is
    checked again whenever the link is used.

    A link to personal data is that of a person, whose data is in several accounts or in none: it has a
    `user_id`, and neither an account nor a member. A link that was issued for a license key is that of the
    site: it has an account, and neither a member nor a person.
    """

    __tablename__ = "download_links"
    __table_args__ = (
        member_key("member_id"),
        CheckConstraint(_RECIPIENT, name="recipient"),
        Index("ix_download_links_expires", "expires_at"),
    )

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    member_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    user_id: UUID | None = Field(default=None, foreign_key="users.id", sa_type=POSTGRESQL_UUID)
    credential_kind: CredentialKind = enum_column(CredentialKind)
    credential_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    credential_label: str
    kind: DownloadKind = enum_column(DownloadKind)
    subject: JSONObject = Field(sa_type=JSONB)
    """Identifies the file. THEME_FILE: licenseId and fileId; of a link for a license key also keyHash (its
    SHA-256), the site, and the version of the release. INVOICE: invoiceId. REPORT: the report's parameters.
    PERSONAL_DATA: empty."""
    created_at: datetime = time_column(default_now=True)
    expires_at: datetime = time_column()


class TransferFacts(TypedDict):
    """Data of a transfer's event as JSON, except the number of bytes sent."""

    targetType: str
    targetId: str
    targetName: str
    thing: str
    """Completes the sentence `Ada downloaded …`."""
    size: int | None
    """Bytes. None if they are not known before the end."""
    details: Mapping[str, object]


class Transfer(SQLModel, table=True):
    """Transfer of a download's bytes. The row exists from before the first byte until its event is in the
    log, so that a download is audited even if the process that served it was killed; `seen_at` shows that."""

    __tablename__ = "transfers"
    __table_args__ = (Index("ix_transfers_seen", "seen_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True, sa_type=POSTGRESQL_UUID)
    token_hash: bytes = Field(foreign_key="download_links.token_hash", index=True, sa_type=LargeBinary)
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    bytes_sent: int = Field(default=0, sa_type=BigInteger)
    facts: dict[str, object] = Field(sa_type=JSONB)
    """`TransferFacts`, stored at the start: the file may have been removed from the catalog by the end."""
    started_at: datetime = time_column(default_now=True)
    seen_at: datetime = time_column(default_now=True)


def transfer_facts(transfer: Transfer) -> TransferFacts:
    return cast("TransferFacts", transfer.facts)
