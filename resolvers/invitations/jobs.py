"""Jobs for invitations: delivery reports of emails, and expiry."""

from functools import partial
from uuid import UUID

from sqlalchemy import Update, func, or_, select, update
from sqlmodel import col

from engine.row_loader import of_accounts, with_id
from engine.row_reader import row
from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from mailer.messages import InvitationDelivery
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from models.members import ERASED_NAME
from resolvers.change import system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM
from resolvers.invitations.roster import tell_of_expiry
from resolvers.unaudited import account_note

_DUE = DueRows(
    lambda: (
        select(col(Invitation.account_id), col(Invitation.id))
        .where(
            col(Invitation.stored_status) == InvitationStatus.PENDING,
            col(Invitation.expires_at) <= func.now(),
        )
        .order_by(col(Invitation.expires_at))
    )
)


_DUE_OF_ACCOUNT = Statement(
    lambda: select(*columns(Invitation)).where(
        col(Invitation.account_id) == parameter("account_id"),
        any_of(col(Invitation.id), parameter("ids")),
        col(Invitation.stored_status) == InvitationStatus.PENDING,
        col(Invitation.expires_at) <= parameter("at"),
    )
)


async def is_current(database: Database, email: InvitationDelivery) -> bool:
    """Whether the email's link is still valid; otherwise the email is not sent."""
    where = of_accounts(Invitation)([email.account_id]), with_id(Invitation)(email.invitation_id)
    invitation = await row(database, Invitation, *where)
    return (
        invitation is not None
        and invitation.emails == email.attempt
        and invitation.status is InvitationStatus.PENDING
    )


async def record_delivery(
    database: Database, email: InvitationDelivery, status: DeliveryStatus, error: str | None
) -> None:
    """Stores a delivery report. A repeated report changes nothing. A permanent failure has an event."""
    if status is DeliveryStatus.FAILED:
        await _record_failure(database, email, error)
        return
    async with account_note(database, email.account_id, Invitation) as writer:
        await writer.fetch(
            _NOTE_DELIVERY,
            account_id=email.account_id,
            id=email.invitation_id,
            attempt=email.attempt,
            status=status,
            error=error,
            sent_at=now() if status is DeliveryStatus.SENT else None,
        )


def _note_delivery() -> Update:
    """Stores the state of the newest email only, and only if it is new. None of an erased person: the mail
    server's answer can name its address."""
    delivery, error = parameter("status"), parameter("error")
    is_news = or_(
        col(Invitation.delivery) != delivery, col(Invitation.delivery_error).is_distinct_from(error)
    )
    return (
        update(Invitation)
        .where(
            col(Invitation.account_id) == parameter("account_id"),
            col(Invitation.id) == parameter("id"),
            col(Invitation.emails) == parameter("attempt"),
            col(Invitation.email) != ERASED_NAME,
            is_news,
        )
        .values(
            delivery=delivery,
            delivery_error=error,
            sent_at=func.coalesce(parameter("sent_at"), col(Invitation.sent_at)),
        )
    )


_NOTE_DELIVERY = Statement(_note_delivery)


async def _record_failure(database: Database, email: InvitationDelivery, error: str | None) -> None:
    action = AuditAction.INVITATION_DELIVERY_FAILED
    async with system_change(database, email.account_id, action, PLATFORM) as tx:
        invitation = await tx.find(Invitation, email.invitation_id)
        outcome = (DeliveryStatus.FAILED, error)
        if invitation is None or invitation.emails != email.attempt:
            tx.without_event("a newer email is on its way")
        elif invitation.email == ERASED_NAME:
            tx.without_event("the mail server's answer would name the address of an erased person")
        elif (invitation.delivery, invitation.delivery_error) == outcome:
            tx.without_event()
        else:
            await tx.update(invitation, delivery=DeliveryStatus.FAILED, delivery_error=error)
            did = f"could not deliver the invitation of {invitation.email}"
            tx.record(invitation, invitation.email, did, error=error)


async def expire_due(database: Database) -> int:
    """Marks expired invitations, with events. Returns their number."""
    return await _DUE.by_account(database, partial(_expire, database))


async def _expire(database: Database, account_id: UUID, ids: list[UUID]) -> int:
    async with system_change(
        database, account_id, AuditAction.INVITATION_EXPIRED, PLATFORM, rows=len(ids)
    ) as tx:
        due = await tx.rows(Invitation, _DUE_OF_ACCOUNT, account_id=account_id, ids=ids, at=now())
        for invitation in due:
            tell_of_expiry(tx, invitation)
        await tx.update_all(due, stored_status=InvitationStatus.EXPIRED)
        if not due:
            tx.without_event()
    return len(due)
