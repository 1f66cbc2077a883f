"""Which licenses a role sees, by whatever way they are asked for, and what a search does not tell."""

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts import ROLES
from tests.world import World

PROVISION = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
  license { id } userErrors { code } } }"""
REVOKE = """mutation ($input: RevokeLicenseInput!) { revokeLicense(input: $input) {
  license { status } userErrors { code } } }"""
LICENSES = """query ($filter: LicenseFilter, $order: LicenseOrder) { account {
  licenses(filter: $filter, orderBy: $order) { totalCount nodes { site } } } }"""
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
    # Nothing suspends a license yet, and time does not pass in a test.
    if status == "SUSPENDED":
        await world.superuser.execute("UPDATE licenses SET status = 'SUSPENDED' WHERE site = $1", site)
    if status == "EXPIRED":
        await world.superuser.execute("UPDATE licenses SET expires_at = now() WHERE site = $1", site)
    return Licensed(id, site, holder, provisioned_by, status)


@pytest.mark.parametrize("role", ROLES)
async def test_a_list_and_its_count_hold_what_the_role_sees(
    world: World, themes: dict[str, str], licenses: list[Licensed], role: str
) -> None:
    seen = [license for license in licenses if license.is_seen_by(role)]
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
    for holder in ROLES:
        holder_id = world.people[holder].member_id
        filters.append(
            ({"holderIds": [holder_id]}, [license for license in seen if license.holder == holder])
        )

    for filter, due in filters:
        for order in ("NEWEST", "OLDEST", "SITE"):
            data = await world.people[role].ask(LICENSES, filter=filter, order=order)

            found = data["account"]["licenses"]
            assert {node["site"] for node in found["nodes"]} == {license.site for license in due}, filter
            assert found["totalCount"] == len(due), filter


@pytest.mark.parametrize("role", ROLES)
async def test_one_license_is_seen_by_its_id_as_in_the_list(
    world: World, licenses: list[Licensed], role: str
) -> None:
    ask = "query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }"
    ids = [license.id for license in licenses]
    for license in licenses:
        data = await world.people[role].ask(ask, id=license.id, ids=ids)

        assert (data["node"] is not None) == license.is_seen_by(role), license
        assert [node is not None for node in data["nodes"]] == [
            license.is_seen_by(role) for license in licenses
        ]


@pytest.mark.parametrize("role", ROLES)
async def test_a_member_s_licenses_are_those_that_the_viewer_sees(
    world: World, licenses: list[Licensed], role: str
) -> None:
    data = await world.people[role].ask(
        """{ account { limits { activeLicenses } members { nodes { role
             all: licenses { totalCount nodes { site } }
             revoked: licenses(filter: { statuses: [REVOKED] }) { totalCount nodes { site } } } } } }"""
    )

    for member in data["account"]["members"]["nodes"]:
        held = [license for license in licenses if license.holder == member["role"]]
        seen = [license for license in held if license.is_seen_by(role)]
        for name, due in (("all", seen), ("revoked", [one for one in seen if one.status == "REVOKED"])):
            assert {node["site"] for node in member[name]["nodes"]} == {license.site for license in due}
            assert member[name]["totalCount"] == len(due)
    active = [license for license in licenses if license.status == "ACTIVE"]
    assert data["account"]["limits"]["activeLicenses"] == len(active)


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_is_for_admins_and_its_holder(world: World, licenses: list[Licensed], role: str) -> None:
    answer = await world.people[role].post("{ account { licenses { nodes { site key } } } }")

    by_site = {license.site: license for license in licenses}
    nodes = answer["data"]["account"]["licenses"]["nodes"]
    closed = [
        index for index, node in enumerate(nodes) if role != "ADMIN" and by_site[node["site"]].holder != role
    ]
    assert [index for index, node in enumerate(nodes) if node["key"] is None] == closed
    assert [(error["path"], error["extensions"]) for error in answer.get("errors", [])] == [
        (
            ["account", "licenses", "nodes", index, "key"],
            {"code": "FORBIDDEN", "permission": "REVOKE_LICENSES"},
        )
        for index in closed
    ]


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_a_refused_revocation_tells_nothing_of_what_is_not_seen(
    world: World, licenses: list[Licensed], role: str
) -> None:
    for license in licenses:
        answer = await world.people[role].post(REVOKE, input={"licenseId": license.id, "reason": "Mine."})

        errors = [error["extensions"]["code"] for error in answer.get("errors", [])]
        payload = answer["data"]["revokeLicense"]
        if license.is_seen_by(role):
            assert (errors, payload) == (["FORBIDDEN"], None)
        else:
            assert (errors, payload["userErrors"]) == ([], [{"code": "NOT_FOUND"}])


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
