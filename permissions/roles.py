"""Permissions of each role and of each scope of API keys. Only these two tables compare them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from engine.enums import described_enum
from models.api_keys import ApiScope
from models.members import Role


@described_enum(
    "Permission that a role can include.",
    """
    BROWSE_CATALOG Browse the themes of the catalog.
    VIEW_ACTIVE_LICENSES See the account's licenses and entitlements, but not license keys.
    DOWNLOAD_REPORTS Download the report of active licenses. Other reports require a second permission.
    VIEW_TEAM See the members' names and roles, but not their email addresses.
    PROVISION_LICENSES Provision licenses within the account's entitlements and limits; manage one's own.
    DOWNLOAD_THEME_FILES Download the files of themes for which the account holds an active license.
    VIEW_OWN_ACTIVITY See the audit events of one's own actions.
    ACCESS_API Call the API with an API key of one's own.
    PURCHASE_LICENSES Purchase licenses, billed to the owner.
    REVOKE_LICENSES Revoke, suspend, reinstate and transfer licenses; manage those of other members.
    MANAGE_BILLING See and change billing details, and see invoices.
    INVITE_MEMBERS Invite people, list, resend and revoke invitations, and see members' email addresses.
    REMOVE_MEMBERS Remove members from the account.
    ASSIGN_ROLES Change the roles of members, and set their limits and the end of their access.
    GENERATE_API_KEYS Generate API keys for any member, and see and revoke all API keys.
    VIEW_AUDIT_LOG See and export the whole audit log.
    MANAGE_ACCOUNT Rename the account, set its limits and security policy, and manage its audit streams.
    """,
)
class Permission(StrEnum):
    BROWSE_CATALOG = "BROWSE_CATALOG"
    VIEW_ACTIVE_LICENSES = "VIEW_ACTIVE_LICENSES"
    DOWNLOAD_REPORTS = "DOWNLOAD_REPORTS"
    VIEW_TEAM = "VIEW_TEAM"
    PROVISION_LICENSES = "PROVISION_LICENSES"
    DOWNLOAD_THEME_FILES = "DOWNLOAD_THEME_FILES"
    VIEW_OWN_ACTIVITY = "VIEW_OWN_ACTIVITY"
    ACCESS_API = "ACCESS_API"
    PURCHASE_LICENSES = "PURCHASE_LICENSES"
    REVOKE_LICENSES = "REVOKE_LICENSES"
    MANAGE_BILLING = "MANAGE_BILLING"
    INVITE_MEMBERS = "INVITE_MEMBERS"
    REMOVE_MEMBERS = "REMOVE_MEMBERS"
    ASSIGN_ROLES = "ASSIGN_ROLES"
    GENERATE_API_KEYS = "GENERATE_API_KEYS"
    VIEW_AUDIT_LOG = "VIEW_AUDIT_LOG"
    MANAGE_ACCOUNT = "MANAGE_ACCOUNT"


_VIEWER = frozenset(
    {
        Permission.BROWSE_CATALOG,
        Permission.VIEW_ACTIVE_LICENSES,
        Permission.DOWNLOAD_REPORTS,
        Permission.VIEW_TEAM,
    }
)
_MEMBER = _VIEWER | {
    Permission.PROVISION_LICENSES,
    Permission.DOWNLOAD_THEME_FILES,
    Permission.VIEW_OWN_ACTIVITY,
    Permission.ACCESS_API,
}
ROLE_PERMISSIONS = {Role.VIEWER: _VIEWER, Role.MEMBER: _MEMBER, Role.ADMIN: frozenset(Permission)}


class ScopeRights(NamedTuple):
    """Rights of an API key with a scope, of those that its member has."""

    carries: frozenset[Permission]
    """Permissions with which the key makes changes. They are listed as the key's permissions."""
    sees: frozenset[Permission] = frozenset()
    """Further permissions with which the key reads, because the changes of the scope are about what they
    show. The scope READ needs none: a key with it reads what its member can read."""


_CATALOG, _LICENSES, _TEAM = Permission.BROWSE_CATALOG, Permission.VIEW_ACTIVE_LICENSES, Permission.VIEW_TEAM
SCOPES: Mapping[ApiScope, ScopeRights] = {
    ApiScope.READ: ScopeRights(_VIEWER | {Permission.VIEW_OWN_ACTIVITY, Permission.VIEW_AUDIT_LOG}),
    ApiScope.PROVISION: ScopeRights(
        frozenset({Permission.PROVISION_LICENSES, Permission.DOWNLOAD_THEME_FILES}),
        frozenset({_CATALOG, _LICENSES}),
    ),
    ApiScope.LICENSES: ScopeRights(
        frozenset({Permission.REVOKE_LICENSES}), frozenset({_CATALOG, _LICENSES, _TEAM})
    ),
    ApiScope.TEAM: ScopeRights(
        frozenset({Permission.INVITE_MEMBERS, Permission.REMOVE_MEMBERS, Permission.ASSIGN_ROLES}),
        frozenset({_CATALOG, _TEAM}),
    ),
    ApiScope.BILLING: ScopeRights(
        frozenset({Permission.PURCHASE_LICENSES, Permission.MANAGE_BILLING}), frozenset({_CATALOG, _LICENSES})
    ),
    ApiScope.ACCOUNT: ScopeRights(frozenset({Permission.MANAGE_ACCOUNT}), frozenset({_CATALOG, _TEAM})),
}
"""Table of scopes. No scope carries GENERATE_API_KEYS. Every key carries ACCESS_API."""


def permissions_of(role: Role) -> list[Permission]:
    """Permissions of a role in the order of their declaration, in which clients see them."""
    return [permission for permission in Permission if permission in ROLE_PERMISSIONS[role]]


def roles_with(permission: Permission) -> list[Role]:
    return [role for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]


def has_api_access(role: Role) -> bool:
    """Whether the API keys of members with this role work."""
    return Permission.ACCESS_API in ROLE_PERMISSIONS[role]


def has_member_limits(role: Role) -> bool:
    """Whether the limits of members with this role apply. They do not to those who set them."""
    return Permission.ASSIGN_ROLES not in ROLE_PERMISSIONS[role]


def permissions_within(role: Role, scopes: Iterable[ApiScope]) -> list[Permission]:
    """Permissions of an API key that works, by its member's role and its scopes."""
    carried = carried_by(tuple(scopes)) | {Permission.ACCESS_API}
    return [permission for permission in permissions_of(role) if permission in carried]


def scopes_in_effect(role: Role, scopes: Iterable[str]) -> tuple[list[ApiScope], list[ApiScope]]:
    """Scopes of which the role allows something now, and the other ones."""
    named = [scope for scope in ApiScope if scope in set(scopes)]
    now = [scope for scope in named if SCOPES[scope].carries & ROLE_PERMISSIONS[role]]
    return now, [scope for scope in named if scope not in now]


@cache
def carried_by(scopes: tuple[ApiScope, ...]) -> frozenset[Permission]:
    """Permissions with which a key makes changes, if its member has them."""
    return frozenset[Permission]().union(*(SCOPES[scope].carries for scope in scopes))


@cache
def seen_by(scopes: tuple[ApiScope, ...]) -> frozenset[Permission]:
    """Permissions with which a key reads, if its member has them."""
    if ApiScope.READ in scopes:
        return frozenset(Permission)
    return carried_by(scopes).union(*(SCOPES[scope].sees for scope in scopes))


def scopes_with(permission: Permission) -> list[ApiScope]:
    """Scopes that carry a permission."""
    return [scope for scope, rights in SCOPES.items() if permission in rights.carries]


def scopes_that_see(permission: Permission) -> list[ApiScope]:
    """Scopes with which a key reads what needs the permission."""
    return [scope for scope in SCOPES if permission in seen_by((scope,))]
