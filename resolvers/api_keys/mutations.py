"""Generates, rotates and revokes API keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from engine.snapshots import new_row
from engine.statements import Statement, parameter
from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus, ApiScope
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from permissions.roles import has_api_access
from permissions.tokens import API_KEY_PREFIX, new_api_key, new_token, shown_prefix
from resolvers.accounts.queries import account_id_of
from resolvers.api_keys.emails import (
    claim_message,
    count_claim_email,
    email_about_own_key,
    generated_message,
    revoked_message,
    rotated_message,
)
from resolvers.api_keys.inputs import GenerateApiKeyInput, RevokeApiKeyInput, RotateApiKeyInput
from resolvers.api_keys.jobs import EXPIRY_NOTICE_PERIOD, tell_of_expiration
from resolvers.api_keys.networks import clean_networks
from resolvers.change import Change, change
from resolvers.licenses.mutations import present_member
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.text import clean_line
from resolvers.user_errors import UserErrorCode, UserErrors, invalid, not_found, user_error

MOST_KEYS = 100
"""Maximum number of a member's keys that are active or unclaimed."""
LONGEST_LIFE = timedelta(days=3_653)
LONGEST_OVERLAP_SECONDS = 7 * 86_400


@mutation_result
class GenerateApiKeyResult:
    """Payload of `generateApiKey`: the API key and, once, its secret."""

    api_key: ApiKey = shown("API key that was generated.")
    secret: str | None = shown(
        "Secret of the key, `ta_` and 49 characters. It is shown once. Null for another"
        " member's key and for a repeated request.",
        default=None,
    )


async def generate_api_key(context: Context, input: GenerateApiKeyInput) -> GenerateApiKeyResult:
    """Returns the secret if the key is the viewer's own. Another member claims its key, so that nobody else
    holds the secret."""
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.API_KEY_GENERATED, key=input.idempotency_key) as tx:
        if tx.earlier_answer:
            return GenerateApiKeyResult(api_key=await tx.get(ApiKey, UUID(tx.earlier_answer)))
        key, secret = await _generate(tx, context, input)
        tx.remember(str(key.id))
    return GenerateApiKeyResult(api_key=key, secret=secret)


async def _generate(tx: Change, context: Context, input: GenerateApiKeyInput) -> tuple[ApiKey, str | None]:
    expires_at = _expiry(input.expires_at, tx.account)
    values: dict[str, object] = {
        "name": clean_line(input.name, "A name", "name"),
        "scopes": _scopes(input.scopes),
        "expires_at": expires_at,
        "allowed_networks": clean_networks(input.allowed_networks or []),
    }
    member = await _member(tx, input.member_id)
    await _refuse_too_many(tx, member)
    values |= {"account_id": tx.account.id, "member_id": member.id, "created_by_id": tx.acting.id}
    secret = token = None
    if member.id == tx.acting.id:
        secret, key_hash = new_api_key()
        values |= {"prefix": shown_prefix(secret), "key_hash": key_hash, "claimed_at": now()}
    else:
        await count_claim_email(tx, context.settings, member)
        token, claim_hash = new_token()
        claimable = timedelta(seconds=context.settings.api_key_claim_lifetime_seconds)
        values |= {"prefix": API_KEY_PREFIX, "claim_hash": claim_hash, "claim_expires_at": now() + claimable}
    key = new_row(ApiKey, **values, expiry_notified_at=_expiry_notified_at(expires_at))
    await tx.insert(key)
    await _tell_of_generation(tx, context, key, member, token)
    return key, secret


async def _tell_of_generation(
    tx: Change, context: Context, key: ApiKey, member: Member, token: str | None
) -> None:
    if token is None:
        message = generated_message(context.settings, tx.account, key, member)
        await email_about_own_key(tx, context.settings, message)
    else:
        tx.enqueue(claim_message(context.settings, tx.account, key, member, token, by=tx.acting))
    tx.record(
        key,
        key.name,
        f"generated the API key {key.name}" + (f" for {member.name}" if token else ""),
        member=PersonName(member),
        scopes=key.scopes,
        allowed_networks=key.allowed_networks,
        expires_at=key.expires_at and key.expires_at.isoformat(),
        prefix=key.prefix,
    )


def _scopes(scopes: Sequence[ApiScope] | None) -> list[str]:
    """The scopes in the order of their declaration, without duplicates."""
    if scopes is not None and not scopes:
        raise invalid(
            "An API key must have a scope: name at least one, or omit `scopes` for all of them.", "scopes"
        )
    return [scope.value for scope in ApiScope if scopes is None or scope in scopes]


def _expiry(expires_at: datetime | None, account: Account) -> datetime | None:
    """Without a time, the latest one that the account's policy allows. Raises `UserErrors`."""
    days = account.api_key_max_lifetime_days
    latest = now() + (LONGEST_LIFE if days is None else timedelta(days=days))
    if expires_at is None:
        return None if days is None else latest
    if not now() < expires_at <= latest:
        within = "ten years, or not at all" if days is None else f"{days:,} days, as the account requires"
        raise invalid(f"An API key must expire in the future and within {within}.", "expiresAt")
    return expires_at


def _expiry_notified_at(expires_at: datetime | None) -> datetime | None:
    """Time at which the member was told that the key expires soon: now, if its first email says so."""
    is_soon = expires_at is not None and expires_at <= now() + EXPIRY_NOTICE_PERIOD
    return now() if is_soon else None


async def _member(tx: Change, global_id: str | None) -> Member:
    """The member for whom the key is. Raises `UserErrors` if it was removed or its role has no API access."""
    member = tx.acting if global_id is None else await present_member(tx, global_id, "memberId")
    if not has_api_access(member.role):
        raise user_error(
            UserErrorCode.ROLE_WITHOUT_API_ACCESS,
            f"{member.name} is a {member.role.value.title()}, and that role has no API access:"
            " assign the role Member first.",
            "memberId",
        )
    return member


_COUNT = Statement(
    lambda: select(func.count()).where(
        col(ApiKey.account_id) == parameter("account_id"),
        col(ApiKey.member_id) == parameter("member_id"),
        ApiKey.works_or_may_yet(),
    )
)


async def _refuse_too_many(tx: Change, member: Member) -> None:
    found = await tx.fetch(_COUNT, account_id=tx.account.id, member_id=member.id)
    if found[0][0] >= MOST_KEYS:
        raise invalid(f"{member.name} has {MOST_KEYS} API keys, the maximum: revoke one first.", "memberId")


@mutation_result
class RotateApiKeyResult:
    """Payload of `rotateApiKey`: the API key and, once, its new secret."""

    api_key: ApiKey = shown("API key with its new prefix.")
    secret: str | None = shown(
        "New secret of the key, `ta_` and 49 characters. It is shown once.", default=None
    )


async def rotate_api_key(context: Context, input: RotateApiKeyInput) -> RotateApiKeyResult:
    """The field's `allow=` admits only the key's own member, because nobody else may hold the secret."""
    found = await find_key(context, input.api_key_id)
    async with change(context, found.account_id, AuditAction.API_KEY_ROTATED, on=found) as tx:
        overlap_seconds = _overlap(input.overlap_seconds)
        key = await _current(tx, found)
        if key.status is not ApiKeyStatus.ACTIVE:
            raise not_active(key)
        secret, key_hash = new_api_key()
        prefix = key.prefix
        key = await tx.update(
            key,
            previous_key_hash=key.key_hash if overlap_seconds else None,
            previous_expires_at=now() + timedelta(seconds=overlap_seconds) if overlap_seconds else None,
            key_hash=key_hash,
            prefix=shown_prefix(secret),
        )
        message = rotated_message(context.settings, tx.account, key, tx.acting)
        await email_about_own_key(tx, context.settings, message)
        did = f"rotated the API key {key.name}"
        tx.record(key, key.name, did, prefix=[prefix, key.prefix], overlap_seconds=overlap_seconds)
        await tx.access_changed(key.id)
    return RotateApiKeyResult(api_key=key, secret=secret)


def _overlap(seconds: int | None) -> int:
    seconds = seconds or 0
    if not 0 <= seconds <= LONGEST_OVERLAP_SECONDS:
        raise invalid(
            f"The overlap must be 0 to {LONGEST_OVERLAP_SECONDS} seconds (7 days).", "overlapSeconds"
        )
    return seconds


@mutation_result
class RevokeApiKeyResult:
    """Payload of `revokeApiKey`: the API key that was revoked."""

    api_key: ApiKey = shown("API key that was revoked.")


async def revoke_api_key(context: Context, input: RevokeApiKeyInput) -> RevokeApiKeyResult:
    """Revokes a key. Repeating it succeeds without a second event."""
    found = await find_key(context, input.api_key_id)
    async with change(context, found.account_id, AuditAction.API_KEY_REVOKED, on=found) as tx:
        key = await _current(tx, found)
        if key.status is ApiKeyStatus.REVOKED:
            tx.without_event()
        else:
            key = await _revoke(tx, context, key)
    return RevokeApiKeyResult(api_key=key)


async def _revoke(tx: Change, context: Context, key: ApiKey) -> ApiKey:
    member = await tx.get(Member, key.member_id)
    status, expired_at = key.status, key.expired_at
    if status is ApiKeyStatus.EXPIRED and expired_at is None:  # The job has not marked it yet.
        tell_of_expiration(tx, key, member)
        expired_at = now()
    key = await tx.update(key, expired_at=expired_at, revoked_by_id=tx.acting.id, revoked_at=now())
    is_own = member.id == tx.acting.id
    if not is_own and not member.has_ended:
        tx.enqueue(revoked_message(context.settings, tx.account, key, member, by=tx.acting))
    tx.record(
        key,
        key.name,
        f"revoked the API key {key.name}" + ("" if is_own else f" of {member.name}"),
        status=[status.value, ApiKeyStatus.REVOKED.value],
        member=PersonName(member),
        prefix=key.prefix,
    )
    await tx.access_changed(key.id)
    return key


async def find_key(context: Context, global_id: str) -> ApiKey:
    found = await find(context, ApiKey, global_id)
    if found is None:
        raise not_found("API key", "apiKeyId")
    return found


async def _current(tx: Change, found: ApiKey) -> ApiKey:
    """The key, read under the account's lock."""
    return await tx.get(ApiKey, found.id)


def not_active(key: ApiKey) -> UserErrors:
    why = {
        ApiKeyStatus.UNCLAIMED: "has not been claimed yet: its member receives a secret by claiming it",
        ApiKeyStatus.EXPIRED: "has expired: ask an Admin for a new one",
        ApiKeyStatus.REVOKED: "was revoked: ask an Admin for a new one",
    }[key.status]
    return user_error(UserErrorCode.NOT_ACTIVE, f"This API key {why}.", "apiKeyId")
