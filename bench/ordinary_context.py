"""Request context of the ordinary server: viewer and DataLoaders."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import aliased
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession
from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

import models
from models.columns import now
from models.licenses import LicenseStatus
from models.members import Role

MemberKey = tuple[UUID, UUID]
"""An account and a member."""
Sessions = async_sessionmaker[AsyncSession]


@dataclass
class Context:
    sessions: Sessions
    user: models.User | None = None
    memberships: list[models.Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = DataLoader(self._by_id(models.Account))
        self.themes = DataLoader(self._by_id(models.Theme))
        self.members = DataLoader(self._load_members)
        self._activity: dict[int, DataLoader[MemberKey, list[models.AuditEvent]]] = {}

    def activity(self, most: int) -> DataLoader[MemberKey, list[models.AuditEvent]]:
        """Newest events of a member."""
        if most not in self._activity:
            self._activity[most] = DataLoader(lambda keys: self._load_activity(keys, most))
        return self._activity[most]

    def role_in(self, account_id: UUID) -> Role | None:
        return next((each.role for each in self.memberships if each.account_id == account_id), None)

    def is_member(self, account_id: UUID, member_id: UUID) -> bool:
        return any(each.account_id == account_id and each.id == member_id for each in self.memberships)

    def licenses_seen(self, account_id: UUID) -> list[Any]:
        """All licenses for an Admin; active ones for others."""
        if self.role_in(account_id) is Role.ADMIN:
            return []
        expires_at = col(models.License.expires_at)
        return [
            models.License.stored_status == LicenseStatus.ACTIVE,
            expires_at.is_(None) | (expires_at > now()),
        ]

    def _by_id(self, table: Any) -> Callable[[list[UUID]], Awaitable[Sequence[Any]]]:
        async def load(ids: list[UUID]) -> Sequence[Any]:
            async with self.sessions() as session:
                rows = (await session.exec(select(table).where(col(table.id).in_(ids)))).all()
            found = {row.id: row for row in rows}
            return [found.get(id) for id in ids]

        return load

    async def _load_members(self, keys: list[MemberKey]) -> list[Any]:
        key = tuple_(col(models.Member.account_id), col(models.Member.id))
        async with self.sessions() as session:
            rows = (await session.exec(select(models.Member).where(key.in_(keys)))).all()
        found = {(row.account_id, row.id): row for row in rows}
        return [found.get(each) for each in keys]

    async def _load_activity(self, keys: list[MemberKey], most: int) -> list[list[models.AuditEvent]]:
        """Loads the newest events of all members with one statement, by a window function."""
        event = models.AuditEvent
        place = (
            func.row_number()
            .over(
                partition_by=(col(event.account_id), col(event.actor_member_id)),
                order_by=col(event.sequence).desc(),
            )
            .label("place")
        )
        of_these = tuple_(col(event.account_id), col(event.actor_member_id)).in_(keys)
        placed = select(event, place).where(of_these).subquery()
        newest = aliased(event, placed)
        statement = select(newest).where(placed.c.place <= most).order_by(placed.c.sequence.desc())
        async with self.sessions() as session:
            rows = (await session.exec(statement)).all()
        found: dict[MemberKey, list[models.AuditEvent]] = {key: [] for key in keys}
        for row in rows:
            found[row.account_id, row.actor_member_id].append(row)  # type: ignore[index]
        return [found[key] for key in keys]


Info = StrawberryInfo[Context, None]


async def authenticate(sessions: Sessions, token: str) -> Context:
    """Looks up the viewer by one statement."""
    statement = (
        select(models.User, models.Member)
        .join(models.Session, col(models.Session.user_id) == col(models.User.id))
        .outerjoin(
            models.Member,
            (col(models.Member.user_id) == col(models.User.id)) & col(models.Member.removed_at).is_(None),
        )
        .where(
            models.Session.token_hash == sha256(token.encode()).digest(),
            col(models.Session.ended_at).is_(None),
            col(models.Session.expires_at) > func.now(),
        )
        .order_by(col(models.Member.id))
    )
    async with sessions() as session:
        rows = (await session.exec(statement)).all()
    user = rows[0][0] if rows else None
    return Context(sessions, user, [member for _, member in rows if member is not None])
