"""What the app's role cannot write into the log, because no export with it could be verified."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from tests.support.rewriting import act_for
from tests.support.world import World


@pytest.fixture
async def app(world: World) -> AsyncIterator[asyncpg.Connection]:
    """As the app's role, for the account."""
    connection = await world.database.connect()
    await act_for(connection, UUID(world.account_id[-32:]))
    yield connection
    await connection.close()


async def write(app: asyncpg.Connection, **values: object) -> None:
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await app.execute(
        "INSERT INTO audit_events"
        f" (account_id, id, action, outcome, summary, actor_kind, actor_name, details, {columns})"
        f" SELECT id, gen_random_uuid(), 'MEMBER_LEFT', 'ALLOWED', 'x', 'SYSTEM', 'x', '{{}}', {places}"
        " FROM accounts",
        *values.values(),
    )


@pytest.mark.parametrize(
    "commitments",
    ["{}", json.dumps({"summary": "0" * 64}), json.dumps({"summary": "0" * 64, "ip": "1" * 64})],
)
async def test_an_event_without_a_salt_is_refused(app: asyncpg.Connection, commitments: str) -> None:
    """Its hash would not cover its personal fields."""
    with pytest.raises(asyncpg.CheckViolationError, match="salt"):
        await write(app, salt=None, field_salts="{}", commitments=commitments)
