"""The permission matrix over HTTP: each permission, role, and route to what it protects."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.members import Role
from permissions import roles
from tests.support.answers import forbidden, items, nulls
from tests.support.contracts import MATRIX, ROLES, permissions_of
from tests.support.permission_changes import CHANGES
from tests.support.permission_reads import READS, TO_MYSELF, GuardedRead
from tests.support.stage import Stage

pytestmark = pytest.mark.usefixtures("each_executor")

READABLE = sorted({read.permission for read in READS})
TEAM = """{ account { viewerPermissions viewerMember { role permissions }
  members { nodes { role permissions } } } }"""
NOBODY = {"code": "UNAUTHENTICATED"}


def test_roles_are_those_of_the_matrix() -> None:
    assert {role.value: [str(permission) for permission in roles.permissions_of(role)] for role in Role} == {
        role: permissions_of(role) for role in ROLES
    }


@pytest.mark.parametrize("permission", READABLE)
async def test_reading_is_for_the_roles_of_the_matrix(stage: Stage, permission: str) -> None:
    wrong = []
    for role in ROLES:
        reads = [read for read in READS if read.permission == permission and _gets_there(read, role)]
        assert reads
        for read in reads:
            answer = await stage.ask(role, read.operation)
            if not _is_as_due(read, answer, role in MATRIX[permission]):
                wrong.append(f"{role}: {read} → {answer}")

    assert wrong == []


@pytest.mark.parametrize("permission", READABLE)
async def test_each_read_depends_on_its_permission_alone(
    stage: Stage, permission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = [read for read in READS if read.permission == permission and read.needs != permission]
    only = {permission} | {read.needs for read in reads if read.needs}
    everything = frozenset(roles.Permission)

    monkeypatch.setitem(roles.ROLE_PERMISSIONS, Role.ADMIN, everything - {permission})
    without = [(read, await stage.ask("ADMIN", read.operation)) for read in reads]
    monkeypatch.setitem(roles.ROLE_PERMISSIONS, Role.VIEWER, frozenset(map(roles.Permission, only)))
    with_it = [(read, await stage.ask("VIEWER", read.operation)) for read in reads]

    assert [f"{read} → {answer}" for read, answer in without if not _is_as_due(read, answer, False)] == []
    assert [f"{read} → {answer}" for read, answer in with_it if not _is_as_due(read, answer, True)] == []


async def test_whoever_is_not_signed_in_reads_nothing(stage: Stage) -> None:
    for read in READS:
        answer = await stage.world.nobody.post(stage.filled(read.operation, "VIEWER"))

        errors = [error["extensions"] for error in answer.get("errors", [])]
        assert list(_leaves(answer["data"])) == [], read
        assert errors == [NOBODY] * len(errors), read
        assert errors or read.at.startswith("viewer."), read


async def test_a_list_of_nodes_keeps_what_is_not_refused(stage: Stage) -> None:
    operation = """{ viewer { user { name } }
      nodes(ids: ["<invitation>", "<owner>", "<event>", "member_none", "<my_event>"]) { id } }"""

    signed_in = await stage.ask("VIEWER", operation)
    signed_out = await stage.world.nobody.post(stage.filled(operation, "VIEWER"))

    owner = {"id": stage.ids["owner"]}
    assert signed_in["data"] == {"viewer": {"user": {"name": "Viewer"}}, "nodes": [None, owner, *[None] * 3]}
    assert [(error["path"], error["extensions"]) for error in signed_in["errors"]] == [
        (["nodes", 0], forbidden("INVITE_MEMBERS")),
        (["nodes", 2], forbidden("VIEW_AUDIT_LOG")),
        (["nodes", 4], forbidden("VIEW_OWN_ACTIVITY")),
    ]
    assert signed_out["data"] == {"viewer": None, "nodes": [None] * 5}
    assert [error["extensions"] for error in signed_out["errors"]] == [NOBODY] * 5


async def test_whoever_belongs_to_no_account_browses_nothing(stage: Stage) -> None:
    stranger = await stage.world.sign_in("stranger@example.com")

    for read in READS:
        answer = await stranger.post(stage.filled(read.operation, "VIEWER"))

        is_refused = read.permission == "BROWSE_CATALOG"
        errors = [(error["path"], error["extensions"]) for error in answer.get("errors", [])]
        assert errors == ([(_keys(read.at), forbidden("BROWSE_CATALOG"))] if is_refused else []), read
        assert _value(answer["data"], read.at) is None, read


async def test_one_s_own_address_is_open_by_every_route(stage: Stage) -> None:
    for role in ROLES:
        for route in TO_MYSELF:
            answer = await stage.ask(role, route.operation % "email")

            assert "errors" not in answer, route
            assert _value(answer["data"], f"{route.at}.email") == stage.people[role].email


async def test_people_are_shown_the_permissions_of_the_matrix(stage: Stage) -> None:
    for role in ROLES:
        account = (await stage.ask(role, TEAM))["data"]["account"]

        assert account["viewerPermissions"] == account["viewerMember"]["permissions"] == permissions_of(role)
        assert {member["role"] for member in account["members"]["nodes"]} == set(ROLES)
        for member in account["members"]["nodes"]:
            assert member["permissions"] == permissions_of(member["role"])


async def test_whoever_is_not_signed_in_changes_nothing(stage: Stage) -> None:
    """And is not told whether an id is any."""
    before = await stage.stored()

    for change in CHANGES:
        input = stage.input_of(change, "VIEWER")
        nonsense = {name: "nonsense" if name.endswith("Id") else value for name, value in input.items()}
        for asked in (input, nonsense):
            answer = await stage.world.nobody.post(change.operation, input=asked)

            assert answer["data"] == {change.name: None}
            assert [error["extensions"] for error in answer["errors"]] == [NOBODY]
    assert await stage.stored() == before


def _gets_there(read: GuardedRead, role: str) -> bool:
    """Whether the route itself is open; where it is not, the refusal on the route is a read of its own."""
    return not read.needs or role in MATRIX[read.needs]


def _is_as_due(read: GuardedRead, answer: dict[str, Any], allowed: bool) -> bool:
    """Everything is there; or everything but the one field, with one error that says what it needs."""
    if allowed:
        return "errors" not in answer and not list(nulls(answer["data"]))
    (error, *more) = answer.get("errors") or [{}]
    error.pop("locations", None)
    return (
        not more
        and list(nulls(answer["data"])) == [_keys(read.at)]
        and error
        == {
            "message": f"Your role does not allow this: it needs {read.permission}.",
            "path": _keys(read.at),
            "extensions": forbidden(read.permission),
        }
    )


def _keys(at: str) -> list[str | int]:
    return [int(key) if key.isdigit() else key for key in at.split(".")]


def _value(data: Any, at: str) -> Any:
    for key in _keys(at):
        data = data[key] if data is not None and data != [] else None
    return data


def _leaves(data: Any) -> Iterator[Any]:
    values = list(items(data))
    if not values and data not in (None, [], {}):
        yield data
    for _, value in values:
        yield from _leaves(value)
