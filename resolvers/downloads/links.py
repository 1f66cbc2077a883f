"""Download links, issued to one person or site for a few minutes and checked again whenever they are
opened."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, cast, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import SQLModel, col

from engine.canonical_json import JSONObject
from engine.row_writer import RowWriter
from engine.snapshots import columns, new_row, snapshots
from engine.statements import Statement, parameter
from engine.tables import AnyExpression, AnySelect
from models.accounts import Account
from models.api_keys import ApiKey
from models.audit import ActorKind, CredentialKind
from models.catalog import Theme, ThemeFile
from models.columns import now
from models.database import Database
from models.downloads import DownloadKind, DownloadLink
from models.licenses import License
from models.member_limits import MemberLimits
from models.members import Member, User
from models.sessions import Session
from permissions.context import Context
from permissions.roles import Permission, has_api_access
from permissions.tokens import hash_token, new_token
from permissions.viewer import Credential, Membership, Scopes, scopes_of
from resolvers.change import Change
from resolvers.events import Actor
from settings import Settings

PDF_MEDIA_TYPE = "application/pdf"


class RefusalReason(StrEnum):
    """Reason why a link is refused."""

    UNKNOWN = "UNKNOWN"
    EXPIRED = "EXPIRED"
    WRONG_PERSON = "WRONG_PERSON"
    MEMBER_REMOVED = "MEMBER_REMOVED"
    NOT_PERMITTED = "NOT_PERMITTED"
    SIGNED_OUT = "SIGNED_OUT"
    REAUTHENTICATION_REQUIRED = "REAUTHENTICATION_REQUIRED"
    LICENSE_NOT_ACTIVE = "LICENSE_NOT_ACTIVE"
    LICENSE_CHANGED = "LICENSE_CHANGED"
    THEME_NOT_ALLOWED = "THEME_NOT_ALLOWED"
    GONE = "GONE"
    TOO_LARGE = "TOO_LARGE"


class DownloadRefused(Exception):
    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Download:
    """A download link, as the API shows it to the member who requested it."""

    url: str
    file_name: str
    media_type: str
    size: int | None
    """Bytes; None if the file is generated while it is sent."""
    expires_at: datetime


@dataclass(frozen=True)
class Subject:
    """Target of the download's event in the log."""

    table: type[SQLModel]
    id: UUID
    name: str
    thing: str
    """Completes `Ada downloaded …`."""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """Content of a download. If `size` is None it is sent while it is created, and ranges are not
    supported."""

    subject: Subject
    file_name: str
    media_type: str
    size: int | None
    etag: str | None
    """Value of the ETag header without quotes; the same for the same bytes."""
    stream: Callable[[int, int | None], AsyncGenerator[bytes]]
    """Yields the bytes from `start` (inclusive) to `end` (exclusive). Raises `StorageUnavailable`."""


@dataclass(frozen=True)
class Licensed:
    """License, theme and file of a theme file's link, at the current time."""

    license: License
    theme: Theme
    file: ThemeFile | None
    is_forbidden: bool
    """Whether the limits of the member do not include the theme."""


@dataclass(frozen=True)
class Link:
    """Valid link of a person who is still a member and signed in."""

    row: DownloadLink
    member: Member
    licensed: Licensed | None
    """Set for links to theme files only."""
    scopes: Scopes = None
    """Current scopes of the API key that requested the link."""

    @property
    def actor_name(self) -> str:
        return self.member.name

    @property
    def membership(self) -> Membership:
        return Membership(self.member.account_id, self.member.id, self.member.role, self.scopes)

    def require(self, permission: Permission) -> None:
        """Raises DownloadRefused if the member's current role, or the API key's scopes, do not allow to read
        what needs the permission."""
        if not self.membership.may(permission):
            raise DownloadRefused(RefusalReason.NOT_PERMITTED)

    def require_change(self, permission: Permission) -> None:
        """Like `require`, for what reading alone does not open."""
        if not self.membership.may_change(permission):
            raise DownloadRefused(RefusalReason.NOT_PERMITTED)


@dataclass(frozen=True)
class PersonalLink:
    """Valid link to the data of a person who is still signed in. It belongs to no account."""

    row: DownloadLink
    user: User
    actor_name: None = None
    """Always None: the download has no event, and so no actor."""


@dataclass(frozen=True)
class LicenseLink:
    """Valid link to a theme file that was issued for a license key. No member acts."""

    row: DownloadLink
    licensed: Licensed

    @property
    def site(self) -> str:
        """The site that showed the key."""
        return str(self.row.subject["site"])

    @property
    def actor_name(self) -> str:
        return self.site


AnyLink: TypeAlias = Link | PersonalLink | LicenseLink


def link_actor(link: DownloadLink, name: str) -> Actor:
    """The member, or the site with a license key, with the credential that requested the link."""
    credential = Credential(CredentialKind(link.credential_kind), link.credential_id, link.credential_label)
    kind = ActorKind.SYSTEM if link.member_id is None else ActorKind.MEMBER
    return Actor(kind, name, link.member_id, credential)


async def issue_link(
    tx: Change,
    context: Context,
    kind: DownloadKind,
    subject: JSONObject,
    file_name: str,
    media_type: str,
    size: int | None,
) -> Download:
    """Issues a link to the acting member and its credential. `subject` is JSON that the opener of this kind
    reads."""
    recipient = {"account_id": tx.account.id, "member_id": tx.acting.id}
    link, url = new_link(context.settings, context.signed_in().credential, kind, subject, recipient)
    await tx.insert(link)
    tx.without_event("what is audited is the download, when the bytes go out")
    return Download(url, file_name, media_type, size, link.expires_at)


async def issue_personal_link(
    writer: RowWriter, context: Context, file_name: str, media_type: str
) -> Download:
    """Issues a link to the data of the viewer, for the viewer's session."""
    viewer, kind = context.signed_in(), DownloadKind.PERSONAL_DATA
    link, url = new_link(context.settings, viewer.credential, kind, {}, {"user_id": viewer.user.id})
    await writer.insert(link)
    return Download(url, file_name, media_type, None, link.expires_at)


def new_link(
    settings: Settings,
    credential: Credential,
    kind: DownloadKind,
    subject: JSONObject,
    recipient: Mapping[str, UUID],
) -> tuple[DownloadLink, str]:
    """The link's row and its URL."""
    token, token_hash = new_token()
    link = new_row(
        DownloadLink,
        token_hash=token_hash,
        **recipient,
        credential_kind=credential.kind,
        credential_id=credential.id,
        credential_label=credential.label,
        kind=kind,
        subject=subject,
        expires_at=now() + timedelta(seconds=settings.download_lifetime_seconds),
    )
    return link, f"{settings.public_url}/download/{token}"


def pdf_content(subject: Subject, file_name: str, pdf: bytes) -> Content:
    """PDF that is created when its link is opened."""

    async def stream(start: int, end: int | None) -> AsyncGenerator[bytes]:
        yield pdf[start:end]

    return Content(subject, file_name, PDF_MEDIA_TYPE, len(pdf), sha256(pdf).hexdigest(), stream)


async def find_link(database: Database, token: str) -> AnyLink:
    """Looks up a link with its current rights, by one statement, or two for one to personal data. Raises
    DownloadRefused."""
    records = await database.fetch(_LINK.sql, hash_token(token))
    if not records:
        raise DownloadRefused(RefusalReason.UNKNOWN)
    expired, has_session, scopes, accepted, is_forbidden, *values = records[0]
    rows = snapshots(values, DownloadLink, User, Member, License, Theme, ThemeFile)
    link, user, member, license, theme, file = rows
    if expired:
        raise DownloadRefused(RefusalReason.EXPIRED)
    if user is not None:
        if not has_session:
            raise DownloadRefused(RefusalReason.SIGNED_OUT)
        if not (await database.fetch(_IS_ACCEPTED_EVERYWHERE.sql, link.credential_id))[0][0]:
            raise DownloadRefused(RefusalReason.REAUTHENTICATION_REQUIRED)
        return PersonalLink(link, user)
    licensed = Licensed(license, theme, file, is_forbidden) if license and theme else None
    if member is None:
        if licensed is None:
            raise DownloadRefused(RefusalReason.GONE)
        return LicenseLink(link, licensed)
    if member.has_ended:
        raise DownloadRefused(RefusalReason.MEMBER_REMOVED)
    if not has_session and (scopes is None or not has_api_access(member.role)):
        raise DownloadRefused(RefusalReason.SIGNED_OUT)
    if not accepted:
        raise DownloadRefused(RefusalReason.REAUTHENTICATION_REQUIRED)
    return Link(link, member, licensed, None if scopes is None else scopes_of(scopes))


def _link() -> AnySelect:
    account_id = col(DownloadLink.account_id)
    return (
        select(
            col(DownloadLink.expires_at) <= func.now(),
            _has_session(),
            _scopes_of_key(),
            _is_accepted(),
            _is_forbidden(),
            *columns(DownloadLink, User, Member, License, Theme, ThemeFile),
        )
        .select_from(DownloadLink)
        .join(User, col(User.id) == col(DownloadLink.user_id), isouter=True)
        .join(
            Member,
            and_(col(Member.account_id) == account_id, col(Member.id) == col(DownloadLink.member_id)),
            isouter=True,
        )
        .join(
            License,
            and_(col(License.account_id) == account_id, col(License.id) == _subject("licenseId")),
            isouter=True,
        )
        .join(Theme, col(Theme.id) == col(License.theme_id), isouter=True)
        .join(ThemeFile, col(ThemeFile.id) == _subject("fileId"), isouter=True)
        .where(col(DownloadLink.token_hash) == parameter("token_hash"))
    )


def _is_forbidden() -> ColumnElement[bool]:
    """Whether the limits of the member do not include the theme of the license."""
    return exists().where(
        col(MemberLimits.account_id) == col(DownloadLink.account_id),
        col(MemberLimits.member_id) == col(DownloadLink.member_id),
        MemberLimits.forbid_theme(col(License.theme_id)),
    )


def _has_session() -> ColumnElement[bool]:
    """Whether a session requested the link and is still live."""
    return exists().where(
        col(DownloadLink.credential_kind) == CredentialKind.SESSION,
        col(Session.id) == col(DownloadLink.credential_id),
        Session.is_live(),
    )


def _scopes_of_key() -> AnyExpression:
    """Scopes of the API key that requested the link, if it still works."""
    return (
        select(func.array_to_string(col(ApiKey.scopes), ","))
        .where(
            col(DownloadLink.credential_kind) == CredentialKind.API_KEY,
            col(ApiKey.account_id) == col(DownloadLink.account_id),
            col(ApiKey.id) == col(DownloadLink.credential_id),
            ApiKey.works_or_may_yet(),
        )
        .scalar_subquery()
    )


def _is_accepted() -> ColumnElement[bool]:
    """Whether the link's account still accepts the credential that requested it."""
    return or_(
        col(DownloadLink.credential_kind) != CredentialKind.SESSION,
        exists().where(
            col(Session.id) == col(DownloadLink.credential_id),
            col(Account.id) == col(DownloadLink.account_id),
            Session.is_accepted(),
        ),
    )


def _is_accepted_everywhere() -> AnySelect:
    return select(
        ~exists().where(
            col(Session.id) == parameter("session_id"),
            col(Member.user_id) == col(Session.user_id),
            Member.is_present(),
            col(Account.id) == col(Member.account_id),
            not_(Session.is_accepted()),
        )
    )


_IS_ACCEPTED_EVERYWHERE = Statement(
    _is_accepted_everywhere,
    across_accounts="personal data is that of all accounts of the person",
)


def _subject(name: str) -> ColumnElement[UUID]:
    return cast(col(DownloadLink.subject)[name].astext, POSTGRESQL_UUID)


_LINK = Statement(_link, across_accounts="a link is looked up by its hash, and says of which account it is")
