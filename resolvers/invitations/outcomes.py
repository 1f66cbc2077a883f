"""Outcomes of the invitations of one request, stored so that a retry returns the same ones."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.canonical_json import JSONObject
from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from models.invitations import Invitation
from resolvers.change import Change
from resolvers.row_outcomes import errors_of, stored_outcome
from resolvers.user_errors import InputError

_OF_IDS = Statement(
    lambda: select(*columns(Invitation)).where(
        col(Invitation.account_id) == parameter("account_id"), any_of(col(Invitation.id), parameter("ids"))
    )
)


@dataclass
class Outcome:
    invitation: Invitation | None
    user_errors: list[InputError]


def answer_of(outcomes: list[Outcome]) -> list[JSONObject]:
    """The outcomes as JSON, to be stored with the idempotency key."""
    return [stored_outcome(outcome.invitation, outcome.user_errors) for outcome in outcomes]


async def earlier_outcomes(tx: Change) -> list[Outcome]:
    ids = [UUID(row["id"]) for row in tx.earlier_answer if row["id"]]
    invitations = await tx.rows(Invitation, _OF_IDS, account_id=tx.account.id, ids=ids)
    found = {str(invitation.id): invitation for invitation in invitations}
    return [Outcome(found.get(row["id"]), errors_of(row)) for row in tx.earlier_answer]
