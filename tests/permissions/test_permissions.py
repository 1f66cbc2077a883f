"""The permission matrix over HTTP: each permission, role, and path to what it protects."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.members import Role
from permissions import roles
from tests.support.answers import forbidden, items, nulls
from tests.support.contracts import MATRIX, ROLES, permissions_of
from tests.support.permission_changes import CHANGES
from tests.support.permission_paths import READS, TO_MYSELF, Path
from tests.support.stage import Stage

pytestmark = pytest.mark.usefixtures("each_path")

READABLE = sorted({path.permission for path in READS})
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
        paths = [path for path in READS if path.permission == permission and _gets_there(path, role)]
        assert paths
        for path in paths:
            answer = await stage.ask(role, path.operation)
            if not _is_as_due(path, answer, role in MATRIX[permission]):
                wrong.append(f"{role}: {path} → {answer}")

    assert wrong == []


@pytest.mark.parametrize("permission", READABLE)
async def test_each_path_depends_on_its_permission_alone(
    stage: Stage, permission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [path for path in READS if path.permission == permission and path.needs != permission]
    only = {permission} | {path.needs for path in paths if path.needs}
    everything = frozenset(roles.Permission)

    monkeypatch.setitem(roles.ROLE_PERMISSIONS, Role.ADMIN, everything - {permission})
    without = [(path, await stage.ask("ADMIN", path.operation)) for path in paths]
    monkeypatch.setitem(roles.ROLE_PERMISSIONS, Role.VIEWER, frozenset(map(roles.Permission, only)))
    with_it = [(path, await stage.ask("VIEWER", path.operation)) for path in paths]

    assert [f"{path} → {answer}" for path, answer in without if not _is_as_due(path, answer, False)] == []
    assert [f"{path} → {answer}" for path, answer in with_it if not _is_as_due(path, answer, True)] == []


async def test_whoever_is_not_signed_in_reads_nothing(stage: Stage) -> None:
    for path in READS:
        answer = await stage.world.nobody.post(stage.filled(path.operation, "VIEWER"))

        errors = [error["extensions"] for error in answer.get("errors", [])]
        assert list(_leaves(answer["data"])) == [], path
        assert errors == [NOBODY] * len(errors), path
        assert errors or path.at.startswith("viewer."), path


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

    for path in READS:
        answer = await stranger.post(stage.filled(path.operation, "VIEWER"))

        is_refused = path.permission == "BROWSE_CATALOG"
        errors = [(error["path"], error["extensions"]) for error in answer.get("errors", [])]
        assert errors == ([(_keys(path.at), forbidden("BROWSE_CATALOG"))] if is_refused else []), path
        assert _value(answer["data"], path.at) is None, path


async def test_one_s_own_address_is_open_by_every_path(stage: Stage) -> None:
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


def _gets_there(path: Path, role: str) -> bool:
    """Whether the way itself is open; where it is not, the refusal on the way is a path of its own."""
    return not path.needs or role in MATRIX[path.needs]


def _is_as_due(path: Path, answer: dict[str, Any], allowed: bool) -> bool:
    """Everything is there; or everything but the one field, with one error that says what it needs."""
    if allowed:
        return "errors" not in answer and not list(nulls(answer["data"]))
    (error, *more) = answer.get("errors") or [{}]
    error.pop("locations", None)
    return (
        not more
        and list(nulls(answer["data"])) == [_keys(path.at)]
        and error
        == {
            "message": f"Your role does not allow this: it needs {path.permission}.",
            "path": _keys(path.at),
            "extensions": forbidden(path.permission),
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
