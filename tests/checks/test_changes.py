"""Every mutation and every guarded field is in the tables that the tests of permissions go through; and a
change is made, or refused with its event, as the matrix of permissions says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import forbidden, nulls
from tests.support.contracts import MATRIX, ROLES
from tests.support.credentials import MUTATIONS, QUERIES, SUBSCRIPTIONS
from tests.support.permission_changes import CHANGES, Change
from tests.support.permission_reads import READS
from tests.support.schema_walk import PRINTED, field_at, guarded_fields, guarded_nodes
from tests.support.stage import Stage
from tests.support.world import Person

ROOT = Path(__file__).parents[2]
OF_NO_FIELD = {"ACCESS_API"}
"""Permission that protects no field, but the use of API keys."""
GUARDED_SUBSCRIPTIONS = {("Subscription.auditLogAppended", "VIEW_AUDIT_LOG")}


def test_every_permission_but_that_of_keys_has_a_path() -> None:
    opened = {path.permission for path in READS} | {change.permission for change in CHANGES}

    assert opened | OF_NO_FIELD == set(MATRIX)
    assert not opened & OF_NO_FIELD


def test_every_guarded_field_is_on_a_path() -> None:
    reads = {(field_at(path.operation, path.at), path.permission) for path in READS}
    changes = {(f"Mutation.{change.name}", change.permission) for change in CHANGES}

    assert guarded_fields() - reads - changes == GUARDED_SUBSCRIPTIONS


def test_everything_guarded_that_has_an_id_is_asked_for_by_it() -> None:
    by_id = {
        (found[1], path.permission)
        for path in READS
        if path.at == "node" and (found := re.search(r"\.\.\. on (\w+)", path.operation))
    }

    assert guarded_nodes() == by_id


def test_every_root_field_has_a_decision() -> None:
    for kind, decided in (
        (PRINTED.query_type, QUERIES),
        (PRINTED.mutation_type, MUTATIONS),
        (PRINTED.subscription_type, SUBSCRIPTIONS),
    ):
        assert kind is not None
        assert set(kind.fields) == set(decided)


def test_every_result_of_a_mutation_is_shown_by_the_schema() -> None:
    """A function that makes a change has no effect until schema/mutation.py names it."""
    results = {name for path in (ROOT / "resolvers").rglob("*.py") for name in _results(path)}

    payloads = {name.removesuffix("Result") + "Payload" for name in results}

    assert len(payloads) > 30
    assert payloads - PRINTED.type_map.keys() == set()


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize("role", ROLES)
async def test_changing_is_for_the_roles_of_the_matrix(stage: Stage, role: str) -> None:
    for change in CHANGES:
        answer = await stage.ask(role, change.operation, input=stage.input_of(change, role))

        if role in MATRIX[change.permission] and not change.owner_only:
            assert "errors" not in answer, answer
            assert answer["data"][change.name].pop("userErrors") == [], change.name
            assert list(nulls(answer["data"])) == []
        else:
            assert answer["data"] == {change.name: None}
            assert [(error["path"], error["extensions"]) for error in answer["errors"]] == [
                ([change.name], forbidden(change.permission))
            ]


async def test_a_repeated_change_is_no_error_of_the_server(stage: Stage) -> None:
    """It finds everything as requested, replays the first result, or reports `userErrors`."""
    for change in CHANGES:
        if change.owner_only:
            continue
        input = stage.input_of(change, "ADMIN")
        await stage.ask("ADMIN", change.operation, input=input)

        repeated = await stage.ask("ADMIN", change.operation, input=input)

        assert "errors" not in repeated, (change.name, repeated)


@pytest.mark.parametrize("role", ROLES)
async def test_a_refused_change_leaves_its_event_alone(stage: Stage, role: str) -> None:
    refused = [change for change in CHANGES if change.owner_only or role not in MATRIX[change.permission]]
    for change in refused:
        stored, rows, events = await stage.stored(), await stage.world.rows(), await stage.world.events()
        input = stage.input_of(change, role)

        answer = await stage.people[role].post(change.operation, input=input)

        assert answer["data"] == {change.name: None}
        assert [error["extensions"] for error in answer["errors"]] == [forbidden(change.permission)]
        assert await stage.world.rows() == rows, change
        assert await stage.stored() == stored, change
        denied, *before = await stage.world.events()
        assert before == events, change
        _assert_tells_of(denied, stage, change, role, input)


def _assert_tells_of(
    denied: dict[str, Any], stage: Stage, change: Change, role: str, input: dict[str, Any]
) -> None:
    actor: Person = stage.people[role]
    name = {"ADMIN": "Second", "MEMBER": "Member", "VIEWER": "Viewer"}[role]
    assert denied["outcome"] == "DENIED"
    assert denied["action"] == change.action
    assert denied["actor"]["member"] == {"id": actor.member_id}
    assert (denied["actor"]["kind"], denied["actor"]["credential"]["kind"]) == ("MEMBER", "SESSION")
    assert denied["targetId"] == stage.ids[change.target]
    assert denied["targetName"]
    told = {name: value for name, value in input.items() if name != "url"}  # It may hold a secret.
    assert denied["details"] == {"permission": change.permission, "input": told}
    which = change.which or f"which needs {change.permission}"
    assert denied["summary"] == f"{name} tried to {change.attempt}, {which}"


def _results(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and "mutation_result" in map(ast.unparse, node.decorator_list):
            yield node.name
