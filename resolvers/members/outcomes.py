"""Outcomes of the members of one change, stored so that a retry returns the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.canonical_json import JSONObject
from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from models.members import Member
from resolvers.change import Change
from resolvers.row_outcomes import errors_of, stored_outcome
from resolvers.user_errors import InputError


@dataclass
class MemberOutcome:
    member: Member | None
    user_errors: list[InputError]


def answer_of(outcomes: Sequence[MemberOutcome]) -> list[JSONObject]:
    """The outcomes as JSON, to be stored with the idempotency key."""
    return [stored_outcome(outcome.member, outcome.user_errors) for outcome in outcomes]


async def earlier_outcomes(tx: Change) -> list[MemberOutcome]:
    """The members as they are now, with the errors of then."""
    members = await members_by_id(tx, [UUID(row["id"]) for row in tx.earlier_answer if row["id"]])
    return [
        MemberOutcome(members[UUID(row["id"])] if row["id"] else None, errors_of(row))
        for row in tx.earlier_answer
    ]


async def members_by_id(tx: Change, ids: Sequence[UUID]) -> dict[UUID, Member]:
    """Members of the account, removed ones too."""
    found = await tx.rows(Member, _OF_IDS, account_id=tx.account.id, ids=ids)
    return {member.id: member for member in found}


_OF_IDS = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"), any_of(col(Member.id), parameter("ids"))
    )
)
