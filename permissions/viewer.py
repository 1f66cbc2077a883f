"""The viewer of a request: credential, person and memberships, as read by this request."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record
from sqlalchemy import func
from sqlmodel import SQLModel, col

from engine.fair_queue import Requester
from engine.snapshots import attributes, snapshot
from engine.tables import AnyExpression
from models.accounts import Account
from models.api_keys import ApiKey, ApiScope
from models.audit import CredentialKind
from models.columns import now
from models.members import Member, Role, User
from models.sessions import Session
from permissions.errors import Forbidden, ReauthenticationRequired
from permissions.roles import (
    ROLE_PERMISSIONS,
    Permission,
    carried_by,
    permissions_of,
    permissions_within,
    scopes_that_see,
    scopes_with,
    seen_by,
)

WITHOUT_READ = "This API key lacks the scope READ: it can read only what its own change has just created."
NOT_FOR_ITSELF = (
    "An API key cannot change the role, the limits or the membership of its own member: sign in to do it, or"
    " use the key of another Admin."
)
NOT_BY_API_KEY = "API keys cannot do this, whatever their member may do: sign in to do it."

_ROLES = {role.value: role for role in Role}
Scopes = tuple[ApiScope, ...] | None
"""Scopes of an API key; None for a session, which has no scopes."""


class Layout:
    """Positions of columns in the records that the lookup of one kind of credential returns. The credential's
    columns come first, and its id first of all."""

    def __init__(self, credential: Sequence[AnyExpression], last_used_at: int) -> None:
        tables: tuple[type[SQLModel], ...] = (User, Member, Account)
        self.columns: list[AnyExpression] = [
            *credential,
            *(getattr(table, name) for table in tables for name in attributes(table)),
        ]
        lengths = (len(credential), *(len(attributes(table)) for table in tables))
        ends = accumulate(lengths, initial=0)
        self.credential, self.user, self.member, self.account = (slice(*each) for each in pairwise(ends))
        self.last_used_at = last_used_at
        self.account_id, self.member_id, self.role, self.valid_from, self.access_until = (
            self.member.start + attributes(Member).index(name)
            for name in ("account_id", "id", "role", "sessions_valid_from", "access_until")
        )
        self.max_age = self.account.start + attributes(Account).index("max_session_age_seconds")


class UsedKey(NamedTuple):
    """Columns of the API key that a request came with."""

    id: UUID
    name: str
    status: str
    scopes: str
    """Comma-separated."""
    allowed_networks: str
    """Comma-separated. Empty for any network."""
    last_used_at: datetime | None


BY_SESSION = Layout(
    [getattr(Session, name) for name in attributes(Session)], attributes(Session).index("last_used_at")
)
BY_API_KEY = Layout(
    [
        col(ApiKey.id),
        col(ApiKey.name),
        ApiKey.status_now(),
        func.array_to_string(col(ApiKey.scopes), ","),
        func.array_to_string(col(ApiKey.allowed_networks), ","),
        col(ApiKey.last_used_at),
    ],
    UsedKey._fields.index("last_used_at"),
)


class Client(NamedTuple):
    """Network client of a request."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class Membership(NamedTuple):
    account_id: UUID
    member_id: UUID
    role: Role
    scopes: Scopes = None

    @property
    def permissions(self) -> list[Permission]:
        return (
            permissions_of(self.role) if self.scopes is None else permissions_within(self.role, self.scopes)
        )

    @property
    def reads(self) -> bool:
        """Whether it may read all that its member can read. An API key without READ reads what its changes
        are about, and the rows that its request has created."""
        return self.scopes is None or ApiScope.READ in self.scopes

    def may(self, permission: Permission) -> bool:
        """Whether it may read what needs the permission."""
        if permission not in ROLE_PERMISSIONS[self.role]:
            return False
        return self.scopes is None or permission in seen_by(self.scopes)

    def may_change(self, permission: Permission) -> bool:
        """Whether it may make a change that needs the permission."""
        if permission not in ROLE_PERMISSIONS[self.role]:
            return False
        return self.scopes is None or permission in carried_by(self.scopes)


def forbidden(membership: Membership, permission: Permission) -> Forbidden:
    """Error of a change that says whether the role lacks the permission or the API key lacks a scope."""
    if membership.scopes is None or permission not in ROLE_PERMISSIONS[membership.role]:
        return Forbidden(permission)
    scopes = scopes_with(permission)
    if scopes:
        return Forbidden(permission, f"This API key cannot do this: it needs the scope {scopes[0].value}.")
    return Forbidden(permission, NOT_BY_API_KEY)


def unreadable(membership: Membership | None, permission: Permission) -> Forbidden:
    """Error of a read that says whether the role lacks the permission or the API key lacks a scope."""
    if membership is None or membership.scopes is None or permission not in ROLE_PERMISSIONS[membership.role]:
        return Forbidden(permission)
    scopes = " or ".join(scope.value for scope in scopes_that_see(permission))
    return Forbidden(permission, f"This API key cannot read this: it needs the scope {scopes}.")


class Credential(NamedTuple):
    kind: CredentialKind
    id: UUID
    label: str
    """Name in the audit log. Never the secret."""

    @classmethod
    def of_session(cls, session: Session) -> "Credential":
        return cls(CredentialKind.SESSION, session.id, session.user_agent or "Session")


@cache
def scopes_of(text: str) -> tuple[ApiScope, ...]:
    return tuple(ApiScope(each) for each in text.split(","))


class Viewer:
    """Built from the records of the lookup, one per membership. Objects are created from them when they are
    needed. An API key has only the membership that it belongs to."""

    def __init__(self, records: Sequence[Record], layout: Layout) -> None:
        self._records, self._layout = records, layout
        role = layout.role
        self._memberships = [record for record in records if record[role] is not None]
        scopes = self.scopes = self._scopes()
        self.memberships: dict[UUID, Membership] = {}
        """Memberships in accounts that accept the credential, by the account's id."""
        self.memberships_after_sign_in: dict[UUID, Membership] = {}
        """Memberships in accounts that no longer accept the session, by the account's id."""
        for record in self._memberships:
            id = record[layout.account_id]
            membership = Membership(id, record[layout.member_id], _ROLES[record[role]], scopes)
            if self._is_accepted(record[layout.valid_from], record[layout.max_age]):
                self.memberships[id] = membership
            else:
                self.memberships_after_sign_in[id] = membership

    def _scopes(self) -> Scopes:
        return scopes_of(self.api_key.scopes) if self.is_api_key else None

    def _is_accepted(self, valid_from: datetime | None, max_age_seconds: int | None) -> bool:
        if (valid_from is None and max_age_seconds is None) or self.is_api_key:
            return True
        until = Session.accepted_until(self.session.created_at, valid_from, max_age_seconds)
        return until is None or now() < until

    def require_accepted(self, member: Member, account: Account) -> None:
        """Raises `ReauthenticationRequired` if the account, as these rows of it say, no longer accepts the
        session."""
        if not self._is_accepted(member.sessions_valid_from, account.max_session_age_seconds):
            raise ReauthenticationRequired(account.id)

    def require_accepted_everywhere(self) -> None:
        """Raises `ReauthenticationRequired` for the first account that no longer accepts the session."""
        for account_id in self.memberships_after_sign_in:
            raise ReauthenticationRequired(account_id)

    def accepted_until(self, account_id: UUID) -> datetime | None:
        """Returns when the account will no longer accept the session; None if there is no such time."""
        layout = self._layout
        for record in self._memberships:
            if record[layout.account_id] == account_id and not self.is_api_key:
                rules = record[layout.valid_from], record[layout.max_age]
                return Session.accepted_until(self.session.created_at, *rules)
        return None

    def access_ends_at(self, account_id: UUID) -> datetime | None:
        """Returns when the credential will no longer give access to the account, by the end of the membership
        or the account's rules; None if there is no such time."""
        ends = [
            self.accepted_until(account_id),
            *(
                record[self._layout.access_until]
                for record in self._memberships
                if record[self._layout.account_id] == account_id
            ),
        ]
        return min((each for each in ends if each is not None), default=None)

    @property
    def is_api_key(self) -> bool:
        return self._layout is BY_API_KEY

    @property
    def reads(self) -> bool:
        """Whether it may read all that its person or member can read: not an API key without READ."""
        return self.scopes is None or ApiScope.READ in self.scopes

    @property
    def credential_id(self) -> UUID:
        id: UUID = self._records[0][0]
        return id

    @property
    def last_used_at(self) -> datetime | None:
        at: datetime | None = self._records[0][self._layout.last_used_at]
        return at

    @property
    def requester(self) -> Requester:
        """The account and person in whose turn requests with this credential wait."""
        person_id = self._records[0][self._layout.user.start]
        if len(self._records) > 1:
            return Requester(person_id, person_id)
        return Requester(self._records[0][self._layout.account_id] or person_id, person_id)

    @cached_property
    def session(self) -> Session:
        return snapshot(Session, self._records[0][self._layout.credential])

    @cached_property
    def api_key(self) -> UsedKey:
        return UsedKey(*self._records[0][self._layout.credential])

    @property
    def key_member(self) -> Member:
        """Member that the API key belongs to, even if it was removed."""
        return snapshot(Member, self._records[0][self._layout.member])

    @property
    def user(self) -> User:
        return snapshot(User, self._records[0][self._layout.user])

    @property
    def members(self) -> list[Member]:
        """The viewer's memberships as members, oldest first, also in accounts that no longer accept the
        session."""
        return [snapshot(Member, record[self._layout.member]) for record in self._memberships]

    def own_row(self, id: UUID) -> Member | Account | None:
        """Returns the viewer's own member or account with this id from the lookup's records, or None."""
        for record in self._memberships:
            if record[self._layout.account_id] == id:
                return snapshot(Account, record[self._layout.account])
            if record[self._layout.member_id] == id:
                return snapshot(Member, record[self._layout.member])
        return None

    @property
    def credential(self) -> Credential:
        if self.is_api_key:
            return Credential(CredentialKind.API_KEY, self.api_key.id, self.api_key.name)
        return Credential.of_session(self.session)

    @property
    def account_ids(self) -> list[UUID]:
        """Accounts of the viewer, also those that no longer accept the session."""
        return [*self.memberships, *self.memberships_after_sign_in]

    def membership(self, account_id: UUID) -> Membership | None:
        """Raises `ReauthenticationRequired` if the account no longer accepts the session."""
        if account_id in self.memberships_after_sign_in:
            raise ReauthenticationRequired(account_id)
        return self.memberships.get(account_id)

    def own_membership(self, account_id: UUID) -> Membership | None:
        """The membership, also in an account that no longer accepts the session: it shows that there is one,
        and gives access to nothing else."""
        return self.memberships.get(account_id) or self.memberships_after_sign_in.get(account_id)

    def any_membership_with(self, permission: Permission) -> Membership | None:
        """A membership that may read what needs the permission; if there is none, any membership."""
        memberships = self.memberships.values()
        return next((each for each in memberships if each.may(permission)), next(iter(memberships), None))

    def is_member(self, account_id: UUID, member_id: UUID) -> bool:
        membership = self.own_membership(account_id)
        return membership is not None and membership.member_id == member_id
