"""What the holder of a license can change about it, by its role and the scopes of its API key; and what other
members can."""

import asyncio
from typing import Any

import pytest

from tests.licenses.test_license_changes import provision
from tests.processes.test_faults import account_held
from tests.support.answers import forbidden
from tests.support.changes import TRANSFER_LICENSE, codes
from tests.support.contracts import MATRIX, ROLES, SCOPES
from tests.support.locks import until_waiting
from tests.support.permission_changes import CHANGES, OF_HOLDERS, Change
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import Person, World

BY_NAME = {change.name: change for change in CHANGES}
CREDENTIALS = ("session", *SCOPES, "every scope")


async def held_by(world: World, theme_id: str, holder: Person) -> str:
    id = await provision(world, theme_id)
    if holder is not world.member:
        payload = await world.admin.change(TRANSFER_LICENSE, licenseId=id, toMemberId=holder.member_id)
        assert not codes(payload)
    return id


async def attempt(person: Person, change: Change, license_id: str) -> dict[str, Any]:
    return await person.post(change.operation, input={**change.input, "licenseId": license_id})


def may(role: str, scopes: list[str] | None, permission: str) -> bool:
    carried = set(MATRIX) if scopes is None else set().union(*(SCOPES[scope] for scope in scopes))
    return role in MATRIX[permission] and permission in carried


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("role", ROLES)
async def test_a_holder_needs_one_of_two_permissions(
    world: World, themes: dict[str, str], role: str, credential: str
) -> None:
    id = await held_by(world, themes["aurora"], world.people[role])
    scopes = {"session": None, "every scope": list(SCOPES)}.get(credential, [credential])
    person = world.people[role] if scopes is None else await with_key(world, world.people[role], *scopes)
    for name in OF_HOLDERS:
        change = BY_NAME[name]
        answer = await attempt(person, change, id)

        events = await world.events(actions=[change.action])
        told = [(event["outcome"], event["targetId"]) for event in events]
        if role == "VIEWER" and scopes is not None:
            assert [error["extensions"] for error in answer["errors"]] == [forbidden("ACCESS_API")]
            assert told == []
        elif may(role, scopes, "PROVISION_LICENSES") or may(role, scopes, "REVOKE_LICENSES"):
            assert "errors" not in answer, answer
            assert not codes(answer["data"][name])
            assert told == [("ALLOWED", id)]
        else:
            assert answer["data"] == {name: None}
            assert [error["extensions"] for error in answer["errors"]] == [forbidden("PROVISION_LICENSES")]
            assert told == [("DENIED", id)]


@pytest.mark.parametrize("name", OF_HOLDERS)
async def test_who_provisioned_it_for_another_member_cannot(
    world: World, themes: dict[str, str], name: str
) -> None:
    id = await held_by(world, themes["aurora"], world.viewer)

    answer = await attempt(world.member, BY_NAME[name], id)

    assert [error["extensions"] for error in answer["errors"]] == [forbidden("REVOKE_LICENSES")]
    assert (await world.events())[0]["outcome"] == "DENIED"


@pytest.mark.parametrize("name", OF_HOLDERS)
async def test_who_loses_it_while_the_change_waits_cannot(
    world: World, themes: dict[str, str], name: str
) -> None:
    """The holder is the one under the account's lock, not the one before."""
    id = await provision(world, themes["aurora"])
    change = BY_NAME[name]
    async with account_held(world):
        changing = asyncio.create_task(attempt(world.member, change, id))
        await until_waiting(world.superuser)
        await world.superuser.execute("UPDATE licenses SET holder_id = $1", uuid_of(world.viewer.member_id))

    answer = await changing
    assert answer["data"] == {name: None}
    assert [error["extensions"] for error in answer["errors"]] == [forbidden("REVOKE_LICENSES")]
    assert [event["outcome"] for event in await world.events(actions=[change.action])] == ["DENIED"]
