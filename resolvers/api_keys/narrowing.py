"""Renames API keys, narrows what they may do, and sets the networks that they are accepted from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from strawberry import UNSET

from models.api_keys import ApiKey, ApiKeyStatus, ApiScope
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from permissions.roles import ROLE_PERMISSIONS, Permission
from resolvers.api_keys.inputs import UpdateApiKeyInput
from resolvers.api_keys.mutations import LONGEST_LIFE, find_key, not_active
from resolvers.api_keys.networks import are_within, clean_networks
from resolvers.change import Change, change
from resolvers.results import mutation_result, shown
from resolvers.text import clean_line
from resolvers.user_errors import invalid

Value = TypeVar("Value")
_CHANGEABLE = (ApiKeyStatus.ACTIVE, ApiKeyStatus.UNCLAIMED)


@mutation_result
class UpdateApiKeyResult:
    """Payload of `updateApiKey`: the API key as it is now."""

    api_key: ApiKey = shown("API key as it is now.")


async def update_api_key(context: Context, input: UpdateApiKeyInput) -> UpdateApiKeyResult:
    found = await find_key(context, input.api_key_id)
    async with change(context, found.account_id, AuditAction.API_KEY_UPDATED, on=found) as tx:
        key = await tx.get(ApiKey, found.id)
        if key.status not in _CHANGEABLE:
            raise not_active(key)
        values = _values(tx.acting, key, input)
        key = await record_update(tx, key, values, await tx.get(Member, key.member_id))
    return UpdateApiKeyResult(api_key=key)


async def record_update(tx: Change, key: ApiKey, values: Mapping[str, object], member: Member) -> ApiKey:
    """Stores the values that differ, with an event. A key that now ends earlier is announced anew."""
    changed = {name: value for name, value in values.items() if value != getattr(key, name)}
    if not changed:
        tx.without_event()
        return key
    before = key
    announced = {"expiry_notified_at": None} if "expires_at" in changed else {}
    key = await tx.update(key, **changed, **announced)
    tell_of_update(tx, before, key, list(changed), member)
    await tx.access_changed(key.id)
    return key


def tell_of_update(tx: Change, before: ApiKey, key: ApiKey, names: Sequence[str], member: Member) -> None:
    """Adds the event of a key whose columns with these names have changed."""
    details: dict[str, object] = {
        name: [_shown(getattr(before, name)), _shown(getattr(key, name))] for name in names
    }
    of_member = "" if tx.member is not None and tx.member.id == member.id else f" of {member.name}"
    did = f"changed the API key {key.name}{of_member}"
    named = {"member": PersonName(member), "prefix": key.prefix}
    tx.record(key, key.name, did, {**details, **named}, action=AuditAction.API_KEY_UPDATED)


def _shown(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _values(by: Member, key: ApiKey, input: UpdateApiKeyInput) -> dict[str, object]:
    """The values that the input sets. Raises `UserErrors` where one would widen the key."""
    values: dict[str, object] = {}
    if input.name is not UNSET:
        values["name"] = clean_line(_set(input.name, "name"), "A name", "name")
    if input.scopes is not UNSET:
        values["scopes"] = _fewer_scopes(key, _set(input.scopes, "scopes"))
    if input.expires_at is not UNSET:
        values["expires_at"] = _earlier_expiry(key, _set(input.expires_at, "expiresAt"))
    if input.allowed_networks is not UNSET:
        values["allowed_networks"] = _networks(by, key, _set(input.allowed_networks, "allowedNetworks"))
    return values


def _set(value: Value | None, path: str) -> Value:
    """Raises `UserErrors` for null, which could be read as no change and as no limit."""
    if value is None:
        raise invalid(f"`{path}` must not be null: omit it to leave it as it is.", path)
    return value


def _networks(by: Member, key: ApiKey, texts: list[str]) -> list[str]:
    """The networks that the input sets. Raises `UserErrors` where a member who may not generate keys would
    widen those of its key."""
    networks = clean_networks(texts)
    may_widen = Permission.GENERATE_API_KEYS in ROLE_PERMISSIONS[by.role]
    if not may_widen and not are_within(networks, key.allowed_networks):
        some = ", ".join(key.allowed_networks[:3]) + (" and others" if len(key.allowed_networks) > 3 else "")
        message = f"The networks of your key can only be narrowed: name some within {some}, or ask an Admin."
        raise invalid(message, "allowedNetworks")
    return networks


def _fewer_scopes(key: ApiKey, scopes: list[ApiScope]) -> list[str]:
    current = ", ".join(key.scopes)
    if not scopes:
        raise invalid(f"An API key must keep a scope: name some of {current}, or revoke the key.", "scopes")
    if not set(scopes) <= set(key.scopes):
        message = f"Scopes can only be taken away: name some of {current}, or generate another key."
        raise invalid(message, "scopes")
    return [scope.value for scope in ApiScope if scope in scopes]


def _earlier_expiry(key: ApiKey, expires_at: datetime) -> datetime:
    latest = key.expires_at or now() + LONGEST_LIFE
    if expires_at == key.expires_at:
        return expires_at
    if expires_at <= now():
        raise invalid("An API key must expire in the future: revoke it to end it now.", "expiresAt")
    if expires_at > latest:
        message = f"An API key can only expire earlier: at {latest.isoformat()} at the latest."
        raise invalid(message, "expiresAt")
    return expires_at
