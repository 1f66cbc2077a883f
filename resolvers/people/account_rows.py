"""Erases a person from the rows of one account, except its audit events."""

from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Text,
    Update,
    and_,
    case,
    cast,
    delete,
    func,
    null,
    or_,
    select,
    text,
    update,
)
from sqlmodel import col

from engine.snapshots import with_values
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression
from models.api_keys import ApiKey
from models.billing import BillingDetails
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.invitations import Invitation, InvitationStatus
from models.licenses import License
from models.members import ERASED_NAME, Erasure, Member
from models.text_forms import folded, sort_key
from permissions.roles import ROLE_PERMISSIONS, Permission
from resolvers.change import Change
from resolvers.named_persons import address_id, addresses_in
from resolvers.people.queued_emails import erase_from_emails


async def erase_rows(tx: Change, erasure: Erasure) -> int:
    """Replaces names by `ERASED_NAME`, and empties the other values. Returns how many rows of audited tables
    it wrote.

    What was stored under the person's address after the erasure began is erased too, such as an invitation:
    nobody can tell whether it was meant for the same person. Once a member has the address, it is that
    member's."""
    values: dict[str, object] = {"account_id": tx.account.id}
    if await tx.fetch(_MEMBERS_WITH, **values, address=erasure.email):
        erasure = with_values(erasure, email=None)
    member_ids = [id for (id,) in await tx.fetch(_MEMBER_IDS, **values, user_id=erasure.user_id)]
    values |= {"member_ids": member_ids, "address": erasure.email}
    written = await _erase_billing_details(tx, erasure, member_ids)
    for statement in (_MEMBERS, _INVITATIONS, _MESSAGES, _API_KEYS, _REASONS):
        written += len(await tx.fetch(statement, **values))
    for statement in (_TRANSFERS, _DOWNLOAD_LINKS, _ANSWERS):
        await tx.fetch(statement, **values)
    await erase_from_emails(tx, erasure.email, erasure.names)
    return written


async def _erase_billing_details(tx: Change, erasure: Erasure, member_ids: list[UUID]) -> int:
    """Empties values that have the person's address, or are its name if its role could enter these values.
    Somebody else could take the company's name as its own."""
    details = await tx.find(BillingDetails)
    if details is None:
        return 0
    members = [await tx.get(Member, id) for id in member_ids]
    could_enter = any(Permission.MANAGE_BILLING in ROLE_PERMISSIONS[member.role] for member in members)
    names = set(erasure.names if could_enter else ())
    address = address_id(erasure.email) if erasure.email else None

    def is_personal(value: str | None) -> bool:
        return value is not None and (value in names or address in [*addresses_in(value)])

    lines = [line for line in details.address_lines if not is_personal(line)]
    company = None if is_personal(details.company) else details.company
    email = None if is_personal(details.email) else details.email
    changed = await tx.update(details, company=company, email=email, address_lines=lines)
    return int(changed is not details)


def _of_account(table: type[ApiKey | DownloadLink | Invitation | License | Member]) -> ColumnElement[bool]:
    return col(table.account_id) == parameter("account_id")


def _of_person(column: UUID | None) -> ColumnElement[bool]:
    return any_of(col(column), parameter("member_ids"))


_MEMBER_IDS = Statement(
    lambda: select(col(Member.id)).where(_of_account(Member), col(Member.user_id) == parameter("user_id"))
)


_MEMBERS_WITH = Statement(
    lambda: select(col(Member.id)).where(
        _of_account(Member), col(Member.email) == parameter("address"), col(Member.removed_at).is_(None)
    )
)


def _members() -> Update:
    """The name alone does not say that a row is erased, because anybody may have the name `ERASED_NAME`."""
    name = {"name": ERASED_NAME, "name_key": sort_key(ERASED_NAME), "name_folded": folded(ERASED_NAME)}
    return (
        update(Member)
        .where(
            _of_account(Member),
            _of_person(Member.id),
            or_(col(Member.name) != ERASED_NAME, col(Member.email).is_not(None)),
        )
        .values(**name, email=null(), email_folded="")
        .returning(col(Member.id))
    )


def _invitations() -> Update:
    """Pending ones are revoked, because nobody could accept them."""
    status = col(Invitation.stored_status)
    ended = case((status == InvitationStatus.PENDING, InvitationStatus.REVOKED.value), else_=status)
    return (
        update(Invitation)
        .where(
            _of_account(Invitation),
            or_(col(Invitation.email) == parameter("address"), _of_person(Invitation.accepted_by_id)),
            col(Invitation.email) != ERASED_NAME,
        )
        .values(stored_status=ended, email=ERASED_NAME, message=null(), delivery_error=null())
        .returning(col(Invitation.id))
    )


def _api_keys() -> Update:
    """A network can be the address of the person's home. No key is accepted from anywhere by this, because
    all keys of a person who has left are revoked or expired."""
    return (
        update(ApiKey)
        .where(
            _of_account(ApiKey),
            _of_person(ApiKey.member_id),
            or_(
                col(ApiKey.name) != ERASED_NAME,
                col(ApiKey.last_used_ip).is_not(None),
                func.cardinality(col(ApiKey.allowed_networks)) > 0,
            ),
        )
        .values(name=ERASED_NAME, last_used_ip=null(), allowed_networks=text("'{}'"))
        .returning(col(ApiKey.id))
    )


def _names_address(text: AnyExpression) -> ColumnElement[bool]:
    """Condition: the address is in the text, and not as a part of a longer one."""
    value = func.lower(text)
    return func.audit_replace_words(value, parameter("address"), "") != value


def _reasons() -> Update:
    """Replaces reasons of revocations that contain the address."""
    reason = col(License.revoked_reason)
    return (
        update(License)
        .where(_of_account(License), _names_address(reason))
        .values(revoked_reason=ERASED_NAME)
        .returning(col(License.id))
    )


def _transfers() -> Update:
    links = select(col(DownloadLink.token_hash)).where(
        _of_account(DownloadLink), _of_person(DownloadLink.member_id)
    )
    return update(Transfer).where(col(Transfer.token_hash).in_(links)).values(ip=null(), user_agent=null())


def _answers() -> Delete:
    """Deletes the answers to the person, and those that name its address."""
    members = select(col(Member.id)).where(_of_account(Member))
    names_it = _names_address(cast(col(IdempotencyKey.answer), Text))
    return delete(IdempotencyKey).where(
        or_(
            _of_person(IdempotencyKey.actor_id),
            and_(col(IdempotencyKey.actor_id).in_(members), names_it),
        )
    )


_MEMBERS = Statement(_members)
_INVITATIONS = Statement(_invitations)
_MESSAGES = Statement(
    lambda: (
        update(Invitation)
        .where(
            _of_account(Invitation),
            _of_person(Invitation.invited_by_id),
            col(Invitation.message).is_not(None),
        )
        .values(message=null())
        .returning(col(Invitation.id))
    )
)
_API_KEYS = Statement(_api_keys)
_REASONS = Statement(_reasons)
_TRANSFERS = Statement(_transfers)
_DOWNLOAD_LINKS = Statement(
    lambda: (
        update(DownloadLink)
        .where(_of_account(DownloadLink), _of_person(DownloadLink.member_id))
        .values(credential_label=ERASED_NAME, subject=func.jsonb_build_object())
    )
)
_ANSWERS = Statement(_answers)
