"""What becomes of invitations by itself: their emails are delivered, or not, and their time runs out."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from engine.row_loader import of_accounts, with_id
from engine.row_reader import row
from engine.statements import Statement
from mailer.messages import InvitationDelivery
from models.audit import AuditAction
from models.columns import now
from models.database import Database
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from resolvers.change import announcing, system_change
from resolvers.events import PLATFORM
from resolvers.invitations.mutations import expire

_BATCH = 500
_DUE = Statement(
    lambda: (
        select(col(Invitation.account_id), col(Invitation.id))
        .where(
            col(Invitation.stored_status) == InvitationStatus.PENDING,
            col(Invitation.expires_at) <= func.now(),
        )
        .order_by(col(Invitation.account_id))
        .limit(_BATCH)
    ),
    across_accounts="a job looks for what is due; each change that follows is of one account",
)


async def is_current(database: Database, email: InvitationDelivery) -> bool:
    """Whether its link still works: there is no use in an email whose link is dead."""
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
    """Once or again: the second report of the same changes nothing. A failure for good is an event."""
    async with (
        announcing(database) as announcer,
        system_change(
            database, announcer, email.account_id, AuditAction.INVITATION_DELIVERY_FAILED, PLATFORM
        ) as tx,
    ):
        invitation = await tx.session.get(Invitation, (email.account_id, email.invitation_id))
        told = (status, error)
        if invitation is None or invitation.emails != email.attempt:
            tx.without_event("a newer email is on its way")
        elif (invitation.delivery, invitation.delivery_error) == told:
            tx.without_event()
        else:
            invitation.delivery, invitation.delivery_error = told
            if status is DeliveryStatus.SENT:
                invitation.sent_at = now()
            if status is DeliveryStatus.FAILED:
                did = f"could not deliver the invitation of {invitation.email}"
                tx.about(invitation, invitation.email, did, error=error)
            else:
                tx.without_event("nobody did it: the mail server's answer is noted")


async def expire_due(database: Database) -> int:
    """Gives those whose time is over their state and their event; returns how many. A change an account."""
    expired = 0
    due = await _due(database)
    for account_id, ids in groupby(due, key=lambda row: row[0]):
        expired += await _expire(database, account_id, [id for _, id in ids])
    return expired


async def _due(database: Database) -> Sequence[tuple[UUID, UUID]]:
    return [(row[0], row[1]) for row in await database.fetch(_DUE.sql)]


async def _expire(database: Database, account_id: UUID, ids: list[UUID]) -> int:
    async with (
        announcing(database) as announcer,
        system_change(
            database, announcer, account_id, AuditAction.INVITATION_EXPIRED, PLATFORM, rows=len(ids)
        ) as tx,
    ):
        statement = select(Invitation).where(
            col(Invitation.account_id) == account_id,
            col(Invitation.id).in_(ids),
            col(Invitation.stored_status) == InvitationStatus.PENDING,
            col(Invitation.expires_at) <= now(),
        )
        due = (await tx.session.scalars(statement)).all()
        for invitation in due:
            expire(tx, invitation)
        if not due:
            tx.without_event()
    return len(due)
