"""Links to what may be downloaded, and what has gone out by them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from models.audit import CredentialKind
from models.columns import enum_column, member_key, new_id, time_column


class DownloadKind(StrEnum):
    THEME_FILE = "THEME_FILE"
    REPORT = "REPORT"
    INVOICE = "INVOICE"


class DownloadLink(SQLModel, table=True):
    """For one person, with one credential, to one thing, until it expires. What it leads to is checked again
    whenever it is used."""

    __tablename__ = "download_links"
    __table_args__ = (member_key("member_id"), Index("ix_download_links_expires", "expires_at"))

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: UUID = Field(foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    member_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    credential_kind: CredentialKind = enum_column(CredentialKind)
    credential_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    credential_label: str
    kind: DownloadKind = enum_column(DownloadKind)
    subject: dict[str, Any] = Field(sa_type=JSONB)
    """THEME_FILE: licenseId and fileId. INVOICE: invoiceId. REPORT: what was asked for."""
    created_at: datetime = time_column(default_now=True)
    expires_at: datetime = time_column()


class Transfer(SQLModel, table=True):
    """Bytes that are going out by a link. It is there from before the first byte until its event is in the
    log, so that a download is audited also where the process that served it was killed: `seen_at` tells."""

    __tablename__ = "transfers"
    __table_args__ = (Index("ix_transfers_seen", "seen_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True, sa_type=POSTGRESQL_UUID)
    token_hash: bytes = Field(foreign_key="download_links.token_hash", index=True, sa_type=LargeBinary)
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    bytes_sent: int = Field(default=0, sa_type=BigInteger)
    told: dict[str, Any] = Field(sa_type=JSONB)
    """What its event will say besides; by then what was downloaded may be off the catalog."""
    started_at: datetime = time_column(default_now=True)
    seen_at: datetime = time_column(default_now=True)
