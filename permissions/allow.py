"""Permission classes: the rules that a field's `allow=` declares."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
from strawberry.permission import BasePermission
from strawberry.schema_directive import Location
from strawberry.types import Info

from permissions.context import Context
from permissions.errors import Forbidden, ReauthenticationRequired, Unauthenticated
from permissions.roles import Permission, roles_with
from permissions.viewer import (
    NOT_BY_API_KEY,
    NOT_FOR_ITSELF,
    WITHOUT_READ,
    Membership,
    Viewer,
    forbidden,
    unreadable,
)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="allow",
    description="Rule of a field, or of the fields of a type that have no rule of their own. `who` is"
    " `anyone`, `signed in` for authenticated callers, or the permission that the viewer needs in the"
    " object's account; `or one's own` adds the objects that belong to the viewer.",
)
class AllowDirective:
    who: str


class _Of(NamedTuple):
    """Object of which only the account is known."""

    account_id: UUID | None


class Allow(BasePermission):
    """Rule of a field. It decides by the viewer's role in the account of the field's object."""

    who: str
    requirement: str
    """The rule as the beginning of a sentence for descriptions, or empty where everybody is allowed."""
    error_code = "FORBIDDEN"
    own: str | None = None
    """Attribute of the object with the id of the member that it belongs to, for rules that depend on it."""

    def __init__(self) -> None:
        self._schema_directive = AllowDirective(who=self.who)  # type: ignore[misc]

    @abstractmethod
    def refusal(self, context: Context, source: object) -> Exception | None:
        """Returns why the viewer may not see the object, or None if it may. Raises
        `ReauthenticationRequired`."""

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        """Returns why the membership may not change the object `on`. The default is None: only rules about
        accounts refuse changes."""
        return None

    def is_open_with(self, seen: frozenset[Permission]) -> bool:
        """Whether these permissions of an API key without READ can meet the rule. The default is False."""
        return False

    def within(self, context: Context, account_id: UUID | None) -> Callable[[str], bool] | None:
        """Decides once for all objects of an account, or of the catalog. Returns None if the viewer may see
        all of them; if it depends on the member in `own`, returns a test of that member's id in hex digits.
        Raises the refusal if it may see none."""
        refusal = self.refusal(context, _Of(account_id))
        if refusal is not None:
            raise refusal
        return None

    def has_permission(self, source: object, info: Info[Context, None], **_arguments: object) -> bool:
        refusal = self.refusal(info.context, source)
        if refusal is not None:
            raise refusal
        return True


class Anyone(Allow):
    who = "anyone"
    requirement = ""

    def refusal(self, context: Context, source: object) -> Exception | None:
        return None

    def is_open_with(self, seen: frozenset[Permission]) -> bool:
        return True


class SignedIn(Allow):
    who = "signed in"
    requirement = "Requires authentication"
    error_code = "UNAUTHENTICATED"

    def refusal(self, context: Context, source: object) -> Exception | None:
        if context.viewer is None:
            return Unauthenticated()
        account_id: UUID | None = getattr(source, "account_id", None)
        if account_id is not None:
            context.membership(account_id)
        return None


class Has(Allow):
    """A permission in the object's account. For the catalog, which belongs to no account, the permission in
    any account."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self.who = permission.value
        self.requirement = f"Requires `{permission.value}`"
        super().__init__()

    def refusal(self, context: Context, source: object) -> Exception | None:
        viewer = context.viewer
        if viewer is None:
            return Unauthenticated()
        account_id: UUID | None = getattr(source, "account_id", None)
        if account_id is None:
            membership = viewer.any_membership_with(self.permission)
        else:
            membership = viewer.membership(account_id)
        if membership is not None and membership.may(self.permission):
            return None
        if account_id is None:
            self._require_accepted(viewer)
        return unreadable(membership, self.permission)

    def _require_accepted(self, viewer: Viewer) -> None:
        """Raises `ReauthenticationRequired` if another sign-in would give the permission."""
        for account_id, membership in viewer.memberships_after_sign_in.items():
            if membership.may(self.permission):
                raise ReauthenticationRequired(account_id)

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        """Returns why the membership may not change the object `on`, or None if it may. The member's row is
        locked."""
        return None if membership.may_change(self.permission) else forbidden(membership, self.permission)

    def is_open_with(self, seen: frozenset[Permission]) -> bool:
        return self.permission in seen


class Reads(Has):
    """A permission for a change that only hands out what the permission shows, such as a link to a file. So
    the scope READ of an API key opens it."""

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        return None if membership.may(self.permission) else unreadable(membership, self.permission)


class HasBySession(Has):
    """A permission for a change that no API key can make."""

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        if membership.scopes is not None and membership.role in roles_with(self.permission):
            return Forbidden(self.permission, NOT_BY_API_KEY)
        return super().refusal_of_change(membership, on)

    def is_open_with(self, seen: frozenset[Permission]) -> bool:
        return False


class HasForOthers(Has):
    """A permission for a change of a member. An API key cannot change its own member, whose role and limits
    are also the key's: a person changes them by itself."""

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        refusal = super().refusal_of_change(membership, on)
        is_own = membership.member_id == getattr(on, "id", None)
        if refusal is None and membership.scopes is not None and is_own:
            return Forbidden(self.permission, NOT_FOR_ITSELF, "which no API key can do to its own member")
        return refusal


class HasOrOwns(Has):
    """A permission, or the viewer is the member that the attribute `own` of the object names. `needs` is a
    permission that this member must have in that case."""

    def __init__(self, permission: Permission, own: str, needs: Permission | None = None) -> None:
        self.own, self._needs = own, needs
        super().__init__(permission)
        own_right = f"{needs.value} for one's own" if needs else "one's own"
        self.who = f"{permission.value} or {own_right}"
        own_rule = f"or `{needs.value}` for" if needs else "except for"
        self.requirement = f"Requires `{permission.value}`, {own_rule} the viewer's own"
        self._schema_directive = AllowDirective(who=self.who)  # type: ignore[misc]

    def refusal(self, context: Context, source: Any) -> Exception | None:
        membership = context.membership(source.account_id)
        if membership is None or membership.member_id != getattr(source, str(self.own)):
            return super().refusal(context, source)
        if not membership.reads and source.id not in context.created_ids:
            return None if membership.may(self.permission) else Forbidden(self.permission, WITHOUT_READ)
        if self._needs is None or membership.may(self._needs):
            return None
        return Forbidden(self._needs)

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        if membership.member_id != getattr(on, str(self.own), None):
            return super().refusal_of_change(membership, on)
        if self._needs is None:
            return None if membership.scopes is None else Forbidden(self.permission, NOT_BY_API_KEY)
        if membership.may_change(self._needs) or membership.may_change(self.permission):
            return None
        return forbidden(membership, self._needs)

    def is_open_with(self, seen: frozenset[Permission]) -> bool:
        return self.permission in seen or self._needs in seen

    def within(self, context: Context, account_id: UUID | None) -> Callable[[str], bool] | None:
        refused = super().refusal(context, _Of(account_id))
        membership = context.membership(account_id) if account_id else None
        own_digits = membership.member_id.hex if membership else None
        own_is_open = membership is not None and (
            membership.may(self._needs) if self._needs else membership.reads or refused is None
        )
        if refused is None and own_is_open:
            return None
        return lambda digits: own_is_open if digits == own_digits else refused is None


class Owns(HasOrOwns):
    """The viewer is the member that the attribute `own` of the object names, which no permission replaces.
    The error for others names the permission `instead`, and says in `advice` what it allows."""

    def __init__(self, own: str, instead: Permission, advice: str) -> None:
        super().__init__(instead, own)
        self._advice = advice
        self.who = "one's own"
        self.requirement = "Allowed for the viewer's own only"
        self._schema_directive = AllowDirective(who=self.who)  # type: ignore[misc]

    def refusal_of_change(self, membership: Membership, on: object) -> Forbidden | None:
        if membership.scopes is None and membership.member_id != getattr(on, str(self.own), None):
            return Forbidden(self.permission, self._advice, "which is for that member alone")
        return super().refusal_of_change(membership, on)


def rule(allow: Allow | Permission) -> Allow:
    return Has(allow) if isinstance(allow, Permission) else allow


ANYONE = Anyone()
SIGNED_IN = SignedIn()
