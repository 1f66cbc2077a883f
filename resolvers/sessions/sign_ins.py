"""Sign-ins in the audit log of each account that the person belongs to, and in the process log.

The events are committed with the session, except in the logs that another transaction has locked at that
moment: a job appends those. So signing in waits for no account, and no sign-in is lost.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Update, any_, delete, func, select, update
from sqlmodel import col

from engine.row_writer import RowWriter
from engine.snapshots import columns, new_row, snapshot
from engine.statements import Statement, parameter
from models.audit import ActorKind, AuditOutcome
from models.audit_actions import AuditAction
from models.database import Database
from models.members import Member
from models.new_event import NewEvent
from models.sessions import Session, UnrecordedSignIn
from permissions.context import Context
from permissions.security_log import security_event, source_of
from permissions.viewer import Client, Credential
from resolvers.audit_append import append, encode_event
from resolvers.change import Change, system_change
from resolvers.due_rows import account_by_account
from resolvers.events import Actor, new_event

MOST_ACCOUNTS = 100
"""Logs in which one sign-in is an event: those of the accounts that the person has used most recently."""
_MOST_MEMBERSHIPS = 1_000
_MOST_AT_ONCE = 500
_SIGNED_IN = "signed in"


class SignIn(NamedTuple):
    """A session that has begun, the accounts whose logs have its event, and those beyond `MOST_ACCOUNTS`."""

    session: Session
    account_ids: Sequence[UUID]
    others: Sequence[UUID] = ()


async def record_sign_in(writer: RowWriter, session: Session, client: Client) -> SignIn:
    """Appends the events in the session's transaction. It is the last statement, because it locks logs until
    the commit."""
    records = await writer.fetch(_MEMBERSHIPS, user_id=session.user_id)
    members = [snapshot(Member, record) for record in records]
    by_account = {member.account_id: member for member in members[:MOST_ACCOUNTS]}
    if by_account:
        free = await writer.connection.fetch(_LOCK_FREE, list(by_account))
        events = [_event(by_account.pop(record[0]), session, client) for record in free]
        if by_account:
            waiting = {"session_id": session.id, "account_ids": list(by_account)}
            await writer.insert(new_row(UnrecordedSignIn, **waiting, request_id=client.request_id))
        if events:
            await append(writer.connection, [encode_event(event) for event in events])
    account_ids = [member.account_id for member in members]
    return SignIn(session, account_ids[:MOST_ACCOUNTS], account_ids[MOST_ACCOUNTS:])


def record_in(tx: Change, member: Member, session: Session) -> None:
    """Adds the event to a change of the member's account."""
    details = {"signed_in_at": session.created_at.isoformat()}
    actor = _actor(member, session)
    tx.record(member, member.name, _SIGNED_IN, details, action=AuditAction.MEMBER_SIGNED_IN, actor=actor)


def announce(context: Context, signed_in: SignIn) -> None:
    """Announces the events after the commit, and writes the sign-in to the process log."""
    for account_id in signed_in.account_ids:
        context.announcer.grown(account_id)
    fields = {
        "user_id": str(signed_in.session.user_id),
        "credential_id": str(signed_in.session.id),
        "account_ids": [str(id) for id in (*signed_in.account_ids, *signed_in.others)],
        "accounts_without_event": len(signed_in.others),
    }
    security_event("signed_in", source_of(context) | fields)


def log_refused(context: Context, reason: str) -> None:
    """Writes a refused sign-in to the process log. No account's log has it, since nobody was identified."""
    security_event("sign_in_refused", {**source_of(context), "reason": reason})


def _event(member: Member, session: Session, client: Client) -> NewEvent:
    return new_event(
        member.account_id,
        _actor(member, session),
        client,
        AuditAction.MEMBER_SIGNED_IN,
        AuditOutcome.ALLOWED,
        f"{member.name} {_SIGNED_IN}",
        (Member.__name__, member.id, member.name),
        {"signedInAt": session.created_at.isoformat()},
    )


def _actor(member: Member, session: Session) -> Actor:
    return Actor(ActorKind.MEMBER, member.name, member.id, Credential.of_session(session))


async def record_waiting(database: Database) -> int:
    """Appends the events of sign-ins that found a log locked, each in a change of its own, in turns between
    accounts. Returns their number. An account whose row stays locked is tried again at the next run."""
    records = await database.fetch(_WAITING, _MOST_AT_ONCE)
    due = ((account_id, (session_id, request_id)) for session_id, account_id, request_id in records)
    return await account_by_account(due, partial(_record_late, database), {})


async def _record_late(database: Database, account_id: UUID, sign_in: tuple[UUID, str | None]) -> bool:
    """Appends the event and removes the account from the sign-in's list in one transaction, so that there is
    one event however often the job is repeated."""
    session_id, request_id = sign_in
    async with system_change(database, account_id, AuditAction.MEMBER_SIGNED_IN, None) as tx:
        taken = await tx.fetch(_TAKE, session_id=session_id, account_id=account_id)
        await tx.fetch(_FORGET_DONE, session_id=session_id)
        session = await tx.find(Session, session_id)
        member = await _member_of(tx, session) if session is not None else None
        if not taken or session is None or member is None:
            tx.without_event("another worker has appended it")
            return False
        tx.client = Client(session.ip, session.user_agent, request_id)
        record_in(tx, member, session)
    return True


async def _member_of(tx: Change, session: Session) -> Member | None:
    """The person's newest membership in the account, even if it has ended since."""
    members = await tx.rows(Member, _MEMBER, account_id=tx.account.id, user_id=session.user_id)
    return next(iter(members), None)


_MEMBERSHIPS = Statement(
    lambda: (
        select(*columns(Member))
        .where(col(Member.user_id) == parameter("user_id"), Member.is_present())
        .order_by(col(Member.last_active_at).desc().nulls_last(), col(Member.id))
        .limit(_MOST_MEMBERSHIPS)
    ),
    across_accounts="a sign-in is an event in the log of each account that the person belongs to",
)
_LOCK_FREE = "SELECT account_id FROM lock_free_audit_heads($1) AS account_id"
_WAITING = """
SELECT session_id, account_id, request_id FROM unrecorded_sign_ins, unnest(account_ids) AS account_id
ORDER BY row_number() OVER (PARTITION BY account_id ORDER BY session_id), random()
LIMIT $1"""


def _take() -> Update:
    accounts, account_id = col(UnrecordedSignIn.account_ids), parameter("account_id")
    return (
        update(UnrecordedSignIn)
        .where(col(UnrecordedSignIn.session_id) == parameter("session_id"), account_id == any_(accounts))
        .values(account_ids=func.array_remove(accounts, account_id))
        .returning(col(UnrecordedSignIn.session_id))
    )


_TAKE = Statement(_take)
_FORGET_DONE = Statement(
    lambda: delete(UnrecordedSignIn).where(
        col(UnrecordedSignIn.session_id) == parameter("session_id"),
        func.cardinality(col(UnrecordedSignIn.account_ids)) == 0,
    )
)
_MEMBER = Statement(
    lambda: (
        select(*columns(Member))
        .where(col(Member.account_id) == parameter("account_id"), col(Member.user_id) == parameter("user_id"))
        .order_by(col(Member.id).desc())
        .limit(1)
    )
)
