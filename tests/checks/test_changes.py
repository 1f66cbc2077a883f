"""Every mutation and every guarded field is in the tables that the tests of permissions go through; and a
change is made, or refused with its event, as the matrix of permissions says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_leaf_type

from models.audit_actions import AuditAction
from tests.support.answers import forbidden, nulls
from tests.support.contracts import MATRIX, ROLES
from tests.support.credentials import MUTATIONS, QUERIES, SUBSCRIPTIONS
from tests.support.permission_changes import CHANGES, OF_HOLDERS, Change
from tests.support.permission_reads import FIELD_TABLES, READS
from tests.support.problems import require_none
from tests.support.schema_walk import PRINTED, field_at, guarded_fields, guarded_nodes
from tests.support.stage import Stage
from tests.support.world import Person

ROOT = Path(__file__).parents[2]
EXAMPLES = "tests/support/permission"
OF_NO_FIELD = {"ACCESS_API"}
"""Permission that protects no field, but the use of API keys."""
GUARDED_SUBSCRIPTIONS = {("Subscription.auditLogAppended", "VIEW_AUDIT_LOG")}


def test_every_permission_but_that_of_keys_has_an_example() -> None:
    opened = {read.permission for read in READS} | {change.permission for change in CHANGES}

    assert opened | OF_NO_FIELD == set(MATRIX)
    assert not opened & OF_NO_FIELD


def test_every_guarded_field_has_an_example() -> None:
    reads = {(field_at(read.operation, read.at), read.permission) for read in READS}
    changes = {(f"Mutation.{change.name}", change.permission) for change in CHANGES}
    changes |= {(f"Mutation.{name}", "PROVISION_LICENSES") for name in OF_HOLDERS}

    lacking = guarded_fields() - reads - changes - GUARDED_SUBSCRIPTIONS

    assert guarded_fields() >= GUARDED_SUBSCRIPTIONS
    require_none(
        f"{name} requires {permission}, and no test of permissions uses it: add {_example(name, permission)}."
        for name, permission in sorted(lacking)
    )


def test_everything_guarded_that_has_an_id_is_asked_for_by_it() -> None:
    by_id = {
        (found[1], read.permission)
        for read in READS
        if read.at == "node" and (found := re.search(r"\.\.\. on (\w+)", read.operation))
    }

    assert by_id <= guarded_nodes()
    require_none(
        f"{name} requires {permission}, and no test asks `node(id:)` for one: add"
        f' ("{permission}", "{name}", "…"), with a name of Stage.ids, to NODES in {EXAMPLES}_reads.py.'
        for name, permission in sorted(guarded_nodes() - by_id)
    )


def test_every_root_field_has_arguments_for_another_account() -> None:
    guarded = {name for name, _ in guarded_fields()}
    for kind, place, decided in (
        (PRINTED.query_type, "QUERIES", QUERIES),
        (PRINTED.mutation_type, "MUTATIONS", MUTATIONS),
        (PRINTED.subscription_type, "SUBSCRIPTIONS", SUBSCRIPTIONS),
    ):
        assert kind is not None
        assert set(decided) <= set(kind.fields)
        require_none(
            f"No test tries {kind.name}.{name} with ids of another account: add it to {place} in"
            " tests/support/credentials.py."
            for name in kind.fields
            if name not in decided and f"{kind.name}.{name}" not in guarded
        )


def test_every_result_of_a_mutation_is_shown_by_the_schema() -> None:
    results = {name for path in (ROOT / "resolvers").rglob("*.py") for name in _results(path)}

    assert len(results) > 30
    require_none(
        f"No mutation returns {name}: add its function to schema/mutation.py, by `mutation_field(…)`."
        for name in sorted(results)
        if name.removesuffix("Result") + "Payload" not in PRINTED.type_map
    )


def _has_attempt(action: AuditAction) -> bool:
    try:
        return bool(action.attempt)
    except TypeError:
        return False


TRIED = [change for change in CHANGES if _has_attempt(AuditAction[change.action])]
"""Changes whose action has a phrase for a refused attempt. `test_audit_actions` finds the others."""


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize("role", ROLES)
async def test_changing_is_for_the_roles_of_the_matrix(
    stage: Stage, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    problems: list[str] = []
    for change in TRIED:
        answer = await stage.ask(role, change.operation, input=stage.input_of(change, role))

        is_allowed = role in MATRIX[change.permission] and not change.owner_only
        found = _problems_of_made(change, answer) if is_allowed else _problems_of_refused(change, answer)
        logged = _last_line(capsys.readouterr().err)
        problems += [f"{change.name} as {role}: {problem} {logged}".strip() for problem in found]

    require_none(problems)


async def test_a_repeated_change_is_no_error_of_the_server(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """It finds everything as requested, replays the first result, or reports `userErrors`. A change that
    creates rows each time lets the client repeat a request safely, by an idempotency key."""
    problems: list[str] = []
    for change in TRIED:
        if change.owner_only:
            continue
        input = stage.input_of(change, "ADMIN")
        first = await stage.ask("ADMIN", change.operation, input=input)
        rows = await _count_of_rows(stage)
        capsys.readouterr()

        repeated = await stage.ask("ADMIN", change.operation, input=input)

        if "errors" in repeated and "errors" not in first:
            problems.append(f"{change.name}, repeated: {_last_line(capsys.readouterr().err)}")
        if await _count_of_rows(stage) > rows and not _has_idempotency_key(change):
            problems.append(f"{change.name} creates rows again: its input needs an idempotencyKey.")

    require_none(problems)


@pytest.mark.parametrize("role", ROLES)
async def test_a_refused_change_leaves_its_event_alone(stage: Stage, role: str) -> None:
    problems: list[str] = []
    for change in TRIED:
        if role in MATRIX[change.permission] and not change.owner_only:
            continue
        stored, rows, events = await stage.stored(), await stage.world.rows(), await stage.world.events()
        input = stage.input_of(change, role)

        await stage.people[role].post(change.operation, input=input)

        assert await stage.world.rows() == rows, change
        assert await stage.stored() == stored, change
        denied, *before = await stage.world.events()
        assert before == events, change
        assert denied["targetName"]
        told, due = _told(denied), _due_event(stage, change, role, input)
        problems += [
            f"{change.name}, refused to {role}: {name} of its event is {told[name]!r}, and by the example in"
            f" {EXAMPLES}_changes.py {due[name]!r}. Correct that, or `on=` of change(), or the action."
            for name in due
            if told[name] != due[name]
        ]

    require_none(problems)


def _problems_of_made(change: Change, answer: dict[str, Any]) -> Iterator[str]:
    if "errors" in answer:
        yield answer["errors"][0]["message"]
        return
    for error in answer["data"][change.name].pop("userErrors"):
        yield f"{error['code']}, {error['message']} Correct the example in {EXAMPLES}_changes.py."
    for at in nulls(answer["data"]):
        yield f"{'.'.join(map(str, at))} is null."


def _problems_of_refused(change: Change, answer: dict[str, Any]) -> Iterator[str]:
    errors = [(error["path"], error["extensions"]) for error in answer.get("errors", [])]
    due = [([change.name], forbidden(change.permission))]
    if (answer["data"], errors) != ({change.name: None}, due):
        yield f"the answer is not FORBIDDEN with {change.permission}, but {answer}."


def _told(event: dict[str, Any]) -> dict[str, Any]:
    actor = event["actor"]
    return {**event, "actor": (actor["kind"], actor["member"]["id"], actor["credential"]["kind"])}


def _due_event(stage: Stage, change: Change, role: str, input: dict[str, Any]) -> dict[str, Any]:
    """Fields of the event of a refused change."""
    actor: Person = stage.people[role]
    name = {"ADMIN": "Second", "MEMBER": "Member", "VIEWER": "Viewer"}[role]
    told = {name: value for name, value in input.items() if name != "url"}  # It may hold a secret.
    which = change.which or f"which needs {change.permission}"
    return {
        "outcome": "DENIED",
        "action": change.action,
        "actor": ("MEMBER", actor.member_id, "SESSION"),
        "targetId": stage.ids[change.target],
        "details": {"permission": change.permission, "input": told},
        "summary": f"{name} tried to {change.attempt}, {which}",
    }


async def _count_of_rows(stage: Stage) -> int:
    """Rows that a repeated request with the same idempotency key would not create again."""
    rows = await stage.world.rows()
    others = ("pgqueuer", "idempotency_keys", "limit_buckets")
    return sum(len(each) for table, each in rows.items() if table not in others)


def _has_idempotency_key(change: Change) -> bool:
    kind = PRINTED.type_map[change.name[0].upper() + change.name[1:] + "Input"]
    assert isinstance(kind, GraphQLInputObjectType)
    return "idempotencyKey" in kind.fields


def _last_line(log: str) -> str:
    """Exception at the end of what the app has logged."""
    lines = log.strip().splitlines()
    return lines[-1] if lines else ""


def _example(name: str, permission: str) -> str:
    """What to add to which table of the tests, for a guarded field."""
    type_name, _, field_name = name.partition(".")
    if type_name == "Mutation":
        example = f'Change("{permission}", "{field_name}", {{input}}, payload, action, attempt)'
        return f"{example} to CHANGES in {EXAMPLES}_changes.py"
    kind = PRINTED.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType)
    is_leaf = is_leaf_type(get_named_type(kind.fields[field_name].type))
    selection = field_name if is_leaf else f"{field_name} {{ … }}"
    if type_name in FIELD_TABLES:
        return f'("{permission}", "{selection}") to {FIELD_TABLES[type_name]} in {EXAMPLES}_reads.py'
    example = f'GuardedRead("{permission}", "….{field_name}", "{{ … {{ {selection} }} }}")'
    return f"{example} to READS in {EXAMPLES}_reads.py"


def _results(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and "mutation_result" in map(ast.unparse, node.decorator_list):
            yield node.name
