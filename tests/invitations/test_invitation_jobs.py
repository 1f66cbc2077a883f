"""Delivery reports and expiry of invitations, with several processes and repeated reports."""

import asyncio
from uuid import UUID

from mailer.messages import InvitationDelivery
from models.database import Database
from models.invitations import DeliveryStatus
from resolvers.invitations.jobs import expire_due, record_delivery
from tests.invitations.test_invitation_delivery import shown
from tests.invitations.test_invitations import invited
from tests.processes.test_faults import account_held
from tests.support.changes import RESEND, nothing_changes
from tests.support.locks import until_waiting
from tests.support.world import World

WORDS = "550 5.1.1 Nobody here"


async def failed(world: World, database: Database, invitation_id: str, attempt: int) -> None:
    email = InvitationDelivery(UUID(world.account_id[-32:]), UUID(invitation_id[-32:]), attempt)
    await record_delivery(database, email, DeliveryStatus.FAILED, WORDS)


async def test_a_failure_that_is_reported_again_is_one_event(world: World, database: Database) -> None:
    id, _ = await invited(world)
    await failed(world, database, id, 1)

    async with nothing_changes(world):
        await failed(world, database, id, 1)

    assert (await shown(world, id))["deliveryError"] == WORDS
    assert len(await world.events(actions=["INVITATION_DELIVERY_FAILED"])) == 1


async def test_the_failure_of_an_older_email_is_not_the_invitation_s(
    world: World, database: Database
) -> None:
    id, _ = await invited(world)
    await world.admin.change(RESEND, invitationId=id)

    async with nothing_changes(world):
        await failed(world, database, id, 1)

    assert (await shown(world, id))["delivery"] == "QUEUED"
    assert await world.events(actions=["INVITATION_DELIVERY_FAILED"]) == []


async def test_an_invitation_expires_once_also_where_two_workers_find_it(
    world: World, database: Database
) -> None:
    await invited(world)
    await world.superuser.execute("UPDATE invitations SET expires_at = now() WHERE status = 'PENDING'")

    async with account_held(world):
        expiring = [asyncio.create_task(expire_due(database)) for _ in range(2)]
        await until_waiting(world.superuser, 2)
    expired = await asyncio.gather(*expiring)

    assert sorted(expired) == [0, 1]
    assert len(await world.events(actions=["INVITATION_EXPIRED"])) == 1
