"""Ends sessions of a person, with immediate effect also on open WebSockets."""

from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col

from engine.row_loader import with_id
from engine.row_reader import row
from engine.row_writer import RowWriter
from engine.statements import Statement, parameter
from models.members import User
from models.notifications import notify_access
from models.sessions import Session
from permissions.context import Context
from permissions.credentials import scopes_unless_ended
from resolvers.global_ids import decode_as
from resolvers.results import mutation_result, shown
from resolvers.sessions.inputs import RevokeSessionInput
from resolvers.unaudited import personal_change
from resolvers.user_errors import not_found


async def end_session(writer: RowWriter, id: UUID) -> None:
    await writer.fetch(_END, id=id)
    await notify_access(writer.connection, id)


_END = Statement(
    lambda: (
        update(Session)
        .where(col(Session.id) == parameter("id"), Session.is_live())
        .values(ended_at=func.now())
    )
)


@mutation_result
class RevokeSessionResult:
    """Payload of `revokeSession`: the session that was ended."""

    session: Session = shown("Session that was ended.")


async def revoke_session(context: Context, input: RevokeSessionInput) -> RevokeSessionResult:
    viewer = context.signed_in()
    session_id = decode_as(Session, input.session_id)
    if session_id is None:
        raise not_found("session of yours", "sessionId")
    session = await row(context.database, Session, with_id(Session)(session_id))
    if session is None or session.user_id != viewer.user.id:
        raise not_found("session of yours", "sessionId")
    async with personal_change(context.database) as writer:
        await end_session(writer, session.id)
    if session.id == viewer.session.id:
        context.keep_cookie("")
    return RevokeSessionResult(session=session)


@mutation_result
class RevokeOtherSessionsResult:
    """Payload of `revokeOtherSessions`: the number of sessions that were ended."""

    revoked: int = shown("Number of sessions that were ended.")


async def revoke_other_sessions(context: Context) -> RevokeOtherSessionsResult:
    """The person's row is locked first: of two sessions that revoke each other, one is ended and revokes
    nothing. Raises `Unauthenticated` in that one."""
    viewer = context.signed_in()
    async with personal_change(context.database) as writer:
        await writer.find(User, viewer.user.id, lock=True)
        await scopes_unless_ended(writer.connection, context.token or "", context.client.ip)
        ended = await writer.fetch(_END_OTHERS, user_id=viewer.user.id, id=viewer.session.id)
        if ended:
            await notify_access(writer.connection, *(record[0] for record in ended))
    return RevokeOtherSessionsResult(revoked=len(ended))


_END_OTHERS = Statement(
    lambda: (
        update(Session)
        .where(
            col(Session.user_id) == parameter("user_id"),
            col(Session.id) != parameter("id"),
            Session.is_live(func.clock_timestamp),
        )
        .values(ended_at=func.clock_timestamp())
        .returning(col(Session.id))
    )
)
