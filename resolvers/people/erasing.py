"""Erases a person: from its own rows at once, and then from each account in a transaction of its own.

A row of `erasures` exists from the first transaction on. If a process dies, the job goes on with the accounts
that are left, and to erase a person from an account again changes nothing. Events that another process still
appends while the person is being erased, such as the end of a download, are erased by a second run.

Kept are ids, times and roles, and issued invoices with the names on them, which tax law requires to be kept
(in the European Union: articles 226 and 244 to 248 of Directive 2006/112/EC). The addresses of people in
texts that others wrote, such as the reason of a revocation, are found; their names in such texts are not.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import delete, func, null, select, update
from sqlmodel import col

from engine.outages import log_failure
from engine.row_writer import RowWriter
from engine.snapshots import attributes, new_row, snapshot
from engine.statements import Statement, parameter
from models.accounts import Account
from models.audit import AuditEvent
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.members import ERASED_NAME, Erasure, Member, User
from models.notifications import AuditAnnouncer, notify_access
from models.sessions import Session, SignInLink
from resolvers.change import system_change
from resolvers.due_rows import account_by_account
from resolvers.email_addresses import counted_address
from resolvers.named_persons import address_id
from resolvers.people.account_rows import erase_rows
from resolvers.people.queued_emails import delete_emails_to
from resolvers.unaudited import personal_change
from resolvers.user_errors import UserErrorCode, invalid, user_error

log = structlog.get_logger()

_RESUMED_AFTER = timedelta(minutes=1)
"""Time after which the job takes over an erasure that has not ended."""
_REPEATED_AFTER = timedelta(minutes=5)
"""Time after which no request that began before the erasure still runs, except downloads."""


class ErasureStopped(Exception):
    """Events were changed in the database, so that their hashes do not match, and remain to be erased. Each
    account without such an event is done."""

    def __init__(self, errors: Sequence[asyncpg.DataCorruptedError]) -> None:
        more = f" The same holds for {len(errors) - 1} other accounts." if len(errors) > 1 else ""
        super().__init__(
            f"The erasure is not complete: {errors[0].args[0]}.{more}"
            " Follow `An erasure stops at a changed event` in docs/operations.md."
        )


async def begin(database: Database, user_id: UUID, *, by_operator: bool) -> Erasure:
    """Erases the person's own rows, and ends its sessions. Raises `UserErrors` while it is a member of an
    account. Returns the erasure, which `finish` continues."""
    async with personal_change(database) as writer:
        user = await writer.find(User, user_id)
        if user is not None:
            # Before the person's row: signing in locks them in this order.
            await writer.fetch(_FORGET_LINKS, email=user.email)
        user = await writer.find(User, user_id, lock=True)
        if user is None or user.erased_at is not None:
            raise user_error(UserErrorCode.NOT_ACTIVE, "This person was erased already.")
        _refuse_member([name for (name,) in await writer.fetch(_MEMBERSHIPS, user_id=user_id)])
        names = {user.name, *(record[0] for record in await writer.connection.fetch(_NAMES, user_id))}
        erasure = new_row(
            Erasure, user_id=user_id, email=user.email, names=sorted(names), by_operator=by_operator
        )
        await writer.insert(erasure)
        await writer.update(user, email=f"erased {user_id}", name=ERASED_NAME, erased_at=now())
        await _erase_sessions(writer, user_id)
        await writer.fetch(_FORGET_ANSWERS, user_id=user_id)
        await _erase_buckets(writer, user)
        await delete_emails_to(writer.connection, user.email)
    return erasure


def _refuse_member(accounts: Sequence[str]) -> None:
    if accounts:
        names = ", ".join(accounts[:3]) + (" and others" if len(accounts) > 3 else "")
        raise invalid(f"A member of an account cannot be erased: leave {names} first.")


async def _erase_sessions(writer: RowWriter, user_id: UUID) -> None:
    ended = await writer.fetch(_SESSIONS, user_id=user_id)
    await writer.fetch(_END_SESSIONS, user_id=user_id)
    await writer.fetch(_ERASE_SESSIONS, user_id=user_id)
    await notify_access(writer.connection, user_id, *(id for (id,) in ended))


async def _erase_buckets(writer: RowWriter, user: User) -> None:
    """Deletes those whose subject ends with the address, or with the form of it that limits count."""
    for address in {user.email, counted_address(user.email)}:
        await writer.connection.execute(_FORGET_BUCKETS_TO, address)


async def finish(database: Database, erasure: Erasure, announcer: AuditAnnouncer | None = None) -> int:
    """Erases the person from each account. Returns the number of accounts whose rows changed. Raises
    `ErasureStopped`, and the failure of an account whose row another transaction has locked: the erasure is
    finished at the next run."""
    stopped: list[asyncpg.DataCorruptedError] = []

    async def erase(account_id: UUID, erasure: Erasure) -> int:
        try:
            return await _erase_in(database, account_id, erasure, announcer)
        except asyncpg.DataCorruptedError as error:
            if error.table_name != AuditEvent.__tablename__:  # PostgreSQL itself found damage.
                raise
            stopped.append(error)
            return 0

    failures: dict[UUID, Exception] = {}
    due = [(account_id, erasure) for account_id in await _accounts_of(database, erasure)]
    changed = await account_by_account(due, erase, failures)
    for error in failures.values():
        raise error
    if stopped:
        raise ErasureStopped(stopped)
    async with personal_change(database) as writer:
        await _erase_download_links(writer, erasure.user_id)
        current = await writer.find(Erasure, erasure.user_id, lock=True)
        if current is not None and current.erased_at is None:
            await writer.update(current, email=None, names=[], erased_at=now())
    return changed


async def _erase_download_links(writer: RowWriter, user_id: UUID) -> None:
    """Deletes the links to the person's own data, of which none is issued any more. A transfer whose row is
    deleted is cut off by its process."""
    await writer.fetch(_FORGET_TRANSFERS, user_id=user_id)
    await writer.fetch(_FORGET_DOWNLOAD_LINKS, user_id=user_id)


async def _accounts_of(database: Database, erasure: Erasure) -> list[UUID]:
    email = erasure.email or ""
    records = await database.fetch(_ACCOUNTS, erasure.user_id, email, address_id(email))
    return [record[0] for record in records]


async def _erase_in(
    database: Database, account_id: UUID, erasure: Erasure, announcer: AuditAnnouncer | None
) -> bool:
    """Erases the person in one transaction, with an event of the account if anything was changed."""
    async with system_change(
        database, account_id, AuditAction.PERSON_ERASED, None, announcer=announcer, rows=1_000
    ) as tx:
        tx.without_event("erase_events appends it")
        changed = await erase_rows(tx, erasure)
        events = await tx.connection.fetchval(_ERASE_EVENTS, account_id, erasure.user_id, changed > 0)
    return bool(changed or events)


async def finish_erasures(database: Database) -> int:
    """Job: goes on with erasures whose process has died, and repeats the others once, for events that were
    appended meanwhile. Returns the number of erasures that it worked on."""
    return sum([await _go_on(database, erasure) for erasure in await _waiting(database)])


async def _go_on(database: Database, erasure: Erasure) -> int:
    try:
        log.info("person_erased", user_id=str(erasure.user_id), accounts=await finish(database, erasure))
        if erasure.erased_at is not None:
            async with personal_change(database) as writer:
                await writer.fetch(_FORGET_ERASURE, user_id=erasure.user_id)
    except Exception as error:
        log_failure("person_erasure_failed", error, user_id=str(erasure.user_id))
        return 0
    return 1


async def _waiting(database: Database) -> list[Erasure]:
    records = await database.fetch(_WAITING, now() - _RESUMED_AFTER, now() - _REPEATED_AFTER)
    return [snapshot(Erasure, tuple(record)) for record in records]


_ACROSS = "a person is erased from all of its accounts"
_MEMBERSHIPS = Statement(
    lambda: (
        select(col(Account.name))
        .join(Member, col(Member.account_id) == col(Account.id))
        .where(col(Member.user_id) == parameter("user_id"), col(Member.removed_at).is_(None))
        .order_by(col(Account.name))
    ),
    across_accounts=_ACROSS,
)
# The newest names that the person has had, whoever has renamed itself how often.
_NAMES = """
SELECT name FROM members WHERE user_id = $1
UNION
(SELECT former FROM members JOIN audit_events AS event
    ON event.account_id = members.account_id AND event.actor_member_id = members.id
    AND event.action = 'MEMBER_RENAMED'
CROSS JOIN json_array_elements_text(event.personal_details->'name') AS former
WHERE members.user_id = $1 AND event.commitments IS NULL ORDER BY event.sequence DESC LIMIT 20)
LIMIT 50"""
_SESSIONS = Statement(lambda: select(col(Session.id)).where(col(Session.user_id) == parameter("user_id")))
_END_SESSIONS = Statement(
    lambda: (
        update(Session)
        .where(col(Session.user_id) == parameter("user_id"), Session.is_live())
        .values(ended_at=func.now())
    )
)
_ERASE_SESSIONS = Statement(
    lambda: (
        update(Session)
        .where(col(Session.user_id) == parameter("user_id"))
        .values(ip=null(), user_agent=null())
    )
)
_FORGET_LINKS = Statement(lambda: delete(SignInLink).where(col(SignInLink.email) == parameter("email")))
_FORGET_ANSWERS = Statement(
    lambda: delete(IdempotencyKey).where(col(IdempotencyKey.actor_id) == parameter("user_id"))
)
_OWN_LINKS = "links to a person's own data belong to no account"
_FORGET_TRANSFERS = Statement(
    lambda: delete(Transfer).where(
        col(Transfer.token_hash).in_(
            select(col(DownloadLink.token_hash)).where(col(DownloadLink.user_id) == parameter("user_id"))
        )
    ),
    across_accounts=_OWN_LINKS,
)
_FORGET_DOWNLOAD_LINKS = Statement(
    lambda: delete(DownloadLink).where(col(DownloadLink.user_id) == parameter("user_id")),
    across_accounts=_OWN_LINKS,
)
_FORGET_BUCKETS_TO = "DELETE FROM limit_buckets WHERE right(subject, length($1) + 1) = ' ' || $1::text"
_FORGET_ERASURE = Statement(lambda: delete(Erasure).where(col(Erasure.user_id) == parameter("user_id")))
_ERASE_EVENTS = "SELECT erase_events($1, $2, $3)"


_ACCOUNTS = """
SELECT account_id FROM members WHERE user_id = $1
UNION SELECT account_id FROM invitations WHERE email = $2
UNION SELECT account_id FROM billing_details WHERE email = $2
UNION SELECT account_id FROM audit_events WHERE named_ids @> ARRAY[$3::uuid]
ORDER BY account_id"""


# A download of the person that still runs has its event at its end.
_WAITING = f"""
SELECT {", ".join(attributes(Erasure))} FROM erasures
WHERE (erased_at IS NULL AND requested_at < $1)
OR (erased_at < $2 AND NOT EXISTS (
    SELECT FROM members JOIN download_links AS link
        ON link.account_id = members.account_id AND link.member_id = members.id
    JOIN transfers USING (token_hash)
    WHERE members.user_id = erasures.user_id
))"""  # noqa: S608
