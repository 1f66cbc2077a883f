"""What waits in the database, as the exporter measures it."""

from telemetry.families import (
    BROKEN_LOGS,
    DATABASE_UP,
    EMAIL_OLDEST_SECONDS,
    EMAIL_QUEUE,
    STREAM_OLDEST_SECONDS,
    STREAM_WAITING,
    STREAMS,
    VERIFICATION_OLDEST_SECONDS,
)
from telemetry.series import GaugeFamily
from tests.support.audit_streams import create, write_events
from tests.support.live import account_of
from tests.support.world import World
from web.metrics_exporter import BacklogReader


async def measured(world: World, family: GaugeFamily, *labels: str) -> float:
    assert world.settings.database_url is not None
    reader = BacklogReader(world.settings.database_url.get_secret_value())
    values = await reader.values()
    await reader.close()
    return values[family.name, labels]


async def test_the_age_of_the_oldest_email(world: World) -> None:
    await world.superuser.execute("DELETE FROM pgqueuer")
    assert await measured(world, EMAIL_OLDEST_SECONDS) == 0
    assert await measured(world, EMAIL_QUEUE, "queued") == 0

    await world.superuser.execute(
        """INSERT INTO pgqueuer (priority, status, entrypoint, created, execute_after) VALUES
            (0, 'queued', 'deliver_email', now() - interval '1 hour', now() + interval '1 hour'),
            (0, 'queued', 'deliver_email_with_attachment', now(), now()),
            (0, 'picked', 'deliver_email', now(), now()),
            (0, 'queued', 'another', now() - interval '1 day', now())"""
    )

    assert 3_600 <= await measured(world, EMAIL_OLDEST_SECONDS) < 3_900
    assert await measured(world, EMAIL_QUEUE, "queued") == 2
    assert await measured(world, EMAIL_QUEUE, "picked") == 1
    assert await measured(world, EMAIL_QUEUE, "failed") == 0


async def test_the_events_that_an_audit_stream_has_not_delivered(world: World) -> None:
    await create(world, "https://receiver.example/events")
    assert await measured(world, STREAMS, "active") == 1
    before = await measured(world, STREAM_WAITING)

    await write_events(world, 3)

    assert await measured(world, STREAM_WAITING) == before + 3
    assert 0 < await measured(world, STREAM_OLDEST_SECONDS) < 300
    await world.superuser.execute("UPDATE audit_streams SET status = 'PAUSED'")
    assert await measured(world, STREAMS, "paused") == 1
    assert await measured(world, STREAM_WAITING) == 0
    assert await measured(world, STREAM_OLDEST_SECONDS) == 0


async def test_long_logs_that_do_not_verify(world: World) -> None:
    assert await measured(world, BROKEN_LOGS) == 0
    async with world.superuser.transaction():
        await world.superuser.execute("SET LOCAL session_replication_role = replica")
        await world.superuser.execute(
            "UPDATE audit_heads SET sequence = 10000000 WHERE account_id = $1", account_of(world)
        )
        await world.superuser.execute(
            """INSERT INTO audit_verifications (account_id, verified_through, verified_hash, walked_through,
                walked_hash, walked_at, first_broken_sequence)
            VALUES ($1, 0, '', 0, '', now() - interval '1 day', 7)""",
            account_of(world),
        )

    assert await measured(world, BROKEN_LOGS) == 1
    assert 86_400 <= await measured(world, VERIFICATION_OLDEST_SECONDS) < 87_000


async def test_a_database_that_cannot_be_reached() -> None:
    reader = BacklogReader("postgresql://nobody@127.0.0.1:1/nothing")

    assert await reader.values() == {(DATABASE_UP.name, ()): 0}
