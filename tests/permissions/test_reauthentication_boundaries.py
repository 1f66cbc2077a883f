"""Every operation on an account that requires a new sign-in is tried with a session that it refuses."""

import pytest
import pytest_asyncio

from tests.support.beginnings import Beginnings
from tests.support.credentials import (
    ADA,
    BY_TOKEN_ALONE,
    MUTATIONS,
    QUERIES,
    SUBSCRIPTIONS,
    TwoAccounts,
    two_accounts,
)
from tests.support.graphql_ws import connected
from tests.support.stored_keys import uuid_of
from tests.support.world import World

OF_NO_ACCOUNT = {*BY_TOKEN_ALONE, "createAccount", "eraseViewer", "revokeSession", "revokeOtherSessions"}


@pytest_asyncio.fixture
async def accounts(world: World, themes: dict[str, str], beginnings: Beginnings) -> TwoAccounts:
    """Ada's sessions were ended for the second account, which she owns."""
    found = await beginnings.begin("ada", world, lambda: two_accounts(world, themes))
    await world.superuser.execute(
        "UPDATE members SET sessions_valid_from = clock_timestamp() WHERE email = $1 AND account_id = $2",
        ADA,
        uuid_of(found.second.ids["account"]),
    )
    return found


def error(accounts: TwoAccounts) -> dict[str, str]:
    return {"code": "REAUTHENTICATION_REQUIRED", "accountId": accounts.second.ids["account"]}


async def test_no_mutation_changes_the_account(accounts: TwoAccounts) -> None:
    await accounts.ada.post("{ __typename }")  # Which notes that the session is used.
    before = await accounts.of_second()

    for name in MUTATIONS.keys() - OF_NO_ACCOUNT:
        operation, input = MUTATIONS[name]
        variables = {"input": accounts.filled(input)} if input else {}
        answer = await accounts.ada.post(accounts.filled(operation), **variables)

        assert [each["extensions"] for each in answer["errors"]] == [error(accounts)], (name, answer)
        assert answer["data"] == {name: None}
        assert await accounts.of_second() == before, name


@pytest.mark.usefixtures("each_executor")
async def test_no_query_shows_more_than_the_membership(accounts: TwoAccounts) -> None:
    superuser, account_id = accounts.world.superuser, uuid_of(accounts.second.ids["account"])
    own_ids = """SELECT id FROM members WHERE email = $1 AND account_id = $2
      UNION SELECT s.id FROM sessions s JOIN users u ON u.id = user_id WHERE email = $1"""
    records = await superuser.fetch(own_ids, ADA, account_id)
    own = [account_id.hex, "Second", *(record["id"].hex for record in records)]
    secrets = [each for each in await accounts.secrets() if each not in own]
    assert len(secrets) > 20

    refused = set()
    for name, operations in QUERIES.items():
        if name == "invitation":
            continue  # Anybody reads it who has the link.
        for operation in operations:
            answer = await accounts.ada.post(accounts.filled(operation))
            assert not [each for each in secrets if each in str(answer)], (name, answer)
            refused |= {name for each in answer.get("errors", ()) if each["extensions"] == error(accounts)}
    assert refused == {"viewer", "account", "node", "nodes"}


async def test_no_subscription_follows_the_account(accounts: TwoAccounts) -> None:
    async with connected(accounts.world.settings.public_url, accounts.ada.token) as socket:
        for name, operation in SUBSCRIPTIONS.items():
            subscription = await socket.subscribe(accounts.filled(operation))
            assert await subscription.ended() == [error(accounts)], name
