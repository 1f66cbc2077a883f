"""Audit events reach a receiver: each at least once, in order, signed, whatever it answers."""

from collections.abc import Iterator

import pytest

from tests.audit_streams import create, delivering, head, let_private, shown, until_shown, write_events
from tests.receiver import receiving
from tests.world import World


@pytest.fixture(autouse=True)
def _private(world: World) -> Iterator[None]:
    let_private(world)
    yield
    object.__setattr__(world.settings, "audit_stream_private_addresses", False)


async def test_events_are_delivered_as_they_come(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        await create(world, receiver.url)
        first = await head(world)
        await write_events(world, 3)
        await receiver.until(taken=4)
        found = await until_shown(world, lastDeliveredSequence=first + 3)

    assert receiver.sequences == [first, first + 1, first + 2, first + 3]
    assert (found["status"], found["undeliveredEvents"], found["failingSince"]) == ("ACTIVE", 0, None)
    assert len(await shown(world)) == 1
