"""Measurement of the backlogs in the database: emails, audit streams, and audit logs to verify."""

from collections.abc import Mapping

from models.database import Database
from resolvers.audit.integrity import MOST_AT_ONCE
from telemetry.families import (
    BROKEN_LOGS,
    EMAIL_OLDEST_SECONDS,
    EMAIL_QUEUE,
    STREAM_OLDEST_SECONDS,
    STREAM_WAITING,
    STREAMS,
    VERIFICATION_OLDEST_SECONDS,
)

Backlogs = Mapping[tuple[str, tuple[str, ...]], float]
"""Values of gauges by their names and the values of their labels."""


async def backlogs(database: Database) -> Backlogs:
    """Measures all of them, by three statements."""
    emails = {record["status"]: record for record in await database.fetch(_EMAILS)}
    (streams,) = await database.fetch(_STREAMS)
    (logs,) = await database.fetch(_LOGS, MOST_AT_ONCE)
    return {
        **{
            (EMAIL_QUEUE.name, (status,)): emails[status]["jobs"] if status in emails else 0
            for status in ("queued", "picked", "failed")
        },
        (EMAIL_OLDEST_SECONDS.name, ()): max((each["oldest"] for each in emails.values()), default=0),
        **{(STREAMS.name, (status,)): streams[status] for status in ("active", "failing", "paused", "ended")},
        (STREAM_WAITING.name, ()): streams["waiting"],
        (STREAM_OLDEST_SECONDS.name, ()): streams["oldest"],
        (BROKEN_LOGS.name, ()): logs["broken"],
        (VERIFICATION_OLDEST_SECONDS.name, ()): logs["oldest"],
    }


_EMAILS = """
SELECT status::text, count(*) AS jobs,
    extract(epoch FROM clock_timestamp() - min(created))::float8 AS oldest
FROM pgqueuer WHERE entrypoint LIKE 'deliver_email%' GROUP BY status"""

# The next event of a stream is found by the primary key of the log.
_STREAMS = """
SELECT count(*) FILTER (WHERE stream.status = 'ACTIVE' AND stream.failing_since IS NULL) AS active,
    count(*) FILTER (WHERE stream.status = 'ACTIVE' AND stream.failing_since IS NOT NULL) AS failing,
    count(*) FILTER (WHERE stream.status = 'PAUSED') AS paused,
    count(*) FILTER (WHERE stream.status = 'ENDED') AS ended,
    coalesce(sum(head.sequence - stream.last_delivered_sequence)
        FILTER (WHERE stream.status = 'ACTIVE'), 0)::bigint AS waiting,
    coalesce(extract(epoch FROM clock_timestamp() - min(next.created_at)), 0)::float8 AS oldest
FROM audit_streams AS stream JOIN audit_heads AS head USING (account_id)
LEFT JOIN LATERAL (
    SELECT created_at FROM audit_events AS event
    WHERE event.account_id = stream.account_id AND event.sequence > stream.last_delivered_sequence
    ORDER BY event.sequence LIMIT 1
) AS next ON stream.status = 'ACTIVE'
WHERE stream.deleted_at IS NULL"""

_LOGS = """
SELECT count(*) FILTER (WHERE mark.first_broken_sequence IS NOT NULL) AS broken,
    coalesce(extract(epoch FROM clock_timestamp() - min(mark.walked_at)), 0)::float8 AS oldest
FROM audit_heads AS head JOIN audit_verifications AS mark USING (account_id)
WHERE head.sequence > $1"""
