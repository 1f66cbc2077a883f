"""Licenses that a role sees, by every path, and what a search does not reveal."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
import pytest_asyncio

from tests.support.contracts import ROLES
from tests.support.world import Person, World

pytestmark = pytest.mark.usefixtures("each_executor")

PROVISION = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
  license { id } userErrors { code } } }"""
REVOKE = """mutation ($input: RevokeLicenseInput!) { revokeLicense(input: $input) {
  license { status } userErrors { code } } }"""
SUSPEND = """mutation ($input: SuspendLicenseInput!) { suspendLicense(input: $input) {
  license { status } userErrors { code } } }"""
LICENSES = """query ($filter: LicenseFilter, $order: LicenseOrder) { account {
  licenses(filter: $filter, orderBy: $order) { totalCount nodes { site } } } }"""
OF_MEMBERS = """{ account { limits { activeLicenses } members { nodes { role
  all: licenses { totalCount nodes { site } }
  revoked: licenses(filter: { statuses: [REVOKED] }) { totalCount nodes { site } } } } } }"""
SEARCH = """query ($search: String) { account {
  members(filter: { search: $search, includeRemoved: true }) { totalCount nodes { name } } } }"""

# Site, holder, who provisioned it, status.
ROWS = [
    ("active.admin", "ADMIN", "ADMIN", "ACTIVE"),
    ("revoked.admin", "ADMIN", "ADMIN", "REVOKED"),
    ("suspended.admin", "ADMIN", "ADMIN", "SUSPENDED"),
    ("expired.admin", "ADMIN", "ADMIN", "EXPIRED"),
    ("by-member.admin", "ADMIN", "MEMBER", "SUSPENDED"),
    ("active.member", "MEMBER", "ADMIN", "ACTIVE"),
    ("revoked.member", "MEMBER", "ADMIN", "REVOKED"),
    ("expired.member", "MEMBER", "MEMBER", "EXPIRED"),
    ("active.viewer", "VIEWER", "ADMIN", "ACTIVE"),
    ("revoked.viewer", "VIEWER", "MEMBER", "REVOKED"),
    ("suspended.viewer", "VIEWER", "ADMIN", "SUSPENDED"),
]


@dataclass(frozen=True)
class Licensed:
    id: str
    site: str
    holder: str
    provisioned_by: str
    status: str

    def is_seen_by(self, role: str) -> bool:
        own = role in (self.holder, self.provisioned_by)
        return role == "ADMIN" or self.status == "ACTIVE" or (role == "MEMBER" and own)


@pytest_asyncio.fixture
async def licenses(world: World, themes: dict[str, str]) -> list[Licensed]:
    await world.grant("aurora", 20)
    return [await _license(world, themes["aurora"], *row) for row in ROWS]


async def _license(
    world: World, theme_id: str, site: str, holder: str, provisioned_by: str, status: str
) -> Licensed:
    holder_id = world.people[holder].member_id
    payload = await world.people[provisioned_by].change(
        PROVISION, accountId=world.account_id, themeId=theme_id, site=site, holderId=holder_id
    )
    id = payload["license"]["id"]
    if status == "REVOKED":
        await world.admin.change(REVOKE, licenseId=id, reason="Over.")
    if status == "SUSPENDED":
        await world.admin.change(SUSPEND, licenseId=id, reason="For now.")
    # Time does not pass in a test.
    if status == "EXPIRED":
        await world.superuser.execute("UPDATE licenses SET expires_at = now() WHERE site = $1", site)
    return Licensed(id, site, holder, provisioned_by, status)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sees_its_licenses_by_every_way(
    world: World, themes: dict[str, str], licenses: list[Licensed], role: str
) -> None:
    person = world.people[role]
    holder_ids = {name: holder.member_id for name, holder in world.people.items()}
    seen = [license for license in licenses if license.is_seen_by(role)]

    await _assert_lists(person, seen, themes, holder_ids)
    await _assert_by_id(person, licenses, seen)
    await _assert_of_members(person, licenses, seen)
    await _assert_keys(person, role, {license.site: license.holder for license in licenses})
    if role != "ADMIN":
        await _assert_revocations(person, licenses, seen)


@pytest.mark.parametrize("role", ROLES)
async def test_a_search_for_members_tells_their_addresses_to_admins_alone(world: World, role: str) -> None:
    rename = """mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { user { name } } }"""
    await world.member.change(rename, name="Zoe 100%")

    async def found(search: str) -> set[str]:
        members = (await world.people[role].ask(SEARCH, search=search))["account"]["members"]
        assert members["totalCount"] == len(members["nodes"])
        return {member["name"] for member in members["nodes"]}

    by_address = role == "ADMIN"
    assert await found("zoe") == {"Zoe 100%"}
    assert await found("member@") == ({"Zoe 100%"} if by_address else set())
    assert await found("EXAMPLE.com") == ({"Zoe 100%", "Admin", "Viewer"} if by_address else set())
    assert await found("member") == ({"Zoe 100%"} if by_address else set())
    assert await found("%") == {"Zoe 100%"}
    assert await found("_") == set()


async def _assert_lists(
    person: Person, seen: list[Licensed], themes: dict[str, str], holder_ids: dict[str, str]
) -> None:
    filters: list[tuple[dict[str, Any], list[Licensed]]] = [
        ({}, seen),
        ({"themeIds": [themes["aurora"]]}, seen),
        ({"themeIds": [themes["basalt"]]}, []),
        ({"search": "revoked"}, [license for license in seen if "revoked" in license.site]),
        ({"search": "Aurora"}, seen),
    ]
    filters += [
        ({"statuses": [status]}, [license for license in seen if license.status == status])
        for status in ("ACTIVE", "SUSPENDED", "REVOKED", "EXPIRED")
    ]
    filters += [
        ({"holderIds": [id]}, [license for license in seen if license.holder == holder])
        for holder, id in holder_ids.items()
    ]
    for (filter, due), order in zip(filters, cycle(("NEWEST", "OLDEST", "SITE")), strict=False):
        found = (await person.ask(LICENSES, filter=filter, order=order))["account"]["licenses"]

        assert {node["site"] for node in found["nodes"]} == {license.site for license in due}, filter
        assert found["totalCount"] == len(due), filter


async def _assert_by_id(person: Person, licenses: list[Licensed], seen: list[Licensed]) -> None:
    """What is not seen is null, without an error: it might as well not be there."""
    due = [{"id": license.id} if license in seen else None for license in licenses]
    nodes = await person.ask(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[license.id for license in licenses]
    )
    one_by_one = [
        (await person.ask("query ($id: ID!) { node(id: $id) { id } }", id=license.id))["node"]
        for license in licenses
    ]

    assert nodes["nodes"] == one_by_one == due


async def _assert_of_members(person: Person, licenses: list[Licensed], seen: list[Licensed]) -> None:
    account = (await person.ask(OF_MEMBERS))["account"]

    for member in account["members"]["nodes"]:
        held = [license for license in seen if license.holder == member["role"]]
        for name, due in (("all", held), ("revoked", [one for one in held if one.status == "REVOKED"])):
            assert {node["site"] for node in member[name]["nodes"]} == {license.site for license in due}
            assert member[name]["totalCount"] == len(due)
    active = [license for license in licenses if license.status == "ACTIVE"]
    assert account["limits"]["activeLicenses"] == len(active)


async def _assert_keys(person: Person, role: str, holders: dict[str, str]) -> None:
    """For Admins, and the holder, whatever its role."""
    answer = await person.post("{ account { licenses { nodes { site key } } } }")

    nodes = answer["data"]["account"]["licenses"]["nodes"]
    closed = [index for index, node in enumerate(nodes) if role != "ADMIN" and holders[node["site"]] != role]
    assert [index for index, node in enumerate(nodes) if node["key"] is None] == closed
    assert [(error["path"], error["extensions"]) for error in answer.get("errors", [])] == [
        (
            ["account", "licenses", "nodes", index, "key"],
            {"code": "FORBIDDEN", "permission": "REVOKE_LICENSES"},
        )
        for index in closed
    ]


async def _assert_revocations(person: Person, licenses: list[Licensed], seen: list[Licensed]) -> None:
    for license in licenses:
        answer = await person.post(REVOKE, input={"licenseId": license.id, "reason": "Mine."})

        errors = [error["extensions"]["code"] for error in answer.get("errors", [])]
        payload = answer["data"]["revokeLicense"]
        if license in seen:
            assert (errors, payload) == (["FORBIDDEN"], None)
        else:
            assert (errors, payload["userErrors"]) == ([], [{"code": "NOT_FOUND"}])
