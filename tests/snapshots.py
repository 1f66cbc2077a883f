"""What the tables held at a moment, to begin many tests with: copying it back takes a few milliseconds."""

from dataclasses import dataclass
from io import BytesIO

import asyncpg


@dataclass
class Snapshot:
    """Every table that was not empty, as PostgreSQL's binary COPY."""

    tables: dict[str, bytes]

    @classmethod
    async def take(cls, superuser: asyncpg.Connection) -> "Snapshot":
        names = await superuser.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        )
        tables = {}
        for (name,) in names:
            if await superuser.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):
                copy = BytesIO()
                await superuser.copy_from_table(name, output=copy, format="binary")
                tables[name] = copy.getvalue()
        return cls(tables)

    async def restore(self, superuser: asyncpg.Connection) -> None:
        """Into empty tables, past the triggers: the log's numbers and hashes are what they were."""
        async with superuser.transaction():
            await superuser.execute("SET LOCAL session_replication_role = replica")
            for name, copy in self.tables.items():
                await superuser.copy_to_table(name, source=BytesIO(copy), format="binary")
            # Used just now: the next request need not note it.
            await superuser.execute("UPDATE sessions SET last_used_at = now()")
