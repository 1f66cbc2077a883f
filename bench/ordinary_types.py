"""GraphQL types of the ordinary server, with resolvers, permission classes and DataLoaders."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, NewType, TypeVar
from uuid import UUID

import orjson
import strawberry
from sqlmodel import SQLModel, col, select
from strawberry.permission import BasePermission
from strawberry.scalars import JSON

import models
from bench.ordinary_context import Context, Info
from models.audit import ActorKind, AuditOutcome
from models.audit_actions import AuditAction
from models.licenses import LicenseStatus
from models.members import Role

Time = NewType("Time", datetime)
NodeType = TypeVar("NodeType")
for _enum in (ActorKind, AuditAction, AuditOutcome, LicenseStatus, Role):
    strawberry.enum(_enum)


def format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def global_id(prefix: str, id: UUID) -> strawberry.ID:
    return strawberry.ID(f"{prefix}_{id.hex}")


def guarded(*rules: type[BasePermission]) -> Callable[[Callable[..., Any]], Any]:
    decorate: Callable[[Callable[..., Any]], Any] = strawberry.field(permission_classes=list(rules))
    return decorate


class SignedIn(BasePermission):
    message = "Sign in first."

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return info.context.user is not None


class ViewsTeam(BasePermission):
    message = "You are no member of this account."

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return info.context.role_in(source.row.account_id) is not None


class IsAdmin(BasePermission):
    message = "Only for Admins."

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return info.context.role_in(source.row.account_id) is Role.ADMIN


class IsAdminOrSelf(IsAdmin):
    message = "Only for Admins, and for the member itself."

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        own = getattr(source.row, "holder_id", source.row.id)
        return super().has_permission(source, info) or info.context.is_member(source.row.account_id, own)


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Connection(Generic[NodeType]):
    nodes: list[NodeType]
    page_info: PageInfo


@strawberry.type
class User:
    name: str


@strawberry.type
class Theme:
    id: strawberry.ID
    slug: str
    name: str

    @classmethod
    def of(cls, row: models.Theme) -> Theme:
        return cls(id=global_id("theme", row.id), slug=row.slug, name=row.name)


@strawberry.type
class AuditActor:
    row: strawberry.Private[models.AuditEvent]
    kind: ActorKind
    name: str

    @strawberry.field
    async def member(self, info: Info) -> Member | None:
        if self.row.actor_member_id is None:
            return None
        return Member.of(await info.context.members.load((self.row.account_id, self.row.actor_member_id)))


@strawberry.type
class AuditEvent:
    id: strawberry.ID
    sequence: int
    occurred_at: Time
    action: AuditAction
    outcome: AuditOutcome
    summary: str
    target_type: str | None
    target_name: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    details: JSON
    actor: AuditActor

    @classmethod
    def of(cls, row: models.AuditEvent) -> AuditEvent:
        return cls(
            id=global_id("event", row.id),
            sequence=row.sequence,
            occurred_at=Time(row.occurred_at),
            action=row.action,
            outcome=row.outcome,
            summary=row.summary,
            target_type=row.target_type,
            target_name=row.target_name,
            ip=row.ip,
            user_agent=row.user_agent,
            request_id=row.request_id,
            details=JSON(row.details),
            actor=AuditActor(row=row, kind=row.actor_kind, name=row.actor_name),
        )


@strawberry.type
class Member:
    row: strawberry.Private[models.Member]
    id: strawberry.ID
    name: str
    role: Role
    is_owner: bool
    joined_at: Time
    last_active_at: Time | None

    @classmethod
    def of(cls, row: models.Member) -> Member:
        return cls(
            row=row,
            id=global_id("member", row.id),
            name=row.name,
            role=row.role,
            is_owner=row.is_owner,
            joined_at=Time(row.joined_at),
            last_active_at=Time(row.last_active_at) if row.last_active_at else None,
        )

    @guarded(IsAdminOrSelf)
    def email(self) -> str | None:
        return self.row.email

    @strawberry.field
    async def account(self, info: Info) -> Account:
        return Account.of(await info.context.accounts.load(self.row.account_id))

    @guarded(IsAdminOrSelf)
    async def activity(self, info: Info, first: int = 50) -> Connection[AuditEvent] | None:
        key = (self.row.account_id, self.row.id)
        rows = await info.context.activity(min(first, 100) + 1).load(key)
        return _page([AuditEvent.of(row) for row in rows], rows, min(first, 100), "sequence", "sequence")


@strawberry.type
class License:
    row: strawberry.Private[models.License]
    id: strawberry.ID
    site: str
    status: LicenseStatus
    provisioned_at: Time
    expires_at: Time | None

    @classmethod
    def of(cls, row: models.License) -> License:
        return cls(
            row=row,
            id=global_id("license", row.id),
            site=row.site,
            status=row.status,
            provisioned_at=Time(row.provisioned_at),
            expires_at=Time(row.expires_at) if row.expires_at else None,
        )

    @guarded(IsAdminOrSelf)
    def key(self) -> str | None:
        return self.row.key

    @strawberry.field
    async def theme(self, info: Info) -> Theme:
        return Theme.of(await info.context.themes.load(self.row.theme_id))

    @strawberry.field
    async def holder(self, info: Info) -> Member:
        return Member.of(await info.context.members.load((self.row.account_id, self.row.holder_id)))


@strawberry.type
class Account:
    row: strawberry.Private[models.Account]
    name: str

    @classmethod
    def of(cls, row: models.Account) -> Account:
        return cls(row=row, name=row.name)

    @guarded(ViewsTeam)
    async def members(self, info: Info, first: int = 50) -> Connection[Member] | None:
        statement = (
            select(models.Member)
            .where(models.Member.account_id == self.row.id, col(models.Member.removed_at).is_(None))
            .order_by(col(models.Member.joined_at), col(models.Member.id))
        )
        rows = await _rows(info.context, statement, first)
        return _page([Member.of(row) for row in rows], rows, first, "joined", "joined_at", "id")

    @guarded(ViewsTeam)
    async def licenses(self, info: Info, first: int = 50) -> Connection[License] | None:
        statement = (
            select(models.License)
            .where(models.License.account_id == self.row.id, *info.context.licenses_seen(self.row.id))
            .order_by(col(models.License.provisioned_at).desc(), col(models.License.id).desc())
        )
        rows = await _rows(info.context, statement, first)
        return _page([License.of(row) for row in rows], rows, first, "newest", "provisioned_at", "id")

    @guarded(IsAdmin)
    async def audit_log(self, info: Info, first: int = 50) -> Connection[AuditEvent] | None:
        statement = (
            select(models.AuditEvent)
            .where(models.AuditEvent.account_id == self.row.id)
            .order_by(col(models.AuditEvent.sequence).desc())
        )
        rows = await _rows(info.context, statement, first)
        return _page([AuditEvent.of(row) for row in rows], rows, first, "sequence", "sequence")


@strawberry.type
class Viewer:
    user: User

    @strawberry.field
    async def memberships(self, info: Info) -> list[Member]:
        return [Member.of(row) for row in info.context.memberships]


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info) -> Viewer | None:
        user = info.context.user
        return Viewer(user=User(name=user.name)) if user else None

    @guarded(SignedIn)
    async def account(self, info: Info) -> Account | None:
        if len(info.context.memberships) != 1:
            return None
        return Account.of(await info.context.accounts.load(info.context.memberships[0].account_id))


async def _rows(context: Context, statement: Any, first: int) -> Sequence[Any]:
    async with context.sessions() as session:
        rows: Sequence[Any] = (await session.exec(statement.limit(min(first, 100) + 1))).all()
    return rows


def _page(
    nodes: list[NodeType], rows: Sequence[SQLModel], first: int, order: str, *keys: str
) -> Connection[NodeType]:
    """A page, from one row more than it shows."""
    shown = rows[:first]
    cursor = _cursor([order, *(getattr(shown[-1], key) for key in keys)]) if shown else None
    return Connection(
        nodes=nodes[:first], page_info=PageInfo(has_next_page=len(rows) > first, end_cursor=cursor)
    )


def _cursor(values: list[Any]) -> str:
    plain = [value.hex if isinstance(value, UUID) else value for value in values]
    return urlsafe_b64encode(orjson.dumps(plain, option=orjson.OPT_UTC_Z)).decode().rstrip("=")
