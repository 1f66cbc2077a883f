"""The table `AuditAction` is complete: a missing part is found before anything runs."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, Self

import asyncpg
import pytest

import models.audit_actions
from engine.enums import described_enum
from models.audit import AuditOutcome
from models.audit_actions import AuditAction
from models.columns import new_id
from permissions.viewer import Client
from resolvers.audit import queries
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit_append import encode_event
from resolvers.events import OPERATOR, new_event
from tests.support.problems import require_none
from tests.support.schema_walk import PRINTED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["description", "attempt", "personal", "others"])
@pytest.mark.parametrize("action", [AuditAction.MEMBER_INVITED, AuditAction.LICENSE_EXPIRED])
def test_a_row_without_a_part_fails_at_import(action: AuditAction, part: str) -> None:
    table = _table()
    row = next(node for node in table.body if isinstance(node, ast.Assign) and _name(node) == action.name)
    assert isinstance(row.value, ast.Tuple)

    row.value.elts.pop({"description": 1, "attempt": 2, "personal": 3, "others": 4}[part])

    with pytest.raises(TypeError, match=r"missing 1 required positional argument"):
        _import(table)


def test_a_row_with_an_empty_part_fails_at_import() -> None:
    table = _table()
    row = next(
        node for node in table.body if isinstance(node, ast.Assign) and _name(node) == "MEMBER_INVITED"
    )
    assert isinstance(row.value, ast.Tuple)

    row.value.elts[2] = ast.Constant("")

    with pytest.raises(TypeError, match="MEMBER_INVITED"):
        _import(table)


def test_a_key_that_is_personal_and_is_not_fails_at_import() -> None:
    table = _table()
    row = next(
        node for node in table.body if isinstance(node, ast.Assign) and _name(node) == "MEMBER_INVITED"
    )
    assert isinstance(row.value, ast.Tuple)

    row.value.elts[4] = row.value.elts[3]

    with pytest.raises(TypeError, match="MEMBER_INVITED has a key that is personal and is not"):
        _import(table)


@pytest.mark.parametrize("value", ["Ada", ["Ada", "Bob"], 7, None])
def test_an_event_with_an_undeclared_key_is_not_encoded(value: object) -> None:
    target = "Invitation", new_id(), None
    details = {"role": "VIEWER", "nickname": value}
    event = new_event(
        *(new_id(), OPERATOR, Client(None), AuditAction.MEMBER_INVITED, AuditOutcome.ALLOWED, "did"),
        *(target, details),
    )

    with pytest.raises(TypeError, match="MEMBER_INVITED have nickname: declare it in AuditAction"):
        encode_event(event)


async def test_the_database_and_the_api_have_the_actions_of_the_table(
    superuser: asyncpg.Connection, database_url: str
) -> None:
    names = [action.name for action in AuditAction]
    check = await superuser.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_audit_events_audit_action'"
    )

    in_database = re.findall(r"'([A-Z_]+)'", check)

    assert in_database == names
    assert list(PRINTED.type_map["AuditAction"].values) == names  # type: ignore[attr-defined]


def test_what_a_member_changes_has_a_phrase_for_its_refusal() -> None:
    """`change()` raises for the others when it is called; this finds them without a call."""
    changed = {name for path in (ROOT / "resolvers").rglob("*.py") for name in _changed_by_members(path)}

    lacking = []
    for name in sorted(changed):
        try:
            assert AuditAction[name].attempt
        except TypeError:
            lacking.append(name)

    assert len(changed) > 20
    require_none(
        f"{name} has no phrase for a refused attempt: add one to its row in models/audit.py."
        for name in lacking
    )


def test_an_action_that_no_member_tries_has_no_phrase() -> None:
    with pytest.raises(TypeError, match="LICENSE_EXPIRED has no phrase for a refused attempt"):
        _ = AuditAction.LICENSE_EXPIRED.attempt


def test_each_filter_of_the_audit_log_has_its_condition() -> None:
    assert queries._CONDITIONS.keys() == {field.name for field in fields(AuditLogFilter)}


def _table() -> ast.ClassDef:
    module = ast.parse(Path(models.audit_actions.__file__).read_text())
    return next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "AuditAction")


def _import(table: ast.ClassDef) -> None:
    code = compile(ast.fix_missing_locations(ast.Module([table], [])), models.audit_actions.__file__, "exec")
    names: dict[str, Any] = {"StrEnum": StrEnum, "auto": auto, "Self": Self, "described_enum": described_enum}
    exec(code, names)  # noqa: S102 - the module's own source


def _name(row: ast.Assign) -> str:
    assert isinstance(row.targets[0], ast.Name)
    return row.targets[0].id


def _changed_by_members(path: Path) -> Iterator[str]:
    """Each action with which a function of the module opens a `change()`."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.AsyncFunctionDef):
            assigned = dict(_assigned(function))
            for call in ast.walk(function):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name)
                    and call.func.id == "change"
                ):
                    yield from _actions(call, assigned)


def _actions(call: ast.Call, assigned: dict[str, str]) -> Iterator[str]:
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    found = [name for name in (_action(argument, assigned) for argument in arguments) if name]
    assert found, f"line {call.lineno}: name the audit action of change() in the same function"
    yield from found


def _action(argument: ast.expr, assigned: dict[str, str]) -> str | None:
    match argument:
        case ast.Attribute(value=ast.Name(id="AuditAction"), attr=name):
            return name
        case ast.Name(id=name):
            return assigned.get(name)
    return None


def _assigned(function: ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    """Variables of the function that hold an action, in assignments of one or of several names."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            pairs = (
                zip(target.elts, node.value.elts, strict=False)
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(target, node.value)]
            )
            for name, value in pairs:
                action = _action(value, {})
                if isinstance(name, ast.Name) and action:
                    yield name.id, action
