"""Exports of the audit log in which personal fields are withheld: they verify without the values."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_proof.diagnosis import Damage, Kind
from audit_proof.personal import COMMITMENT
from audit_proof.verification import verify
from models.audit_fields import AuditField
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_verify import by_node
from tests.support import chain
from tests.support.changes import INVITE_ONE
from tests.support.rewriting import Lines, with_end
from tests.support.world import World

TEXTS = {
    AuditField.SUMMARY: "invited zoe@example.com",
    AuditField.ACTOR_NAME: '"actorName":"Admin"',
    AuditField.TARGET_NAME: '"targetName":"zoe@example.com"',
    AuditField.IP: "127.0.0.1",
    AuditField.USER_AGENT: '"userAgent":"python-httpx',
    AuditField.DETAILS: '"email":"zoe@example.com"',
}


async def log(world: World) -> World:
    payload = await world.admin.change(
        INVITE_ONE, accountId=world.account_id, email="zoe@example.com", role="VIEWER"
    )
    assert not payload["userErrors"]
    return world


@pytest.mark.parametrize("field", TEXTS)
async def test_a_withheld_field_is_not_in_the_export(world: World, tmp_path: Path, field: AuditField) -> None:
    await log(world)

    whole = await exported(world, tmp_path / "whole")
    part = await exported(world, tmp_path / "part", withhold=[field.value])

    assert TEXTS[field] in whole.read_text()
    assert TEXTS[field] not in part.read_text()
    for other, text in TEXTS.items():
        assert other is field or text in part.read_text(), other
    assert verify(whole).withheld == 0
    assert verify(part).withheld > 0
    assert verify(part).last_hash == [json.loads(line) for line in part.read_bytes().splitlines()][-2]["hash"]
    run = by_node(part)
    assert run.returncode == 4
    assert f"{verify(part).withheld} personal values are erased or withheld" in run.stdout


async def test_without_any_personal_field_the_log_still_verifies(world: World, tmp_path: Path) -> None:
    await log(world)

    path = await exported(world, tmp_path, withhold=[each.value for each in AuditField])

    text = path.read_text()
    assert not [each for each in (*TEXTS.values(), "example.com", "httpx", "Admin") if each in text]
    assert {line["salt"] == {} for line in map(json.loads, text.splitlines()[:-1])} == {True}
    assert verify(path).events == len(text.splitlines()) - 1
    assert by_node(path).returncode == 4


@pytest.mark.parametrize(
    "input",
    [
        {"kind": "AUDIT_LOG", "format": "CSV"},
        {"kind": "AUDIT_LOG", "format": "PDF"},
        {"kind": "LICENSE_ACTIVITY", "format": "NDJSON"},
    ],
)
async def test_other_reports_withhold_nothing(world: World, input: dict[str, str]) -> None:
    payload = await world.admin.change(
        "mutation ($input: RequestReportInput!) { requestReport(input: $input) { download { url }"
        " userErrors { code path message } } }",
        accountId=world.account_id,
        withhold=["IP"],
        **input,
    )

    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["withhold"])
    assert error["message"] == "`withhold` is for the report AUDIT_LOG as NDJSON only: omit it for others."


FIELDS = ("summary", "actorName", "credentialLabel", "targetName", "ip", "userAgent")


async def rows(world: World) -> list[asyncpg.Record]:
    return await world.superuser.fetch("SELECT * FROM audit_events ORDER BY account_id, sequence")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_withholding_keeps_the_hash(stage: Any, world: World, data: st.DataObject) -> None:
    """In SQL and as the tests compute it, also when withheld in several steps."""
    steps = data.draw(
        st.lists(
            st.lists(st.sampled_from([*FIELDS, "details", "details.email", "details.holder"])), max_size=3
        )
    )
    statement = "audit_events"
    for number in range(len(steps)):
        statement = f"audit_withhold({statement}, ${number + 1}::text[])"
    query = f"SELECT (event).* FROM (SELECT {statement} AS event FROM audit_events) AS e ORDER BY 1, 2"
    found = await world.superuser.fetch(query, *steps)

    for event in found:
        assert event["hash"] == chain.hash_of(event["previous_hash"], dict(event))
        named = json.loads(event["commitments"] or "{}")
        wanted = {name for step in steps for name in step}
        assert {name.partition(".")[0] for name in named} <= {name.partition(".")[0] for name in wanted}
        assert (event["salt"] is None) == bool(named)
        assert not set(named) & set(json.loads(event["field_salts"] or "{}"))


def changed(lines: Lines, place: int, edit: Any) -> Lines:
    event = json.loads(lines[place])
    edit(event)
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    assert line != lines[place]
    return with_end([*lines[:place], line, *lines[place + 1 :]])


def _other_commitment(event: Any) -> None:
    event["ip"] = {COMMITMENT: "0" * 64}


def _value_again(event: Any) -> None:
    event["ip"] = "127.0.0.1"


def _other_salt(event: Any) -> None:
    event["salt"]["summary"] = "0" * 64


def _salt_of_nothing(event: Any) -> None:
    event["salt"]["ip"] = "0" * 64


def _no_value(event: Any) -> None:
    event["ip"] = None


def _two_names(event: Any) -> None:
    event["ip"][COMMITMENT + "s"] = "0" * 64


def _upper_case(event: Any) -> None:
    event["ip"][COMMITMENT] = event["ip"][COMMITMENT].upper()


def _order_of_salts(event: Any) -> None:
    event["salt"] = dict(reversed(event["salt"].items()))


def _other_value(event: Any) -> None:
    event["actorName"] += "x"


@pytest.mark.parametrize(
    "edit",
    [
        _other_commitment, _value_again, _other_salt, _salt_of_nothing, _no_value, _two_names, _upper_case,
        _order_of_salts, _other_value,
    ],
)  # fmt: skip
async def test_any_other_change_is_found(world: World, tmp_path: Path, edit: Any) -> None:
    await log(world)
    path = await exported(world, tmp_path, withhold=["IP"])
    lines = path.read_bytes().splitlines()
    place = len(lines) - 2

    path.write_bytes(b"".join(line + b"\n" for line in changed(lines, place, edit)))

    with pytest.raises(Damage) as damage:
        verify(path)
    assert (damage.value.kind, damage.value.sequence) == (Kind.CHANGED, place + 1)
    assert by_node(path).returncode == 1


async def test_the_last_line_names_the_withheld_fields(world: World, tmp_path: Path) -> None:
    path = await exported(world, tmp_path, withhold=["IP", "ACTOR_NAME", "IP", "DETAILS"])

    assert json.loads(path.read_bytes().splitlines()[-1])["withheld"] == ["ip", "actorName", "details"]
