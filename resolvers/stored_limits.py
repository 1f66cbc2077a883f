"""Limits of emails and of new accounts: token buckets in PostgreSQL, charged in the change's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

# In one order: no two transactions wait for each other. Those that have too little left stay as they are.
_CHARGE = """
INSERT INTO limit_buckets AS kept (subject, full_at)
SELECT subject, clock_timestamp() + $2 FROM unnest($1::text[]) AS subject ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET full_at = greatest(kept.full_at, clock_timestamp()) + $2
WHERE greatest(kept.full_at, clock_timestamp()) + $2 <= clock_timestamp() + $3
RETURNING subject"""
_FULL_AT = "SELECT subject, full_at FROM limit_buckets WHERE subject = ANY($1::text[])"


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """Limit of `most` for each subject. Its bucket refills evenly over the `period`."""

    most: int
    period: timedelta

    async def charge(
        self, driver: asyncpg.Connection, subjects: Sequence[str], count: int = 1
    ) -> dict[str, datetime]:
        """Takes `count` from the bucket of each subject, as long as it has enough. Subjects must differ.
        Returns when the others will have enough."""
        cost = min(count, self.most) * self.period / self.most
        records = await driver.fetch(_CHARGE, subjects, cost, self.period)
        refused = set(subjects).difference(record["subject"] for record in records)
        if not refused:
            return {}
        return {
            record["subject"]: record["full_at"] + cost - self.period
            for record in await driver.fetch(_FULL_AT, list(refused))
        }
