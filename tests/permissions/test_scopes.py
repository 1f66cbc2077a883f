"""The matrix of scopes over HTTP: what an API key reads and changes, by its scopes, its member's role and the
path."""

import re
from typing import Any

import pytest

from engine.compiled_operations import executions
from tests.support.answers import forbidden, nulls
from tests.support.changes import SET_LIMITS
from tests.support.contracts import MATRIX, SCOPES, permissions_of
from tests.support.permission_changes import CHANGES, Change
from tests.support.permission_reads import READS, GuardedRead
from tests.support.stage import Stage
from tests.support.stored_keys import with_key
from tests.support.world import PROVISION

KEYS = [(role, scope) for role in ("ADMIN", "MEMBER") for scope in SCOPES]
SEES = {
    "PROVISION": {"BROWSE_CATALOG", "VIEW_ACTIVE_LICENSES"},
    "LICENSES": {"BROWSE_CATALOG", "VIEW_ACTIVE_LICENSES", "VIEW_TEAM"},
    "TEAM": {"BROWSE_CATALOG", "VIEW_TEAM"},
    "BILLING": {"BROWSE_CATALOG", "VIEW_ACTIVE_LICENSES"},
    "ACCOUNT": {"BROWSE_CATALOG", "VIEW_TEAM"},
}
"""Permissions with which a key without READ reads what the changes of its scope are about."""
READING = {"requestReport", "requestInvoiceDownload"}
PEOPLE_ALONE = {"transferOwnership"}
"""Change with a permission that a scope carries, and that no key can make."""


def test_the_contract_describes_each_scope() -> None:
    assert list(SCOPES) == ["READ", "PROVISION", "LICENSES", "TEAM", "BILLING", "ACCOUNT"]
    assert set().union(*SCOPES.values()) == {change.permission for change in CHANGES} - {
        *("DOWNLOAD_REPORTS", "GENERATE_API_KEYS")
    }


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize(("role", "scope"), KEYS)
async def test_a_key_reads_what_its_scope_is_about(stage: Stage, role: str, scope: str) -> None:
    script = await with_key(stage.world, stage.people[role], scope)
    opened = (SCOPES[scope] | SEES.get(scope, frozenset())) & set(permissions_of(role))
    wrong, seen = [], set()
    for read in READS:
        by_key = await script.post(stage.filled(read.operation, role))
        by_session = await _by_session(stage, role, read.operation)
        value = _value(by_key.get("data"), read.at)
        if scope == "READ":
            if _told(by_key) != _told(by_session):
                wrong.append(f"{read} → {by_key} and not {by_session}")
        elif value is not None:
            seen.add(read.permission)
            if list(nulls(value)) != list(nulls(_value(by_session["data"], read.at))):
                wrong.append(f"{read} → {by_key} and not {by_session}")
        elif _codes(by_key) != {"FORBIDDEN"} or _is_due(read, opened):
            wrong.append(f"{read} → {by_key}")

    assert wrong == []
    if scope != "READ":
        assert seen == opened & {read.permission for read in READS}


@pytest.mark.parametrize(("role", "scope"), [*KEYS, ("ADMIN", "every scope"), ("MEMBER", "every scope")])
async def test_a_key_changes_what_its_scope_carries(stage: Stage, role: str, scope: str) -> None:
    scopes = list(SCOPES) if scope == "every scope" else [scope]
    script = await with_key(stage.world, stage.people[role], *scopes)
    await script.post("{ __typename }")  # Which notes that the key is used.
    before, wrong = await stage.stored(), []

    for change in CHANGES:
        if not _may(role, scopes, change):
            answer = await script.post(change.operation, input=stage.input_of(change, role))
            if [error["extensions"] for error in answer.get("errors", [])] != [forbidden(change.permission)]:
                wrong.append(f"{change.name} → {answer}")
            denied = (await stage.world.events(outcome="DENIED"))[1]
            if denied["action"] != change.action or denied["actor"]["credential"]["id"] != script.member_id:
                wrong.append(f"{change.name} → {denied}")
    assert wrong == []
    assert await stage.stored() == before

    for change in CHANGES:
        if _may(role, scopes, change):
            answer = await script.post(change.operation, input=stage.input_of(change, role))
            payload = (answer.get("data") or {}).get(change.name) or {"userErrors": None}
            if "errors" in answer or payload["userErrors"] != []:
                wrong.append(f"{change.name} → {answer}")
    assert wrong == []


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_of_a_viewer_is_refused_whatever_its_scopes(stage: Stage, scope: str) -> None:
    script = await with_key(stage.world, stage.people["VIEWER"], scope)

    for operation in ("{ catalog { totalCount } }", SET_LIMITS):
        answer = await script.post(operation, input={"accountId": stage.ids["account"]})
        assert "data" not in answer
        assert [error["extensions"] for error in answer["errors"]] == [forbidden("ACCESS_API")]


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "READ"])
@pytest.mark.parametrize(
    "operation",
    [
        "{ viewer { user { email } } }",
        "{ account { viewerMember { email } } }",
        "{ account { apiKeys { totalCount } } }",
        "{ account { owner { name } } }",
        "{ account { auditLog { totalCount } } }",
    ],
)
async def test_no_scope_but_read_opens_a_person_s_own_affairs_or_the_log(
    stage: Stage, scope: str, operation: str
) -> None:
    script = await with_key(stage.world, stage.people["ADMIN"], scope)

    answer = await script.post(operation)

    assert "data" not in answer
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "FORBIDDEN"}]
    assert "lacks the scope READ" in answer["errors"][0]["message"]


async def test_a_key_for_licenses_finds_and_reinstates_a_suspended_one(stage: Stage) -> None:
    suspend = next(change for change in CHANGES if change.name == "suspendLicense")
    reinstate = next(change for change in CHANGES if change.name == "reinstateLicense")
    await stage.ask("ADMIN", suspend.operation, input=stage.input_of(suspend, "ADMIN"))
    script = await with_key(stage.world, stage.people["ADMIN"], "LICENSES")

    found = await script.ask("{ account { licenses(filter: { statuses: [SUSPENDED] }) { nodes { id } } } }")
    (license,) = found["account"]["licenses"]["nodes"]
    payload = await script.change(reinstate.operation, licenseId=license["id"])

    assert payload == {"license": {"status": "ACTIVE"}, "userErrors": []}


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("changeMemberRole", {"role": "VIEWER"}),
        ("setMemberLimits", {"maxActiveLicenses": 1}),
        ("setMemberAccess", {"until": "2100-01-01T00:00:00Z"}),
        ("removeMember", {}),
    ],
)
async def test_a_key_changes_every_member_but_its_own(stage: Stage, name: str, input: dict[str, Any]) -> None:
    change = next(change for change in CHANGES if change.name == name)
    admin = stage.people["ADMIN"]
    script = await with_key(stage.world, admin, *SCOPES)

    answer = await script.post(change.operation, input={"memberId": admin.member_id, **input})
    other = await script.change(change.operation, memberId=stage.ids["bystander"], **input)

    assert answer["data"] == {name: None}
    (error,) = answer["errors"]
    assert error["extensions"] == forbidden(change.permission)
    assert error["message"].endswith("sign in to do it, or use the key of another Admin.")
    denied = (await stage.world.events(outcome="DENIED"))[1]
    assert (denied["action"], denied["targetId"]) == (change.action, admin.member_id)
    assert other["userErrors"] == []
    (me,) = (await admin.ask("{ viewer { memberships { role } } }"))["viewer"]["memberships"]
    assert me["role"] == "ADMIN"


@pytest.mark.parametrize("name", ["changeMemberRoles", "removeMembers"])
async def test_a_key_changes_many_members_but_not_with_its_own(stage: Stage, name: str) -> None:
    """Refused as a whole, as one that names the member alone is."""
    change = next(change for change in CHANGES if change.name == name)
    admin, bystander = stage.people["ADMIN"], stage.ids["bystander"]
    script = await with_key(stage.world, admin, *SCOPES)
    await script.post("{ __typename }")  # Which notes that the key is used.
    before = await stage.stored()

    def naming(*ids: str) -> dict[str, Any]:
        rows = [{"memberId": id, "role": "VIEWER"} for id in ids]
        members = {"members": rows} if name == "changeMemberRoles" else {"memberIds": list(ids)}
        return {"accountId": stage.ids["account"], **members}

    for ids in ([admin.member_id], [bystander, admin.member_id], ["x", admin.member_id]):
        answer = await script.post(change.operation, input=naming(*ids))
        (error,) = answer["errors"]
        assert error["extensions"] == forbidden(change.permission)
        assert error["message"].endswith("sign in to do it, or use the key of another Admin.")
        denied = (await stage.world.events(outcome="DENIED"))[1]
        assert (denied["action"], denied["targetId"]) == (change.action, admin.member_id)
    assert await stage.stored() == before
    other = await script.change(change.operation, **naming(bystander))

    assert other["userErrors"] == []


async def test_what_a_key_without_read_provisions_for_itself_is_its_own(stage: Stage) -> None:
    script = await with_key(stage.world, stage.people["MEMBER"], "PROVISION")
    await script.change(
        PROVISION, accountId=stage.ids["account"], themeId=stage.ids["theme"], site="own.example.com"
    )

    found = await script.ask("{ account { licenses { nodes { site } } entitlements { totalCount } } }")

    assert {"own.example.com", "owner.example.com"} <= {
        license["site"] for license in found["account"]["licenses"]["nodes"]
    }


_ANSWERS: dict[tuple[bool, str, str], dict[str, Any]] = {}
"""Answers to the roles' sessions, by executor, role and operation. Tests begin with the same rows and ids."""


async def _by_session(stage: Stage, role: str, operation: str) -> dict[str, Any]:
    key = executions.compiled, role, stage.filled(operation, role)
    if key not in _ANSWERS:
        _ANSWERS[key] = await stage.ask(role, operation)
    return _ANSWERS[key]


def _may(role: str, scopes: list[str], change: Change) -> bool:
    if role not in MATRIX[change.permission] or change.name in PEOPLE_ALONE:
        return False
    if "READ" in scopes and change.name in READING:
        return True
    return any(change.permission in SCOPES[scope] for scope in scopes)


def _value(data: Any, at: str) -> Any:
    for key in re.split(r"\.", at):
        if data in (None, []):
            return None
        data = data[int(key) if key.isdigit() else key]
    return data


def _is_due(read: GuardedRead, opened: frozenset[str]) -> bool:
    """Whether a key without READ with these permissions can read it: they show all that the path passes."""
    is_direct = not re.search(r"viewer|owner|activity|api_key", read.operation)
    return is_direct and {read.permission, read.needs or read.permission} <= opened


def _told(answer: dict[str, Any]) -> tuple[object, list[object]]:
    """What is there, and what is refused. Values differ, because each call of a key is an event."""
    return list(nulls(answer["data"])), [
        (error["path"], error["extensions"]) for error in answer.get("errors", [])
    ]


def _codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer["errors"]}
