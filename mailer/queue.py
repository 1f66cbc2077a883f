"""Queue of emails: one job per email, enqueued in the transaction that causes it.

Sign-in emails have the highest priority. The others are served in turn by lanes, of which each account has
one: the first waiting email of each lane, then the second of each, and so on. A thousand invitations of one
account delay an email of another account by at most one email per lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.queries import Queries
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from mailer.messages import Message

DELIVER_EMAIL = "deliver_email"
DELIVER_EMAIL_WITH_ATTACHMENT = "deliver_email_with_attachment"
"""Separate job, because creating an attachment may have to wait, and other emails must not wait for it."""
_HIGHEST = 2**30


@dataclass(frozen=True, slots=True)
class Lane:
    """Sequence of emails that is served in turn with other lanes. `name` identifies the sender, such as an
    account."""

    name: str
    is_urgent: bool = False

    @property
    def priorities(self) -> tuple[int, int]:
        """Lowest and highest priority of jobs in such lanes."""
        return (1, _HIGHEST) if self.is_urgent else (-_HIGHEST, 0)


def lane_of_account(account_id: UUID) -> Lane:
    return Lane(f"account {account_id}")


async def enqueue(connection: asyncpg.Connection, messages: Sequence[Message], lane: Lane) -> None:
    """Enqueues emails in the connection's open transaction: they are sent after its commit, or not at all.

    PostgreSQL merges the NOTIFYs of one transaction. The job's row holds the message with its secret link
    until it is delivered or rejected; pgqueuer's log never contains it.
    """
    lowest, highest = lane.priorities
    plain = [message for message in messages if message.attachment is None]
    attached = [message for message in messages if message.attachment is not None]
    for entrypoint, group in ((DELIVER_EMAIL, plain), (DELIVER_EMAIL_WITH_ATTACHMENT, attached)):
        for start in range(0, len(group), _AT_ONCE):
            payloads = [message.to_json() for message in group[start : start + _AT_ONCE]]
            await connection.execute(_ENQUEUE, entrypoint, payloads, lowest, highest, lane.name)


_AT_ONCE = 200
"""Emails of one statement: to encode thousands would block the event loop."""


# Writes what pgqueuer's `enqueue` writes, and computes the priorities in the same statement. Each round of
# lanes has a priority that is one lower: an email joins the round that is being sent now, or the round after
# the last email of its lane. `least` ignores NULL.
_ENQUEUE = """
WITH place AS (
    SELECT least(
        coalesce(
            (SELECT priority FROM pgqueuer
             WHERE entrypoint = $1::text AND status = 'queued' AND priority BETWEEN $3::int AND $4::int
             AND execute_after <= now()
             ORDER BY priority DESC LIMIT 1),
            $4),
        (SELECT min(priority) - 1 FROM pgqueuer
         WHERE status = 'queued' AND headers->>'lane' = $5::text AND priority BETWEEN $3 AND $4
         AND entrypoint = $1)
    ) AS priority
), enqueued AS (
    INSERT INTO pgqueuer (priority, entrypoint, payload, headers, status)
    SELECT greatest(place.priority - number + 1, $3)::int, $1, payload,
        jsonb_build_object('lane', $5), 'queued'
    FROM place, unnest($2::bytea[]) WITH ORDINALITY AS message (payload, number)
    ORDER BY number
    RETURNING id, priority
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
SELECT id, 'queued', $1, priority FROM enqueued"""


def queries(connection: asyncpg.Connection) -> Queries:
    environment, queue, scheduler = _builders()
    return Queries(AsyncpgDriver(connection), qbe=environment, qbq=queue, qbs=scheduler)


@cache
def _builders() -> tuple[QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder]:
    """Cached, because creating the names takes as long as three statements."""
    names = QueueNames()
    return QueryBuilderEnvironment(names), QueryQueueBuilder(names), QuerySchedulerBuilder(names)


class QueueNames(DBSettings):
    """pgqueuer's default names, not replaced by environment variables such as CHANNEL or FUNCTION."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: object,
        **__: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
