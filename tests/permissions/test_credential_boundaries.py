"""A credential has no effect in accounts that it does not belong to, and an API key is not a person."""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio

from tests.support.beginnings import Beginnings
from tests.support.credentials import (
    BY_TOKEN_ALONE,
    KEYS,
    MUTATIONS,
    NO_CREDENTIAL,
    OTHERS,
    QUERIES,
    SUBSCRIPTIONS,
    TwoAccounts,
    two_accounts,
)
from tests.support.downloads import REQUEST_DOWNLOAD, all_told
from tests.support.graphql_ws import connected
from tests.support.locks import until_waiting
from tests.support.stored_keys import uuid_of
from tests.support.world import PROVISION, Person, World

REFUSALS = {"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED", "TOKEN_INVALID", "WRONG_EMAIL"}


@pytest_asyncio.fixture
async def accounts(world: World, themes: dict[str, str], beginnings: Beginnings) -> TwoAccounts:
    return await beginnings.begin("ada", world, lambda: two_accounts(world, themes))


@pytest.mark.parametrize("kind", [*KEYS, *NO_CREDENTIAL, *OTHERS])
async def test_a_credential_of_another_account_changes_nothing(accounts: TwoAccounts, kind: str) -> None:
    person = await accounts.with_credential(kind)
    await person.post("{ __typename }")  # Which notes that the credential is used.
    by_token = BY_TOKEN_ALONE if kind not in KEYS else set()
    of_persons = {
        "createAccount",
        "eraseViewer",
        "requestPersonalData",
        "revokeOtherSessions",
        "updateProfile",
    }
    own = of_persons if kind in OTHERS else set()
    before, secrets = await accounts.of_second(), await accounts.secrets()

    for name in MUTATIONS.keys() - by_token - own:
        operation, input = MUTATIONS[name]
        answer = await person.post(
            accounts.filled(operation), **({"input": accounts.filled(input)} if input else {})
        )

        assert _is_refused(answer), (name, answer)
        assert not _found(secrets, answer), (name, answer)
        assert await accounts.of_second() == before, name


@pytest.mark.parametrize("kind", [*KEYS, "unclaimed key", *OTHERS])
async def test_a_credential_of_another_account_reads_nothing(accounts: TwoAccounts, kind: str) -> None:
    person = await accounts.with_credential(kind)
    secrets = await accounts.secrets()
    if kind in OTHERS:  # A session lists its own person's sessions.
        own = await person.ask("{ viewer { sessions { id } } }")
        secrets = [each for each in secrets if each not in json.dumps(own)]

    for name, operations in QUERIES.items():
        if kind in OTHERS and name == "invitation":
            continue  # Anybody reads it who has the link.
        for operation in operations:
            answer = await person.post(accounts.filled(operation))
            assert not _found(secrets, answer), (name, answer)


@pytest.mark.parametrize("kind", ["key READ", "key READ and PROVISION", *OTHERS])
async def test_a_credential_of_another_account_follows_nothing(accounts: TwoAccounts, kind: str) -> None:
    person = await accounts.with_credential(kind)

    async with connected(accounts.world.settings.public_url, person.token) as socket:
        for name, operation in SUBSCRIPTIONS.items():
            subscription = await socket.subscribe(accounts.filled(operation))
            assert await subscription.ended() == [{"code": "NOT_FOUND"}], name


async def test_the_person_s_session_may_do_all_of_it(accounts: TwoAccounts) -> None:
    """Or the refusals above would say nothing."""
    refused = {}
    for name, (operation, input) in MUTATIONS.items():
        variables = {"input": accounts.filled(input)} if input else {}
        answer = await accounts.ada.post(accounts.filled(operation), **variables)
        if _is_refused(answer):
            refused[name] = answer

    # Others were invited and are to claim the key; signing in anew may have ended the session.
    others = {"claimApiKey", "declineInvitation", "acceptInvitation"}
    assert others <= refused.keys() <= {*others, "signOut"}, refused


async def test_an_api_key_is_no_person(accounts: TwoAccounts) -> None:
    script = await accounts.with_credential("key READ")

    viewer = (await script.ask("{ viewer { sessions { id ip } memberships { id } } }"))["viewer"]
    node = await script.ask(
        "query ($id: ID!) { node(id: $id) { id } }", id=accounts.second.ids["own_session"]
    )

    assert viewer == {"sessions": [], "memberships": [{"id": accounts.member_id}]}
    assert node == {"node": None}


async def test_the_use_of_a_key_is_noted_in_its_own_account_alone(accounts: TwoAccounts) -> None:
    await accounts.world.superuser.execute("UPDATE members SET last_active_at = NULL")
    script = await accounts.with_credential("key READ")

    await script.ask("{ viewer { user { email } } }")

    active = await accounts.world.superuser.fetch("SELECT id FROM members WHERE last_active_at IS NOT NULL")
    assert [row["id"] for row in active] == [uuid_of(accounts.member_id)]


async def test_a_link_is_refused_to_a_key_of_the_person_s_other_account(accounts: TwoAccounts) -> None:
    ids = accounts.second.ids
    payload = await accounts.ada.change(REQUEST_DOWNLOAD, licenseId=ids["license"], fileId=ids["file"])
    script = await accounts.with_credential("key READ and PROVISION")
    path = payload["download"]["url"].removeprefix(accounts.world.settings.public_url)

    async def status(person: Person) -> int:
        headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
        return (await accounts.world.http.get(path, headers=headers)).status_code

    statuses = [await status(person) for person in (script, accounts.ada, accounts.world.nobody)]
    await all_told(accounts.world)

    assert statuses == [403, 200, 200]


async def test_a_key_replays_nothing_of_the_person_s_other_account(accounts: TwoAccounts) -> None:
    ids = accounts.second.ids
    input = {"accountId": ids["account"], "themeId": ids["theme"], "site": "a.example", "idempotencyKey": "k"}
    assert (await accounts.ada.change(PROVISION, **input))["license"]
    script = await accounts.with_credential("key PROVISION")

    payload = await script.change(PROVISION, **input)

    assert payload["license"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


async def test_a_membership_that_ends_while_a_change_waits_changes_nothing(accounts: TwoAccounts) -> None:
    """Nor does another membership of the same person stand in for it."""
    ids, superuser = accounts.second.ids, accounts.world.superuser
    input = {"accountId": ids["account"], "themeId": ids["theme"], "site": "a.example"}
    member = accounts.second.world.member
    async with superuser.transaction():
        await superuser.execute("SELECT FROM accounts FOR UPDATE")
        asking = asyncio.create_task(member.post(PROVISION, input=input))
        await until_waiting(superuser)
        await superuser.execute(
            "UPDATE members SET removed_at = now() WHERE id = $1", uuid_of(member.member_id)
        )
        await superuser.execute(
            "INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at)"
            " SELECT account_id, gen_random_uuid(), user_id, name, email, role, false, now()"
            " FROM members WHERE id = $1",
            uuid_of(member.member_id),
        )

    payload = (await asking)["data"]["provisionLicense"]

    assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


def _is_refused(answer: dict[str, Any]) -> bool:
    """With one of the codes that say so, and no result."""
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    data = answer.get("data") or {}
    for payload in data.values():
        codes += [error["code"] for error in (payload or {}).get("userErrors", [])]
    results = [
        value for payload in data.values() for name, value in (payload or {}).items() if name != "userErrors"
    ]
    return bool(codes) and set(codes) <= REFUSALS and not any(results)


def _found(secrets: list[str], answer: dict[str, Any]) -> list[str]:
    text = json.dumps(answer)
    return [secret for secret in secrets if secret in text]
