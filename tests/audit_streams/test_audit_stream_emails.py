"""The number of emails about stopped audit streams is limited."""

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from models.audit_streams import AuditStream, AuditStreamStatus
from resolvers.audit_streams.failures import stop
from tests.support.audit_streams import create, let_private
from tests.support.world import World

ACTIVE = Statement(
    lambda: select(*columns(AuditStream)).where(col(AuditStream.account_id) == parameter("account_id"))
)


async def test_an_audit_stream_that_ends_again_and_again_sends_few_emails(world: World) -> None:
    let_private(world)
    await create(world, "http://localhost:8001/")
    other = await world.join("ADMIN", "other@example.com")
    account_id = await world.superuser.fetchval("SELECT account_id FROM audit_streams")

    for _ in range(25):
        await world.superuser.execute("UPDATE audit_streams SET status = 'ACTIVE'")
        (record,) = await world.database.fetch(ACTIVE.sql, account_id)
        stream = snapshot(AuditStream, record)
        await stop(world.settings, world.database, stream, AuditStreamStatus.ENDED, "It answered 410 Gone.")

    for person in (world.admin, other):
        emails = await world.emails(person.email)
        assert len([email for email in emails if "audit stream" in email.subject]) == 20
    assert len(await world.events(actions=["AUDIT_STREAM_PAUSED"])) == 25
