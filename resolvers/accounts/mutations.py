"""Creates and changes accounts, and transfers their ownership."""

import re
import unicodedata
from datetime import timedelta
from decimal import Decimal
from secrets import token_hex
from uuid import UUID

from asyncpg import UniqueViolationError
from sqlalchemy import func, select
from sqlmodel import col
from strawberry import UNSET

from engine.row_loader import load
from engine.snapshots import new_row
from engine.statements import Statement, parameter
from models.accounts import Account
from models.audit import ActorKind
from models.audit_actions import AuditAction
from models.members import Member, Role, User
from models.new_event import PersonName
from permissions.context import Context
from permissions.errors import Forbidden
from permissions.roles import Permission
from resolvers.accounts.inputs import (
    CreateAccountInput,
    SetAccountLimitsInput,
    TransferOwnershipInput,
    UpdateAccountInput,
)
from resolvers.accounts.queries import account_id_of
from resolvers.change import Change, account_creation, change
from resolvers.events import Actor
from resolvers.idempotency import Attempt
from resolvers.members.emails import tell_of_ownership
from resolvers.membership_lock import insert_member
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.stored_limits import StoredLimit
from resolvers.text import clean_amount, clean_line
from resolvers.user_errors import UserErrorCode, invalid, not_found, too_many_requests, user_error
from settings import Settings


@mutation_result
class CreateAccountResult:
    """Payload of `createAccount`: the account that was created."""

    account: Account = shown("Account that was created.")


async def create_account(context: Context, input: CreateAccountInput) -> CreateAccountResult:
    name = clean_line(input.name, "An account's name", "name")
    try:
        account_id = await _found(context, name, input.idempotency_key)
    except UniqueViolationError:
        # A concurrent request with the same idempotency key has created the account, or the slug was taken.
        account_id = await _found(context, name, input.idempotency_key)
    await context.reload_viewer()
    if context.membership(account_id) is None:
        # Repeated by a founder who has left the account since: an idempotency key gives no access.
        raise not_found("account", "idempotencyKey")
    return CreateAccountResult(account=await load(context, Account, account_id))


async def _found(context: Context, name: str, key: str | None) -> UUID:
    viewer = context.signed_in()
    # Always with a random part, so that a slug does not show whether another account has the name.
    account = new_row(Account, name=name, slug=f"{slug_of(name)}-{token_hex(4)}")
    attempt = None
    if key is not None:
        input = context.mutation_call.input
        attempt = Attempt(viewer.user.id, key, AuditAction.ACCOUNT_CREATED, input, viewer.credential_id)
    async with account_creation(
        context.database,
        account,
        viewer.user,
        context.client,
        announcer=context.announcer,
        attempt=attempt,
    ) as tx:
        if tx.earlier_answer:
            return UUID(tx.earlier_answer)
        await _count_account(tx, context.settings, viewer.user.id)
        owner = await found_account(tx, viewer.user)
        tx.actor = Actor(ActorKind.MEMBER, owner.name, owner.id, viewer.credential)
        tx.record(account, name, f"created the account {name}", name=name)
        tx.remember(str(account.id))
    return account.id


async def _count_account(tx: Change, settings: Settings, user_id: UUID) -> None:
    """Raises `UserErrors` if the person has created too many accounts today or owns too many."""
    subject = f"accounts of {user_id}"
    # `charge` locks the subject, so that concurrent requests of a person are counted one after the other.
    waits = await tx.charge(StoredLimit(settings.accounts_per_person_per_day, timedelta(days=1)), [subject])
    if waits:
        most = settings.accounts_per_person_per_day
        message = f"A person can create at most {most} accounts a day: try again later."
        raise too_many_requests(message, waits[subject], "name")
    ((owned,),) = await tx.fetch(_OWNED, user_id=user_id)
    if owned >= settings.accounts_per_person:
        message = f"You own {owned} accounts, the maximum: transfer the ownership of one of them first."
        raise user_error(UserErrorCode.TOO_MANY_REQUESTS, message, "name")


_OWNED = Statement(
    lambda: select(func.count()).where(col(Member.user_id) == parameter("user_id"), col(Member.is_owner)),
    across_accounts="a person's accounts are counted before it may create another",
)


async def found_account(tx: Change, user: User) -> Member:
    """Inserts the account and its owner. Raises `UniqueViolationError` if the slug is taken."""
    owner = new_row(
        Member,
        account_id=tx.account.id,
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=Role.ADMIN,
        is_owner=True,
    )
    await tx.insert(tx.account)
    await insert_member(tx, owner)
    await tx.access_changed(user.id)
    return owner


def slug_of(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:40].strip("-") or "account"


@mutation_result
class UpdateAccountResult:
    """Payload of `updateAccount`: the account with its new name."""

    account: Account = shown("Account with its new name.")


async def update_account(context: Context, input: UpdateAccountInput) -> UpdateAccountResult:
    async with change(context, account_id_of(input.account_id), AuditAction.ACCOUNT_UPDATED) as tx:
        name = clean_line(input.name, "An account's name", "name")
        before = tx.account.name
        account = await tx.update(tx.account, name=name)
        if before == name:
            tx.without_event()
        else:
            tx.record(account, name, f"renamed the account from {before} to {name}", name=[before, name])
    return UpdateAccountResult(account=account)


@mutation_result
class SetAccountLimitsResult:
    """Payload of `setAccountLimits`: the account with its new limits."""

    account: Account = shown("Account with its new limits.")


async def set_account_limits(context: Context, input: SetAccountLimitsInput) -> SetAccountLimitsResult:
    async with change(context, account_id_of(input.account_id), AuditAction.ACCOUNT_LIMITS_CHANGED) as tx:
        account, limits = tx.account, _limits(input)
        changed: dict[str, object] = {
            name: [_text(getattr(account, name)), _text(value)]
            for name, value in limits.items()
            if value != getattr(account, name)
        }
        account = await tx.update(account, **limits)
        if changed:
            tx.record(account, account.name, "changed the account's limits", changed)
        else:
            tx.without_event()
    return SetAccountLimitsResult(account=account)


def _limits(input: SetAccountLimitsInput) -> dict[str, int | Decimal | None]:
    """The limits that the input sets. None means no limit."""
    limits: dict[str, int | Decimal | None] = {}
    if input.max_active_licenses is not UNSET:
        if input.max_active_licenses is not None and input.max_active_licenses < 0:
            raise invalid("A limit must be 0 or more, or null for no limit.", "maxActiveLicenses")
        limits["max_active_licenses"] = input.max_active_licenses
    if input.max_monthly_spend is not UNSET:
        limits["max_monthly_spend"] = clean_amount(input.max_monthly_spend, "A limit", "maxMonthlySpend")
    return limits


def _text(value: int | Decimal | None) -> int | str | None:
    """Decimals become texts, because numbers in the log's JSON have no fractions."""
    return str(value) if isinstance(value, Decimal) else value


@mutation_result
class TransferOwnershipResult:
    """Payload of `transferOwnership`: the account with its new owner."""

    account: Account = shown("Account with its new owner.")


async def transfer_ownership(context: Context, input: TransferOwnershipInput) -> TransferOwnershipResult:
    account_id = account_id_of(input.account_id)
    named = await find(context, Member, input.member_id)
    if named is not None and named.account_id != account_id:
        named = None
    async with change(context, account_id, AuditAction.OWNERSHIP_TRANSFERRED, on=named) as tx:
        if not tx.acting.is_owner:
            raise Forbidden(Permission.MANAGE_ACCOUNT)
        heir = await tx.find(Member, named.id) if named else None
        if heir is None:
            raise not_found("member of this account", "memberId")
        if heir.has_ended:
            raise user_error(UserErrorCode.NOT_ACTIVE, f"{heir.name} is no longer a member.", "memberId")
        if heir.access_until is not None:
            raise user_error(
                UserErrorCode.OWNER_PROTECTED,
                f"The membership of an owner has no end: remove that of {heir.name} first (setMemberAccess).",
                "memberId",
            )
        if heir.is_owner:
            tx.without_event()
        else:
            await _hand_over(tx, context.settings, heir)
    await context.reload_viewer()
    return TransferOwnershipResult(account=tx.account)


async def _hand_over(tx: Change, settings: Settings, heir: Member) -> None:
    owner = await tx.update(tx.acting, is_owner=False)
    before = heir.role
    heir = await tx.update(heir, role=Role.ADMIN, is_owner=True)
    tx.record(
        heir,
        heir.name,
        f"transferred the account's ownership to {heir.name}",
        owner=[PersonName(owner), PersonName(heir)],
        role=[before.value, heir.role.value],
    )
    tell_of_ownership(tx, settings, owner, heir)
    await tx.access_changed(owner.user_id, heir.user_id)
