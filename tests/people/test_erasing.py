"""A person is erased from all accounts, and their logs still prove themselves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from audit_proof.verification import verify
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_verify import by_node
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    ERASE_VIEWER,
    INVITE_ONE,
    LEAVE,
    PROVISION_LICENSE,
    TRANSFER_LICENSE,
    UPDATE_BILLING,
    UPDATE_PROFILE,
)
from tests.support.dump import found_in_dump
from tests.support.http_clients import loopback_client
from tests.support.limited import limited
from tests.support.personal_data import personal_data_link
from tests.support.world import GENERATE_API_KEY, REQUEST_SIGN_IN, Person, World

EMAIL = "zenobia.quartz@example.org"
NAME, LATER_NAME = "Zenobia Quartz", "Zenobia Quartz-Ōtomo"
IP = "203.0.113.77"
AGENT = "ZenobiaBrowser/9"
TRACES = (EMAIL, "Zenobia", IP)
INTEGRITY = "{ account { auditIntegrity { verified checkedEvents } } }"


@dataclass
class Scene:
    """Somebody who has done everything in an account and left it, and is known in two others."""

    world: World
    person: Person

    async def erase(self) -> None:
        payload = await self.person.change(ERASE_VIEWER, email=EMAIL)
        assert payload == {"userErrors": []}


async def _act(there: World, browser: httpx.AsyncClient, themes: dict[str, str]) -> Person:
    admin, account = there.admin, there.account_id
    await admin.change(INVITE_ONE, accountId=account, email=EMAIL, role="VIEWER", message=f"Welcome, {NAME}")
    browser.headers.update({"x-forwarded-for": IP, "user-agent": AGENT})
    accept = """mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
      member { id } sessionToken userErrors { code } } }"""
    joined = await Person(browser).change(accept, token=await there.token_for(EMAIL), name=NAME)
    person = Person(browser, EMAIL, joined["sessionToken"], joined["member"]["id"])
    input = {"accountId": account, "email": EMAIL.upper(), "role": "ADMIN"}
    refused = await person.post(INVITE_ONE, input=input)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    await admin.change(CHANGE_ROLE, memberId=person.member_id, role="ADMIN")
    await person.change(
        INVITE_ONE, accountId=account, email="bo@example.com", role="VIEWER", message=f"Yours, {NAME}"
    )
    license = await person.change(
        PROVISION_LICENSE, accountId=account, themeId=themes["aurora"], site="a.example.com"
    )
    await person.change(GENERATE_API_KEY, accountId=account, name=f"Laptop of {NAME}")
    await person.change(UPDATE_BILLING, accountId=account, company=NAME, email=EMAIL)
    await person.change(UPDATE_PROFILE, name=LATER_NAME)
    await admin.change(
        TRANSFER_LICENSE, licenseId=license["license"]["id"], toMemberId=there.member.member_id
    )
    await admin.change(TRANSFER_LICENSE, licenseId=license["license"]["id"], toMemberId=person.member_id)
    await Person(browser).change(REQUEST_SIGN_IN, email=EMAIL)
    assert (await browser.get(await personal_data_link(person))).status_code == 200
    payload = await person.change(LEAVE, accountId=account)
    assert payload["userErrors"] == []
    await personal_data_link(person)
    return person


@pytest.fixture
async def scene(world: World, themes: dict[str, str]) -> AsyncIterator[Scene]:
    await world.grant("aurora", 5)
    async with (
        limited(world, trusted_proxies=("127.0.0.1",)) as (there, _),
        loopback_client(str(there.http.base_url)) as browser,
    ):
        person = await _act(there, browser, themes)
        yield Scene(world, person)


async def test_nothing_of_an_erased_person_is_in_a_dump(
    scene: Scene, superuser_url: str, tmp_path: Path
) -> None:
    world = scene.world
    before = await exported(world, tmp_path / "before")
    assert len({line.partition(":")[0] for line in await found_in_dump(superuser_url, *TRACES)}) >= 10

    await scene.erase()

    assert await found_in_dump(superuser_url, *TRACES) == []
    await chain.assert_whole(world.superuser)
    integrity = (await world.admin.ask(INTEGRITY))["account"]["auditIntegrity"]
    assert integrity["verified"]
    after = await exported(world, tmp_path / "after")
    for export in (before, after):
        assert verify(export).events > 20
        assert by_node(export).returncode == 4
    assert not [trace for trace in TRACES if trace in after.read_text()]
