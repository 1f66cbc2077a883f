"""A change is possible in a mutation only."""

from uuid import UUID

import pytest

from models.audit_actions import AuditAction
from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from permissions.context import Context
from resolvers.change import change
from tests.support.changes import nothing_changes
from tests.support.world import World


async def test_nobody_changes_anything_outside_a_mutation(world: World, database: Database) -> None:
    context = Context(
        world.settings, database, AuditAnnouncer(database), Listener(database), token=world.admin.token
    )
    await context.authenticate()

    async with nothing_changes(world):
        with pytest.raises(RuntimeError, match="outside a mutation"):
            async with change(context, UUID(world.account_id[-32:]), AuditAction.ACCOUNT_UPDATED):
                pass
