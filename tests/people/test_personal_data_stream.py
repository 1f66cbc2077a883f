"""The document is sent while it is made: in little memory, and of one moment while rows change."""

import asyncio
import tracemalloc

import orjson
import pytest

from models.database import Database
from resolvers.people.personal_data import personal_data
from tests.support.downloads import all_told
from tests.support.many_events import more_events
from tests.support.personal_data import personal_data_link
from tests.support.world import World


@pytest.mark.measures
async def test_many_events_come_in_the_memory_of_a_few(world: World, database: Database) -> None:
    await more_events(world, 30_000, world.admin)
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = 'admin@example.com'")
    lines = count = 0
    last = b""

    tracemalloc.start()
    async for piece in personal_data(database, user_id):
        lines, count, last = lines + piece.count(b"\n"), count + len(piece), piece
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert lines > 30_000
    assert count > 16_000_000
    assert last.endswith(b"]}\n")
    assert peak < 8_000_000


async def test_events_are_read_along_their_index(world: World) -> None:
    """PostgreSQL would read the whole log and sort millions of events before it sends the first one."""
    await more_events(world, 40_000, world.admin, every=4)
    await world.superuser.execute("VACUUM ANALYZE audit_events")
    before = await _scans(world)

    response = await world.http.get(await personal_data_link(world.admin))

    events = response.json()["auditEvents"]
    sequences = [event["sequence"] for event in events]
    assert len(events) > 10_000
    assert sequences == sorted(sequences)
    assert await _scans(world) == before
    await all_told(world)


async def _scans(world: World) -> int:
    """Number of times that the log was read from its beginning to its end. A connection reports it when it
    is closed."""
    exporting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()"
    async with asyncio.timeout(20):
        while await world.superuser.fetchval(exporting):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    statement = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'audit_events'"
    return int(await world.superuser.fetchval(statement))


async def test_it_is_of_one_moment_while_rows_change(world: World) -> None:
    """Each transaction changes the name in two sections and appends an event with it."""
    await more_events(world, 20_000, world.admin)
    has_begun, is_over = asyncio.Event(), asyncio.Event()
    changes = 0

    async def change() -> None:
        nonlocal changes
        while not is_over.is_set():
            changes += 1
            await world.superuser.execute(
                f"""BEGIN; SET LOCAL session_replication_role = replica;
                UPDATE users SET name = 'Name {changes}' WHERE email = 'admin@example.com';
                UPDATE members SET name = 'Name {changes}' WHERE email = 'admin@example.com';
                UPDATE audit_events SET actor_name = 'Name {changes}'
                WHERE request_id = 'many' AND sequence % 1000 = 0;
                INSERT INTO sign_in_links (token_hash, email, created_at, expires_at)
                VALUES (sha256('{changes}'), 'admin@example.com', now(), now()); COMMIT"""
            )
            has_begun.set()

    changing = asyncio.create_task(change())
    await has_begun.wait()
    names = []
    for _ in range(5):
        response = await world.http.get(await personal_data_link(world.admin))
        document = orjson.loads(response.content)
        (name,) = {
            document["user"]["name"],
            *(member["name"] for member in document["memberships"]),
            *(
                event["actorName"]
                for event in document["auditEvents"]
                if event["requestId"] == "many" and event["sequence"] % 1000 == 0
            ),
        }
        assert len(document["signInLinks"]) == int(name.removeprefix("Name ")) + 1
        names.append(name)
    is_over.set()
    await changing

    assert len(set(names)) > 1
    assert changes > 5
    await all_told(world)
