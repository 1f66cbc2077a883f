"""An API key without READ sees only what its change created, by any path."""

from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type

from tests.support.downloads import a_link, all_told
from tests.support.schema_walk import PRINTED
from tests.support.stage import Stage
from tests.support.stored_keys import with_key
from tests.support.world import Person

pytestmark = pytest.mark.usefixtures("each_executor")

FORBIDDEN = [{"code": "FORBIDDEN"}]
SHOWN = {
    "ProvisionLicensePayload": {"license", "userErrors"},
    "RequestThemeDownloadPayload": {"download", "userErrors"},
    "License": set(PRINTED.type_map["License"].fields),  # type: ignore[attr-defined]
    "Download": {"url", "fileName", "mediaType", "size", "expiresAt"},
    "Theme": {"id", "slug", "name", "summary", "tags", "publishedAt", "latestVersion", "price", "releases"}
    | {"viewerCanProvision"},
    "ThemeRelease": {"id", "version", "notes", "releasedAt", "files"},
    "ThemeFile": {"id", "name", "size", "sha256", "mediaType"},
    "Money": {"amount", "currency"},
    "Account": {"id", "name", "slug", "limits", "licenses", "entitlements", "viewerPermissions"},
    "AccountLimits": {"activeLicenses", "maxActiveLicenses", "maxMonthlySpend"},
    "Member": {"id", "name", "licenses"},
    "UserError": {"code", "message", "path"},
}
"""By type, to a key with PROVISION. Of every other type, and of fields that are not here, it sees nothing."""
ARGUMENTS = {"accountId": '(accountId: "account_none")', "items": "(items: [])"}
"""Of fields with required arguments, by the first one."""
MUTATION = """mutation ($input: ProvisionLicenseInput!) {{ provisionLicense(input: $input) {{
  license {{ id site {} }} userErrors {{ code message path }} }} }}"""


def _selections() -> tuple[list[str], list[str]]:
    """Of a license: selections that end in what is shown, and those that leave it by one field."""
    shown, hidden = [], []

    def walk(kind: Any, around: str, types: tuple[str, ...]) -> None:
        for name, field in kind.fields.items():
            result = get_named_type(field.type)
            arguments = ARGUMENTS.get(next(iter(field.args), ""), "")
            below = "" if is_leaf_type(result) else "{ __typename }"
            selection = around.replace("%", f"{name}{arguments} {below}")
            if name not in SHOWN.get(kind.name, set()):
                hidden.append(selection)
            elif is_leaf_type(result):
                shown.append(selection)
            elif result.name.endswith("Connection"):
                shown.append(around.replace("%", f"{name} {{ totalCount }}"))
            elif isinstance(result, GraphQLObjectType | GraphQLInterfaceType) and result.name not in types:
                walk(result, around.replace("%", f"{name} {{ % }}"), (*types, result.name))

    walk(PRINTED.type_map["License"], "%", ("License",))
    return shown, hidden


SHOWN_SELECTIONS, HIDDEN_SELECTIONS = _selections()


async def provisioned(stage: Stage, by: Person, site: str, selection: str, **input: Any) -> dict[str, Any]:
    input = {"accountId": stage.ids["account"], "themeId": stage.ids["theme"], "site": site, **input}
    return await by.post(MUTATION.format(selection), input=input)


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_it_sees_all_of_the_license_that_it_made(stage: Stage, role: str) -> None:
    script = await with_key(stage.world, stage.people[role], "PROVISION")
    license: dict[str, Any] = {}

    for first in range(0, len(SHOWN_SELECTIONS), 20):
        selection = " ".join(SHOWN_SELECTIONS[first : first + 20])
        answer = await provisioned(stage, script, "a.example", selection, idempotencyKey="k")

        assert "errors" not in answer, answer
        license = {**answer["data"]["provisionLicense"]["license"], **license}
    assert license["key"]
    assert license["holder"]["name"]
    assert license["theme"]["slug"]


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_every_path_away_from_it_is_refused_before_anything_is_done(stage: Stage, role: str) -> None:
    script = await with_key(stage.world, stage.people[role], "PROVISION")
    assert len(HIDDEN_SELECTIONS) > 40
    before = await stage.world.superuser.fetchval("SELECT count(*) FROM licenses")

    for selection in HIDDEN_SELECTIONS:
        answer = await provisioned(stage, script, "b.example", selection)

        assert answer.get("data") is None, selection
        assert [error["extensions"] for error in answer["errors"]] == FORBIDDEN, selection
        assert "lacks the scope READ" in answer["errors"][0]["message"]
    assert await stage.world.superuser.fetchval("SELECT count(*) FROM licenses") == before


@pytest.mark.parametrize(
    "document",
    [
        "{ license { ...f } } } fragment f on License { account { auditLog { nodes { id } } } }",
        "{ license { ... on License { account { ... on Account { auditLog { totalCount } } } } } } }",
        "{ license { ... on Node { ... on License { holder { ...m } } } } } }"
        " fragment m on Member { activity { nodes { id } } }",
        "{ license { ... @include(if: true) { provisionedBy { email } } } } }",
        "{ a: license { x: account { y: owner { z: name } } } } }",
        "{ ...p } } fragment p on ProvisionLicensePayload { license { account { members { totalCount } } } }",
        "{ ...p ...p license { account { slug owner { email } } } } }"
        " fragment p on ProvisionLicensePayload { license { id } }",
        "{ license { id } } other: provisionLicense(input: $input) { license { account {"
        " viewerMember { id } } } } }",
    ],
)
async def test_no_spelling_of_a_path_gets_past(stage: Stage, document: str) -> None:
    script = await with_key(stage.world, stage.people["ADMIN"], "PROVISION")
    mutation = "mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) " + document
    input = {"accountId": stage.ids["account"], "themeId": stage.ids["theme"], "site": "c.example"}

    answer = await script.post(mutation, input=input)

    assert answer.get("data") is None
    assert [error["extensions"] for error in answer["errors"]] == FORBIDDEN, answer


async def test_a_license_made_for_another_member_shows_no_key(stage: Stage) -> None:
    script = await with_key(stage.world, stage.people["MEMBER"], "PROVISION")

    answer = await provisioned(stage, script, "d.example", "key", holderId=stage.ids["owner"])

    assert answer["data"]["provisionLicense"]["license"]["key"] is None
    assert [error["extensions"]["permission"] for error in answer["errors"]] == ["REVOKE_LICENSES"]


async def test_a_retry_shows_the_key_to_the_credential_that_made_it(stage: Stage) -> None:
    member = stage.people["MEMBER"]
    script = await with_key(stage.world, member, "PROVISION")
    first = await provisioned(stage, script, "e.example", "key", idempotencyKey="k")

    again = await provisioned(stage, script, "e.example", "key", idempotencyKey="k")

    assert first["data"]["provisionLicense"]["license"]["key"]
    assert again["data"] == first["data"]


@pytest.mark.parametrize("earlier", ["session", "another key"])
async def test_a_retry_shows_no_key_to_another_credential(stage: Stage, earlier: str) -> None:
    """Neither of the member's session nor of another of its keys: this one has not made it."""
    member = stage.people["MEMBER"]
    first = member if earlier == "session" else await with_key(stage.world, member, "PROVISION")
    made = await provisioned(stage, first, "f.example", "key", idempotencyKey="k")
    script = await with_key(stage.world, member, "PROVISION")

    answer = await provisioned(stage, script, "f.example", "key", idempotencyKey="k")

    license = answer["data"]["provisionLicense"]["license"]
    assert license["id"] == made["data"]["provisionLicense"]["license"]["id"]
    assert license["key"] is None
    assert "it can read only what its own change has just created" in answer["errors"][0]["message"]


async def test_a_retry_shows_the_key_to_a_key_with_read(stage: Stage) -> None:
    member = stage.people["MEMBER"]
    made = await provisioned(stage, member, "g.example", "key", idempotencyKey="k")
    script = await with_key(stage.world, member, "PROVISION", "READ")

    assert (await provisioned(stage, script, "g.example", "key", idempotencyKey="k"))["data"] == made["data"]


async def test_a_download_needs_no_scope_but_provision(stage: Stage) -> None:
    script = await with_key(stage.world, stage.people["MEMBER"], "PROVISION")

    link = await a_link(stage.world, stage.ids["license"], by=script)
    response = await stage.world.http.get(link)
    await all_told(stage.world)

    assert response.status_code == 200


async def test_changes_that_its_scopes_do_not_open_are_denied_and_audited(stage: Stage) -> None:
    script = await with_key(stage.world, stage.people["ADMIN"], "PROVISION")
    invite = """mutation ($input: InviteMemberInput!) { inviteMember(input: $input) {
      invitation { account { licenses { nodes { key } } } } } }"""
    input = {"accountId": stage.ids["account"], "email": "x@example.com", "role": "VIEWER"}

    refused = await script.errors(invite, input=input)

    assert refused == [{"code": "FORBIDDEN", "permission": "INVITE_MEMBERS"}]
    denied = await stage.world.events(outcome="DENIED")
    (event,) = [each for each in denied if each["action"] == "MEMBER_INVITED"]
    assert event["details"]["permission"] == "INVITE_MEMBERS"
