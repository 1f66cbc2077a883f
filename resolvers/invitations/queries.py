"""Reads the invitations of an account."""

from sqlalchemy import func
from sqlmodel import col

from engine.conditions import Condition
from engine.pagination import Branch, Listing, Order
from engine.statements import any_of
from models.accounts import Account
from models.invitations import Invitation, InvitationStatus
from permissions.context import Context
from resolvers.invitations.inputs import (
    InvitationFilter,
)
from resolvers.text import canonical_email

_NEWEST = Order("newest", (col(Invitation.created_at), col(Invitation.id)), descending=True)


_of_account = Condition(lambda account_id: col(Invitation.account_id) == account_id)


_addressed_to = Condition(lambda email: col(Invitation.email) == email)


_in_states = Condition(lambda statuses: any_of(Invitation.status_now(), statuses))


_stored = Condition(lambda status: col(Invitation.stored_status) == status)


_pending = Condition(lambda: col(Invitation.stored_status) == InvitationStatus.PENDING)


# IS TRUE keeps PostgreSQL from using the index of due invitations, which covers all accounts.
_in_time = Condition(lambda: (col(Invitation.expires_at) > func.now()).is_(True))


_due = Condition(lambda: col(Invitation.expires_at) <= func.now())


def account_invitations(
    context: Context, account: Account, filter: InvitationFilter | None = None
) -> Listing:
    of_account = _of_account(account.id)
    statuses = filter.statuses if filter else None
    if filter and filter.email is not None:
        where = [of_account, _addressed_to(canonical_email(filter.email) or "")]
        where += [] if statuses is None else [_in_states(statuses)]
        return Listing(Invitation, tuple(where), _NEWEST)
    if not statuses:
        where = [of_account] if statuses is None else [of_account, _in_states([])]
        return Listing(Invitation, tuple(where), _NEWEST)
    branches = tuple(branch for status in dict.fromkeys(statuses) for branch in _with_status(status))
    return Listing(Invitation, (of_account,), _NEWEST, branches=branches)


def _with_status(status: InvitationStatus) -> tuple[Branch, ...]:
    """Includes invitations that have expired and that the job has not marked yet."""
    if status is InvitationStatus.PENDING:
        return (Branch((_pending(), _in_time())),)
    stored = Branch((_stored(status.value),))
    if status is InvitationStatus.EXPIRED:
        return stored, Branch((_pending(), _due()), is_few=True)
    return (stored,)
