"""Manipulations of the log, in the database by a role that can bypass the triggers, and in an export."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.chain import FIELDS, PERSONAL, PERSONAL_DETAILS, hash_of
from audit_proof.export_end import End
from audit_proof.merkle import Tree
from audit_proof.personal import commitments_of
from engine.canonical_json import canonical_json
from models.database import ACCOUNT_SETTING

# Another value for each column of event 3.
CHANGES: Mapping[str, str] = {
    "account_id": "(SELECT id FROM accounts WHERE slug = 'other')",
    "id": "gen_random_uuid()",
    "occurred_at": "occurred_at + interval '1 microsecond'",
    "action": "'MEMBER_LEFT'",
    "outcome": "'DENIED'",
    "summary": "summary || ' '",
    "actor_kind": "CASE actor_kind WHEN 'SYSTEM' THEN 'MEMBER' ELSE 'SYSTEM' END",
    "actor_member_id": "gen_random_uuid()",
    "actor_name": "'Somebody else'",
    "credential_kind": "CASE credential_kind WHEN 'API_KEY' THEN 'SESSION' ELSE 'API_KEY' END",
    "credential_id": "gen_random_uuid()",
    "credential_label": "coalesce(credential_label, '') || '.'",
    "target_type": "'Account_'",
    "target_id": "gen_random_uuid()",
    "target_name": "coalesce(target_name, '') || '.'",
    "ip": "'192.0.2.99'",
    "user_agent": "coalesce(user_agent, '') || '.'",
    "request_id": "coalesce(request_id, '') || '.'",
    "details": """'{"role":"ADMIN"}'""",
    "personal_details": """'{"email":"eve@example.com"}'""",
    "salt": "'0123456789abcdef'",
    "previous_hash": "sha256(previous_hash)",
    "hash": "sha256(hash)",
}
_COLUMNS = (
    "id, occurred_at, action, outcome, summary, actor_kind, actor_name, details, version, salt,"
    " previous_hash, hash"
)


async def rewrite(superuser: asyncpg.Connection, statement: str) -> None:
    await superuser.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {statement}; COMMIT")


@asynccontextmanager
async def with_triggers(superuser: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """Enables the triggers, as for the app's role: inserted events are numbered and hashed."""
    await superuser.execute("SET session_replication_role = origin")
    try:
        yield superuser
    finally:
        await superuser.execute("RESET session_replication_role")


async def act_for(connection: asyncpg.Connection, account_id: object) -> None:
    """Names the account of the transaction, as a change does, so that row-level security admits its rows."""
    await connection.execute(f"SELECT set_config('{ACCOUNT_SETTING}', $1, false)", str(account_id))


def changed(column: str, sequence: int = 3) -> str:
    return f"UPDATE audit_events SET {column} = {CHANGES[column]} WHERE sequence = {sequence}"


def dropped(sequence: int) -> str:
    return f"DELETE FROM audit_events WHERE sequence = {sequence}"


def renumbered(since: int, by: int) -> str:
    """Changes the numbers of events by way of unused numbers, because they must stay unique."""
    return (
        f"UPDATE audit_events SET sequence = 1000000 + sequence + {by} WHERE sequence >= {since};"
        "UPDATE audit_events SET sequence = sequence - 1000000 WHERE sequence >= 1000000"
    )


def swapped(one: int, other: int) -> str:
    return (
        f"UPDATE audit_events SET sequence = 1000000 WHERE sequence = {one};"
        f"UPDATE audit_events SET sequence = {one} WHERE sequence = {other};"
        f"UPDATE audit_events SET sequence = {other} WHERE sequence = 1000000"
    )


def inserted(sequence: int) -> str:
    """Inserts an event and renumbers the events after it."""
    return (
        f"{renumbered(sequence, 1)}; INSERT INTO audit_events (account_id, sequence, {_COLUMNS})"
        f" SELECT account_id, {sequence}, gen_random_uuid(), occurred_at, action, outcome, 'Forged',"
        f" actor_kind, actor_name, details, version, salt, hash, sha256(hash) FROM audit_events"
        f" WHERE sequence = {sequence} - 1"
    )


def rehashed(sequence: int) -> str:
    """Recomputes the hash of an event as the trigger does."""
    message = " || ".join(f"audit_field({_text(name)})" for name in FIELDS)
    return (
        f"UPDATE audit_events SET hash = sha256(previous_hash || convert_to({message}, 'UTF8'))"
        f" WHERE sequence = {sequence}"
    )


def _text(name: str) -> str:
    column = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    if name in PERSONAL:
        return f"audit_commitment(salt, field_salts, commitments, '{name}', {column})"
    if name == PERSONAL_DETAILS:
        return "audit_personal_details(salt, field_salts, commitments, personal_details)"
    if column == "occurred_at":
        return """to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return f"{column}::text"


Lines = list[bytes]
"""Lines of an export. The last one states that it is complete."""
Edit = Callable[[Lines], Lines]


def edited(place: int, name: str, value: Any, *, hash: bool = False) -> Edit:
    """Changes a value of event `place + 1`, and recomputes its hash if requested."""

    def edit(lines: Lines) -> Lines:
        event = orjson.loads(lines[place])
        assert event[name] != value
        event[name] = value
        return [*lines[:place], line_of(event, hash=hash), *lines[place + 1 :]]

    return edit


def line_of(event: dict[str, Any], *, hash: bool = False) -> bytes:
    if hash:
        commitments, personal, _ = commitments_of(event)
        hashed = {**event, **dict(zip(PERSONAL, commitments, strict=True)), PERSONAL_DETAILS: personal}
        texts = (None if hashed[name] is None else text_of(hashed[name]) for name in FIELDS)
        event["hash"] = hash_of(bytes.fromhex(event["previousHash"]), texts).hex()
    return orjson.dumps(event)


def text_of(value: Any) -> str:
    return canonical_json(value) if isinstance(value, dict) else str(value)


def forged(lines: Lines, place: int, **values: Any) -> bytes:
    """A valid event that follows the one before `place`."""
    before = orjson.loads(lines[place - 1])
    event = {**before, "sequence": before["sequence"] + 1, "summary": "Forged", **values}
    return line_of({**event, "previousHash": before["hash"]}, hash=True)


def _root_of(lines: Lines) -> str:
    tree = Tree()
    with suppress(ValueError):  # One of the lines is no event.
        tree.append([bytes.fromhex(line[-66:-2].decode()) for line in lines])
    return tree.root().hex()


def with_end(lines: Lines, *, key: Ed25519PrivateKey | None = None, **values: Any) -> Lines:
    """Adapts the last line to the changed events, and signs it if there is a key."""
    body = b"".join(line + b"\n" for line in lines[:-1])
    end = {**orjson.loads(lines[-1]), "sha256": sha256(body).hexdigest(), "signature": None, **values}
    end["merkleRoot"] = values.get("merkleRoot", None if end["filtered"] else _root_of(lines[:-1]))
    line = orjson.dumps(end)
    if key is not None and (signed := End.of(line + b"\n")) is not None:
        line = signed.signed(key).line().removesuffix(b"\n")
    return [*lines[:-1], line]
