"""Refusals of the operator's commands, also under concurrency."""

import asyncio

import pytest

from models.accounts import Account
from resolvers.accounts import operator
from resolvers.user_errors import UserErrors
from tests.support.locks import until_waiting
from tests.support.world import World


async def test_of_two_accounts_with_one_slug_at_once_one_is_made(world: World) -> None:
    async with world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE")
        creating = [
            asyncio.create_task(operator.create_account(world.database, "Beta", f"{name}@example.com"))
            for name in ("ada", "bob")
        ]
        await until_waiting(world.superuser, 2)
    outcomes = await asyncio.gather(*creating, return_exceptions=True)

    (refused,) = (each for each in outcomes if isinstance(each, UserErrors))
    assert [each.slug for each in outcomes if isinstance(each, Account)] == ["beta"]
    assert str(refused) == "The slug beta is taken: choose another one with --slug."
    assert await world.superuser.fetchval("SELECT count(*) FROM accounts WHERE slug = 'beta'") == 1


async def test_a_theme_that_is_not_there_is_granted_to_nobody(world: World) -> None:
    with pytest.raises(UserErrors) as refused:
        await operator.grant_entitlement(world.database, "acme", "nothing", 1)

    assert str(refused.value) == "There is no such theme as nothing."
    assert await world.superuser.fetchval("SELECT count(*) FROM entitlements") == 0
