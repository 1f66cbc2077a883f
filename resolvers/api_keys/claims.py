"""Claim of an API key by the member for whom it was generated, through the emailed link."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from engine.snapshots import attributes, columns, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus
from models.audit import ActorKind, CredentialKind
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member
from permissions.context import Context
from permissions.roles import has_api_access
from permissions.tokens import hash_token, new_api_key, shown_prefix
from permissions.viewer import Credential
from resolvers.api_keys.inputs import ClaimApiKeyInput
from resolvers.change import Change, system_change
from resolvers.events import Actor
from resolvers.results import mutation_result, shown
from resolvers.text import mask_email
from resolvers.user_errors import UserErrorCode, UserErrors, WrongEmail, user_error


@dataclass(frozen=True)
class ClaimPreview:
    """Content of the claim page, before and after the claim."""

    key: ApiKey
    member: Member
    account_name: str
    created_by_name: str

    @property
    def masked_email(self) -> str:
        return mask_email(self.member.email)

    def is_somebody_else(self, context: Context) -> bool:
        """Whether the person who is signed in is not the key's member."""
        return context.viewer is not None and context.viewer.user.id != self.member.user_id


async def preview(context: Context, token: str) -> ClaimPreview | None:
    found = await context.database.fetch(_OPENED.sql, hash_token(token))
    if not found:
        return None
    *values, account_name, created_by_name = found[0]
    of_key = len(attributes(ApiKey))
    key, member = snapshot(ApiKey, values[:of_key]), snapshot(Member, values[of_key:])
    return ClaimPreview(key, member, account_name, created_by_name)


def _select_opened() -> AnySelect:
    creator = aliased(Member)
    return (
        select(*columns(ApiKey, Member), col(Account.name), col(creator.name))
        .select_from(ApiKey)
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .join(Member, _is_member(Member, "member_id"))
        .join(creator, _is_member(creator, "created_by_id"))
        .where(col(ApiKey.claim_hash) == parameter("claim_hash"))
    )


def _is_member(member: type[Member], column: str) -> ColumnElement[bool]:
    return and_(col(member.account_id) == col(ApiKey.account_id), col(member.id) == getattr(ApiKey, column))


_OPENED = Statement(
    _select_opened, across_accounts="a link is looked up by its hash, and says of which account it is"
)


@mutation_result
class ClaimApiKeyResult:
    """Payload of `claimApiKey`: the API key and, once, its secret."""

    api_key: ApiKey = shown("API key that was claimed.")
    secret: str | None = shown(
        "Secret of the key, `ta_` and 49 characters. It is shown once. Null when the key was claimed before.",
        default=None,
    )


async def claim_api_key(context: Context, input: ClaimApiKeyInput) -> ClaimApiKeyResult:
    """Claims the key. The link proves the email address, so no session is needed. A repeated claim succeeds
    but returns no secret.

    Raises `UserErrors` with TOKEN_INVALID, WRONG_EMAIL, NOT_ACTIVE or ROLE_WITHOUT_API_ACCESS.
    """
    found = await _opened(context, input.token)
    account_id, action = found.key.account_id, AuditAction.API_KEY_CLAIMED
    secret = None
    async with system_change(
        context.database, account_id, action, None, context.client, announcer=context.announcer
    ) as tx:
        key = await tx.get(ApiKey, found.key.id)
        member = await tx.get(Member, key.member_id)
        _refuse_ended(key, member)
        if key.claimed_at is not None:
            tx.without_event()
        else:
            _refuse_unclaimable(key, member, found.created_by_name)
            key, secret = await _claim(tx, context, key, member)
    context.forget()
    return ClaimApiKeyResult(api_key=key, secret=secret)


async def _claim(tx: Change, context: Context, key: ApiKey, member: Member) -> tuple[ApiKey, str]:
    secret, key_hash = new_api_key()
    key = await tx.update(key, key_hash=key_hash, prefix=shown_prefix(secret), claimed_at=now())
    credential = context.viewer.credential if context.viewer else _link_of(key)
    tx.actor = Actor(ActorKind.MEMBER, member.name, member.id, credential)
    tx.record(
        key,
        key.name,
        f"claimed the API key {key.name}",
        status=[ApiKeyStatus.UNCLAIMED.value, ApiKeyStatus.ACTIVE.value],
        prefix=key.prefix,
    )
    return key, secret


def _link_of(key: ApiKey) -> Credential:
    """Credential of the event if nobody is signed in: the link, which was only sent to the member's
    address."""
    return Credential(CredentialKind.API_KEY, key.id, f"Link to claim {key.name}")


async def _opened(context: Context, token: str) -> ClaimPreview:
    """The key of the link. Raises `UserErrors` with TOKEN_INVALID, or with WRONG_EMAIL if another person is
    signed in."""
    shown = await preview(context, token)
    if shown is None:
        raise user_error(
            UserErrorCode.TOKEN_INVALID,
            "This link is not valid: open the link in the email, or ask an Admin for a new key.",
            "token",
        )
    if shown.is_somebody_else(context):
        raise UserErrors(
            WrongEmail(
                UserErrorCode.WRONG_EMAIL,
                f"This API key is for {shown.masked_email}: sign in with that address.",
                ["token"],
                shown.masked_email,
                context.signed_in().user.email,
            )
        )
    return shown


def _refuse_ended(key: ApiKey, member: Member) -> None:
    if member.has_ended:
        raise _not_active("The member to whom this API key belongs has left the account.")
    if key.revoked_at is not None:
        raise _not_active("This API key was revoked.")


def _refuse_unclaimable(key: ApiKey, member: Member, created_by_name: str) -> None:
    if key.expires_at is not None and key.expires_at <= now():
        raise _not_active(f"This API key has expired: ask {created_by_name} for a new one.")
    if key.status is ApiKeyStatus.EXPIRED:
        raise user_error(
            UserErrorCode.TOKEN_INVALID,
            f"This API key was not claimed in time: ask {created_by_name} for a new one.",
            "token",
        )
    if not has_api_access(member.role):
        raise user_error(
            UserErrorCode.ROLE_WITHOUT_API_ACCESS,
            f"{member.name} is a {member.role.value.title()} now, and that role has no API access:"
            " ask an Admin to make you a Member.",
            "token",
        )


def _not_active(message: str) -> UserErrors:
    return user_error(UserErrorCode.NOT_ACTIVE, message, "token")
