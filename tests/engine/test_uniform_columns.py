"""A page costs the same in a table whose rows are all alike, where PostgreSQL's statistics say that a filter
leaves all rows: a flood of one kind of event does not make the filters of all accounts read whole logs."""

import re
from typing import Any

import asyncpg
import pytest

from models.database import _READING_SETTINGS
from tests.engine.test_reads import Noted, ask, noted
from tests.support.stage import Stage

__all__ = ["noted"]
ROWS = 3_000
NOBODIES = [f"member_{number:032x}" for number in range(1, 5)]
FILTERS: dict[str, list[dict[str, Any]]] = {
    "auditLog": [
        {"actorIds": NOBODIES[:1]},
        {"actorIds": NOBODIES},
        {"actorIds": NOBODIES, "outcome": "ALLOWED"},
        {"actions": ["MEMBER_REMOVED"]},
        {"actions": ["MEMBER_REMOVED", "INVOICE_VOIDED"]},
        {"outcome": "DENIED"},
        {"targetId": "license_00000000000070008000000000000001"},
        {"apiKeyId": "api_key_00000000000070008000000000000001"},
        {"ip": "192.0.2.1"},
        {"requestId": "none"},
        {"text": "nobody"},
        {"text": "%%%"},
        {"text": "nobody", "outcome": "DENIED"},
        {"text": "nobody", "targetTypes": ["AuditStream", "ApiKey", "Session"]},
        {"text": "nobody", "actions": ["API_CALLED"]},
        {"targetTypes": ["AuditStream"]},
        {"targetTypes": ["AuditStream", "ApiKey", "Session"]},
        {"credentialKinds": ["OPERATOR"]},
        {"credentialKinds": ["OPERATOR", "API_KEY", "INVITATION"]},
    ],
    "licenses": [
        {"holderIds": NOBODIES},
        {"statuses": ["SUSPENDED"]},
        {"themeIds": ["theme_00000000000070008000000000000001"]},
    ],
}
TYPES = {"auditLog": "AuditLogFilter", "licenses": "LicenseFilter"}
ALIKE = {
    "audit_events": {"sequence": "1000 + n", "id": "gen_random_uuid()"},
    "licenses": {
        "id": "gen_random_uuid()",
        "site": "n || '.example'",
        "key": "'key ' || n",
        "status": "'REVOKED'",
    },
}


async def fill(superuser: asyncpg.Connection, table: str) -> None:
    """Copies one row many times, and removes all others."""
    names = [
        row[0]
        for row in await superuser.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = $1 AND is_generated = 'NEVER'",
            table,
        )
    ]
    values = ", ".join(ALIKE[table].get(name, f"one.{name}") for name in names)
    await superuser.execute(
        f"CREATE TEMP TABLE one AS SELECT * FROM {table} LIMIT 1; DELETE FROM {table};"
        f" INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM one, generate_series(1, {ROWS}) n;"
        f" DROP TABLE one; ANALYZE {table}"
    )


async def plan(url: str, sql: str, arguments: tuple[Any, ...]) -> str:
    """As the app's connections run it: one plan for all values."""
    connection = await asyncpg.connect(url, server_settings=_READING_SETTINGS)
    given = ", ".join("NULL" if argument is None else f"'{argument}'" for argument in arguments)
    try:
        await connection.execute(f"PREPARE page AS {sql}")
        lines = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) EXECUTE page({given})")
    finally:
        await connection.close()
    return "\n".join(line[0] for line in lines)


@pytest.mark.parametrize(
    ("field", "filter"), [(field, filter) for field, filters in FILTERS.items() for filter in filters]
)
async def test_a_filter_that_nothing_meets_reads_no_rows(
    stage: Stage, noted: Noted, database_url: str, field: str, filter: dict[str, Any]
) -> None:
    await fill(stage.world.superuser, "audit_events" if field == "auditLog" else field)
    text = (
        f"query ($filter: {TYPES[field]}) {{ account {{ {field}(filter: $filter) {{ nodes {{ id }} }} }} }}"
    )

    data = await ask(stage, noted, stage.owner, text, filter=filter)

    assert field in data["account"]
    found = await plan(database_url, *noted.statements[1])
    removed = [int(count) for count in re.findall(r"Rows Removed by Filter: (\d+)", found)]
    assert max(removed, default=0) < ROWS // 10, found
