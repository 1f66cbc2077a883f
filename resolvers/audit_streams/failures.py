"""Handling of failed deliveries: retries for AUDIT_STREAM_RETRY_HOURS, then the audit stream is paused."""

import asyncio
from datetime import datetime, timedelta

from mailer import messages
from models.audit_actions import AuditAction
from models.audit_streams import AuditStream, AuditStreamStatus
from models.columns import now
from models.database import Database
from permissions.roles import Permission
from resolvers.change import Change, system_change
from resolvers.events import PLATFORM
from resolvers.members.queries import emails_with
from resolvers.stored_limits import StoredLimit
from settings import Settings

_EMAILS = StoredLimit(20, timedelta(hours=1))


def are_retries_exhausted(settings: Settings, stream: AuditStream) -> bool:
    """Whether the time for retries has passed."""
    failing_since = stream.failing_since or now()
    return now() - failing_since >= timedelta(hours=settings.audit_stream_retry_hours)


async def stop(
    settings: Settings, database: Database, stream: AuditStream, status: AuditStreamStatus, error: str
) -> None:
    """Sets the status PAUSED or ENDED, with an event, and emails each Admin. Does nothing if another worker
    holds the lease or an Admin has changed the status."""
    async with system_change(database, stream.account_id, AuditAction.AUDIT_STREAM_PAUSED, PLATFORM) as tx:
        current = await tx.get(AuditStream, stream.id, lock=True)
        if current.lease_id != stream.lease_id or current.status is not AuditStreamStatus.ACTIVE:
            tx.without_event("another process has changed it")
            return
        since = current.failing_since or now()
        current = await tx.update(
            current,
            status=status,
            last_error=error,
            next_attempt_at=None,
            attempts=current.attempts + 1,
            failing_since=since,
            lease_id=None,
            leased_until=None,
        )
        did = "paused" if status is AuditStreamStatus.PAUSED else "ended"
        tx.record(
            current,
            current.host,
            f"{did} the audit stream to {current.host}",
            status=[AuditStreamStatus.ACTIVE.value, status.value],
            failing_since=since.isoformat(),
            error=error,
            last_delivered_sequence=current.last_delivered_sequence,
        )
        await _tell_admins(tx, settings, current, since, error)


async def _tell_admins(
    tx: Change, settings: Settings, stream: AuditStream, since: datetime, error: str
) -> None:
    """Emails the Admins at most 20 times an hour: an Admin can let an audit stream end again and again, and
    all Admins get each email. The events are recorded all the same."""
    if await tx.charge(_EMAILS, [f"audit stream emails of {tx.account.id}"]):
        return
    for email in await emails_with(tx, Permission.MANAGE_ACCOUNT):
        tx.enqueue(
            messages.audit_stream_stopped(
                to=email,
                account=tx.account.name,
                host=stream.host,
                ended=stream.status is AuditStreamStatus.ENDED,
                failing_since=since,
                error=error,
                last_delivered_sequence=stream.last_delivered_sequence,
                link=settings.app_url,
            )
        )
        await asyncio.sleep(0)  # Lets other tasks run: there may be a thousand Admins.
