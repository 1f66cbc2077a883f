"""An event that the app's role inserts is refused, or auditIntegrity and both verifiers accept it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from graphql import GraphQLInputObjectType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_proof import json_text
from audit_proof.diagnosis import Damage
from audit_proof.keys import written
from audit_proof.personal import withheld_from
from audit_proof.segments import hash_in, parse_line
from audit_proof.verification import verify
from models.audit_fields import AuditField
from schema import SCHEMA
from tests.audit.test_audit_export import exported, signing
from tests.audit.test_audit_verify import by_node
from tests.audit.test_integrity import first_broken
from tests.support.rewriting import act_for, rehashed, rewrite
from tests.support.world import World

__all__ = ["signing"]
INSERT = """INSERT INTO audit_events
  (account_id, id, action, outcome, summary, actor_kind, actor_name, target_name, details, personal_details)
  SELECT id, gen_random_uuid(), 'MEMBER_LEFT', 'ALLOWED', $1, 'SYSTEM', 'x', $2, $3, $4 FROM accounts"""
REFUSALS = (asyncpg.DataError, asyncpg.CheckViolationError, asyncpg.StatementTooComplexError)
MOST_BYTES = 2**20
LEVELS = 64
COMMITMENT = f'{{"commitment":"{"0" * 64}"}}'
STORED = "SELECT details::text, personal_details::text FROM audit_events ORDER BY sequence DESC LIMIT 1"


@pytest.fixture
async def app(world: World) -> AsyncIterator[asyncpg.Connection]:
    """As the app's role, for the account."""
    connection = await world.database.connect()
    await act_for(connection, UUID(world.account_id[-32:]))
    yield connection
    await connection.close()


async def insert(
    app: asyncpg.Connection,
    details: str = "{}",
    personal: str | None = None,
    summary: str = "x",
    target: str | None = None,
) -> bool:
    """Whether the event was accepted."""
    try:
        await app.execute(INSERT, summary, target, details, personal)
    except REFUSALS:
        return False
    return True


async def stored_by(app: asyncpg.Connection) -> tuple[str, str | None]:
    """The details and personal details of the newest event."""
    (record,) = await app.fetch(STORED)
    return record[0], record[1]


def nested(levels: int, opens: str = "[", closes: str = "]") -> str:
    """An object with so many levels."""
    return '{"a":' + opens * (levels - 1) + "1" + closes * (levels - 1) + "}"


async def require_verified(world: World, folder: Path, key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all values, with none, and each event with none in a proof."""
    assert await first_broken(world) is None
    path = await exported(world, folder)
    require_export(path, key, monkeypatch)
    for line in path.read_bytes().split(b"\n")[:-2]:
        fields = parse_line(withheld_from(line, [field.export_name for field in AuditField]))
        assert hash_in(fields, fields.previous) == fields.hash
    require_export(
        await exported(world, folder, withhold=[field.value for field in AuditField]), key, monkeypatch
    )


def require_export(path: Path, key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify(path, key).status.value == "verified"
    run = by_node(path, written(key))
    assert (run.returncode, run.stderr) == (0, "")
    with monkeypatch.context() as patch:
        patch.setattr(json_text, "orjson", None)
        assert verify(path, key).status.value == "verified"


def _escaped(text: str) -> str:
    """JSON with each character escaped that is not ASCII."""
    return "".join(
        f"\\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    )


SPACES = st.sampled_from(["", "", "", "", " ", "\t", "\n", "\r", "  "])
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
STRINGS = st.one_of(
    st.text(CHARACTERS).map(lambda text: orjson.dumps(text).decode()),
    st.text(st.characters(), max_size=3).map(lambda text: f'"{_escaped(text)}"'),
    st.sampled_from(
        [
            r'"\u0000"',
            r'"\ud800"',
            r'"\udc00\ud800"',
            r'"\ud83d\ude00"',
            r'"\/"',
            r'"\u000a"',
            r'"\u001F"',
            r'"\\u"',
            *('"\u2028"', '"\x7f"', '",\\"details\\":"', '"\\",\\"previousHash\\":\\""', '"\ufffd"', '""'),
        ]
    ),
)
KEYS = (
    st.one_of(
        st.sampled_from(["a", "b", "z", "é", "\U0001f600", "\uffff", "owner", "__proto__", "constructor"]),
        st.sampled_from(["details", "commitment", "salt", "", "0", "1", "10", "9", "4294967295", "01", "-1"]),
    ).map(lambda text: orjson.dumps(text).decode())
    | STRINGS
)
NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-0", "0.0", "-0.0", "1.0", "1e2", "1E5", "1e-7", "0.1", "0.10", "1e400", "-1e400", "1e22"]
    ),
    st.sampled_from(
        ["1e999999", "1" * 400, "0." + "1" * 40, "9007199254740992", "9007199254740993", str(2**64)]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@st.composite
def joined(draw: st.DrawFn, items: list[str], opens: str, closes: str) -> str:
    parts = ",".join(f"{draw(SPACES)}{item}{draw(SPACES)}" for item in items)
    return f"{draw(SPACES)}{opens}{parts or draw(SPACES)}{closes}{draw(SPACES)}"


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(KEYS, SPACES, values).map(lambda parts: f"{parts[0]}{parts[1]}:{parts[2]}")
    return st.lists(pair, max_size=4).flatmap(lambda items: joined(items, "{", "}"))


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=4).flatmap(lambda items: joined(items, "[", "]")) | objects(inner)


VALUES = st.recursive(
    st.sampled_from(["null", "true", "false", COMMITMENT, '{"commitment":{}}']) | STRINGS | NUMBERS, _deeper
)
TEXTS = st.one_of(
    objects(VALUES),
    objects(VALUES),
    VALUES,
    st.text('[]{}":,0123456789eE+-.\\ud8nultrfas \n'),
    st.sampled_from([nested(levels) for levels in (2, 63, 64, 65, 100, 2_000)]),
    st.sampled_from([nested(levels, '{"a":', "}") for levels in (63, 64, 65, 66)]),
)
EVENTS = st.tuples(TEXTS, st.none() | TEXTS, st.text(CHARACTERS), st.none() | st.text(CHARACTERS))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(EVENTS, min_size=1, max_size=30))
async def test_an_inserted_event_is_refused_or_can_be_verified(
    stage: Any, app: asyncpg.Connection, signing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    world: World, events: list[tuple[str, str | None, str, str | None]],
) -> None:  # fmt: skip
    for details, personal, summary, target in events:
        await insert(app, details, personal, summary, target)

    await require_verified(world, tmp_path, signing, monkeypatch)


@pytest.mark.parametrize(
    "personal",
    [
        '{"":"x"}',
        '{".":"x","a.b":1}',
        '{"__proto__":"x","constructor":{"a":1}}',
        '{"commitment":"x","salt":{}}',
    ],
)
async def test_unusual_keys_can_be_verified(
    app: asyncpg.Connection,
    signing: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    personal: str,
) -> None:
    assert await insert(app, "{}", personal)

    await require_verified(world, tmp_path, signing, monkeypatch)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ('{"a":1}', '{"a":1}'),
        (' { "b" : [ 1 , {} ] ,\n"a":"x y" }\r', '{"a":"x y","b":[1,{}]}'),
        ('{"a":1,"a":2}', '{"a":2}'),
        ('{"z":1,"aa":2,"é":3,"\U0001f600":4,"\uffff":5}', '{"aa":2,"z":1,"é":3,"\uffff":5,"\U0001f600":4}'),
        (r'{"a":"\u00e9\/\u000a\u001F\ud83d\ude00"}', '{"a":"é/\\n\\u001f\U0001f600"}'),
        ('{"a":[1e2,-0,1.0,-9007199254740992]}', '{"a":[100,0,1,-9007199254740992]}'),
        (nested(LEVELS), nested(LEVELS)),
        ('{"a":[{"commitment":"x"}],"commitment":"y"}', '{"a":[{"commitment":"x"}],"commitment":"y"}'),
    ],
)
async def test_other_forms_are_stored_in_canonical_form(
    app: asyncpg.Connection, written: str, stored: str
) -> None:
    assert await insert(app, "{}", written)

    assert await stored_by(app) == ("{}", stored)


async def test_the_other_details_may_have_fractions_and_any_order(app: asyncpg.Connection) -> None:
    assert await insert(app, '{"z":0.5,"details":{"1":-12.125},"a":[{"commitment":1e-3}]}')
    assert await stored_by(app) == (
        '{"a":[{"commitment":0.001}],"details":{"1":-12.125},"z":0.5}',
        None,
    )

    assert await insert(app, '{"z":0.5,"a":-12.125}')
    assert await stored_by(app) == ('{"z":0.5,"a":-12.125}', None)


async def test_no_pruning_can_be_pretended(app: asyncpg.Connection) -> None:
    """Many such events would hide the one that proves how the log begins."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.execute(INSERT.replace("MEMBER_LEFT", "AUDIT_LOG_PRUNED"), "x", None, "{}", None)


REFUSED_BOTH = [
    *("null", "[]", '"x"', "1", '{"a":1e400}', '{"a":9007199254740993}', '{"a":-1e16}', r'{"a":"\u0000"}'),
    *(r'{"a":"\ud800"}', r'{"\udc00":1}', nested(LEVELS + 1), nested(100), nested(LEVELS + 1, '{"a":', "}")),
]
REFUSED_PERSONAL = [
    *("{}", '{"a":0.5}', '{"a":[{"b":1e-7}]}', '{"a":1,"10":2}', '{"a":{"0":1}}', '{"details":1}'),
    *('{"a":{"b":1,"details":2}}', f'{{"a":{COMMITMENT}}}', '{"a":1,"b":{"commitment":null}}'),
]


@pytest.mark.parametrize("details", REFUSED_BOTH)
async def test_details_without_a_canonical_form_are_refused(
    world: World, app: asyncpg.Connection, details: str
) -> None:
    before = await world.superuser.fetchval("SELECT count(*) FROM audit_events")

    assert not await insert(app, details)
    assert not await insert(app, "{}", details)

    assert await world.superuser.fetchval("SELECT count(*) FROM audit_events") == before


@pytest.mark.parametrize("details", REFUSED_PERSONAL)
async def test_personal_details_that_verifiers_refuse_are_refused(
    world: World, app: asyncpg.Connection, details: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="personal details of an audit event must be"):
        await app.execute(INSERT, "x", None, "{}", details)


X = "X"
"""Stands for a long text."""


@pytest.mark.parametrize(
    "values",
    [
        (X, "", "{}", None),
        ("", X, "{}", None),
        ("", "", f'{{"k":"{X}"}}', None),
        ("", "", "{}", f'{{"k":"{X}"}}'),
    ],
)
async def test_an_event_has_at_most_a_mebibyte_of_text(
    app: asyncpg.Connection, values: tuple[str | None, ...]
) -> None:
    others = len("x") + sum(len(each or "") for each in values) - len(X)
    longest, longer = (
        [each and each.replace(X, "x" * size) for each in values]
        for size in (MOST_BYTES - others, MOST_BYTES - others + 1)
    )

    await app.execute(INSERT, *longest)
    with pytest.raises(asyncpg.CheckViolationError, match="more than 1,048,576 bytes"):
        await app.execute(INSERT, *longer)


async def write_past_the_trigger(world: World, change: str) -> int:
    """Changes the newest event, and its hash with it. Returns its sequence."""
    last = int(await world.superuser.fetchval("SELECT max(sequence) FROM audit_events"))
    await rewrite(
        world.superuser,
        f"UPDATE audit_events SET {change} WHERE sequence = {last}; {rehashed(last)};"
        f"UPDATE audit_heads SET hash = (SELECT hash FROM audit_events WHERE sequence = {last})",
    )
    return last


@pytest.mark.parametrize(
    "change",
    [
        """personal_details = '{ "a":1}'""",
        """personal_details = '{"b":1,"a":1}'""",
        """personal_details = '{"a":1,"a":1}'""",
        """personal_details = '{"a":"\\/"}'""",
        f"""personal_details = '{{"a":{COMMITMENT}}}'""",
        "personal_details = '{}'",
        "version = 1",
    ],
)
async def test_what_was_written_past_the_trigger_is_verified_nowhere(
    world: World, tmp_path: Path, change: str
) -> None:
    """Though its hash is that of its fields."""
    last = await write_past_the_trigger(world, change)

    assert await first_broken(world) == last
    path = await exported(world, tmp_path)
    with pytest.raises(Damage):
        verify(path)
    assert by_node(path).returncode == 1


@pytest.mark.parametrize("change", ["details = E'{\\n}'", """personal_details = '{"a":1e400}'"""])
async def test_what_no_export_can_hold_is_found(world: World, change: str) -> None:
    last = await write_past_the_trigger(world, change)

    assert await first_broken(world) == last


async def test_what_no_text_can_hold_is_found(world: World) -> None:
    change = """personal_details = '{"a":"\\u0000"}'"""
    await rewrite(world.superuser, f"UPDATE audit_events SET {change} WHERE sequence = 3")

    assert await first_broken(world) == 3


def test_no_input_has_a_field_that_the_log_refuses() -> None:
    """The event of a refused attempt has the input in its personal details."""
    inputs = (type for type in SCHEMA._schema.type_map.values() if isinstance(type, GraphQLInputObjectType))

    assert [type.name for type in inputs if "details" in type.fields] == []
