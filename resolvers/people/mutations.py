"""Erases the viewer."""

import asyncio

import structlog
from sqlalchemy import func, select
from sqlmodel import col

from engine.outages import log_failure
from engine.statements import Statement, parameter
from models.members import Member
from permissions.context import Context
from resolvers.members.jobs import end_in
from resolvers.people.erasing import begin, finish
from resolvers.people.inputs import EraseViewerInput
from resolvers.results import mutation_result
from resolvers.text import canonical_email
from resolvers.user_errors import invalid

log = structlog.get_logger()

_SECONDS = 10
"""Longest time of the request. The job finishes an erasure that takes longer."""


@mutation_result
class EraseViewerResult:
    """Payload of `eraseViewer`: `userErrors` only."""


async def erase_viewer(context: Context, input: EraseViewerInput) -> EraseViewerResult:
    user = context.signed_in().user
    if canonical_email(input.email) != user.email:
        raise invalid(f"This is not your email address: type {user.email} to confirm.", "email")
    for account_id, member_id in await context.database.fetch(_OVER.sql, *_OVER.arguments(user_id=user.id)):
        await end_in(context.settings, context.database, account_id, [member_id])
    erasure = await begin(context.database, user.id, by_operator=False)
    try:
        async with asyncio.timeout(_SECONDS):
            accounts = await finish(context.database, erasure, context.announcer)
        log.info("person_erased", user_id=str(user.id), accounts=accounts)
    except Exception as error:
        log_failure("person_erasure_left_to_the_job", error, user_id=str(user.id))
    context.token = context.viewer = None
    context.keep_cookie("")
    return EraseViewerResult()


_OVER = Statement(
    lambda: select(col(Member.account_id), col(Member.id)).where(
        col(Member.user_id) == parameter("user_id"),
        col(Member.removed_at).is_(None),
        col(Member.access_until) <= func.now(),
    ),
    across_accounts="a person is erased from all of its accounts, also where its access has just ended",
)
