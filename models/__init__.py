"""Database tables and the modules that read and write storage. Importing this package declares every
table."""

from models.accounts import Account
from models.api_key_days import ApiKeyDay
from models.api_keys import ApiKey
from models.audit import AuditCut, AuditEvent, AuditHead, AuditVerification
from models.audit_streams import AuditStream
from models.billing import BillingDetails, Invoice, InvoiceLine
from models.catalog import Theme, ThemeFile, ThemeRelease
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.invitations import Invitation
from models.licenses import Entitlement, FormerLicenseKey, License
from models.limit_buckets import LimitBucket
from models.member_limits import MemberLimits
from models.members import Erasure, Member, User
from models.sessions import Session, SignInLink, UnrecordedSignIn

__all__ = [
    "Account",
    "ApiKey",
    "ApiKeyDay",
    "AuditCut",
    "AuditEvent",
    "AuditHead",
    "AuditStream",
    "AuditVerification",
    "BillingDetails",
    "DownloadLink",
    "Entitlement",
    "Erasure",
    "FormerLicenseKey",
    "IdempotencyKey",
    "Invitation",
    "Invoice",
    "InvoiceLine",
    "License",
    "LimitBucket",
    "Member",
    "MemberLimits",
    "Session",
    "SignInLink",
    "Theme",
    "ThemeFile",
    "ThemeRelease",
    "Transfer",
    "UnrecordedSignIn",
    "User",
]
