"""Rows of all benchmarks, the same in every run, and the code that copies them in."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlmodel import SQLModel

from audit_proof.keys import encoded
from engine.derived_columns import derived_values
from models import License, Member, Theme
from resolvers.licenses.keys import license_key

MEMBERS, LICENSES, EVENTS, ACCOUNTS = 60, 200, 5_000, 100
_START = datetime(2026, 1, 1, tzinfo=UTC)
_NEVER = datetime(2100, 1, 1, tzinfo=UTC)
_READER = ACCOUNTS  # Number of the account that is read. The accounts from 0 on are written to.
_THEMES = ("Aurora", "Basalt", "Cirrus", "Delta")
_FIRST = ("Ada", "Bob", "Chloé", "Dmitri", "Edsger", "Frances", "Grace", "Hedy", "Iñaki", "Jean", "Katherine")
_LAST = ("Lovelace", "Ross", "O'Neill", "Ångström", "Hopper", "Allen", "Lamarr", "Bartik", "Johnson", "Rubin")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.4 Safari/605.1.15",
    "partner-dashboard/3.1",
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """Member who makes changes. All ids of its account are derived from its number."""

    number: int

    @property
    def token(self) -> str:
        return token_of(self.number)

    @property
    def account_id(self) -> str:
        return f"account_{id_of('account', self.number).hex}"


WRITERS = [Writer(number) for number in range(ACCOUNTS)]
KINDS = ("account", "user", "member", "session", "theme", "entitlement", "license", "event")


def id_of(kind: str, number: int) -> UUID:
    """Puts the number into the last 12 digits, so that SQL can compute the same id."""
    return UUID(f"01900000-{KINDS.index(kind):04x}-7000-8000-{number:012x}")


def token_of(number: int) -> str:
    """Token of the length of a session's token."""
    return f"bench-{number:037d}"


_WITH_FORMS: dict[str, type[SQLModel]] = {"members": Member, "licenses": License, "themes": Theme}
READER_TOKEN = token_of(_READER)
LICENSE_SIGNING_KEY = encoded(b"k" * 32)
THEME_IDS = [f"theme_{id_of('theme', number).hex}" for number in range(len(_THEMES))]


async def fill(connection: asyncpg.Connection) -> None:
    """Copies as a superuser without triggers, and so without a hash chain, which no benchmark verifies."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table, plain_rows in _tables().items():
            rows = [row | _forms(table, row) for row in plain_rows]
            columns = list(rows[0])
            records = [tuple(row[column] for column in columns) for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=columns)
    await connection.execute("VACUUM ANALYZE")


@cache
def license_checks() -> list[dict[str, Any]]:
    """Bodies of checks of all valid licenses, each from its site."""
    return [
        {"key": row["key"], "site": row["site"], "version": "1.0.0", "nonce": "n" * 22}
        for row in _tables()["licenses"]
        if row["status"] == "ACTIVE" and (row["expires_at"] or _NEVER) > datetime.now(UTC)
    ]


def _forms(table: str, row: Row) -> dict[str, str]:
    model = _WITH_FORMS.get(table)
    return derived_values(model, row) if model else {}


def _tables() -> dict[str, list[Row]]:
    chance = random.Random(20260101)  # noqa: S311 - the same rows in every run
    numbers = [*range(ACCOUNTS), _READER]
    people = [*numbers, *range(_READER + 1, _READER + MEMBERS)]
    members = list(_members(people, chance))
    events = list(_events([each for each in members if each["number"] >= _READER], chance))
    return {
        "accounts": [_account(number) for number in numbers],
        "users": [_user(member) for member in members],
        "members": [{name: member[name] for name in member if name != "number"} for member in members],
        "sessions": [_session(number) for number in numbers],
        "themes": [_theme(number) for number in range(len(_THEMES))],
        "entitlements": list(_entitlements(numbers)),
        "licenses": list(_licenses(chance)),
        "audit_events": events,
        "audit_heads": [_head(number) for number in numbers],
    }


def _time(chance: random.Random, days: float) -> datetime:
    """A time with microseconds, like one from a clock."""
    return _START + timedelta(days=days, microseconds=chance.randrange(1, 1_000_000))


def _account(number: int) -> Row:
    return {
        "id": id_of("account", number),
        "name": f"Company {number}",
        "slug": f"company-{number}",
        "currency": "EUR",
        "created_at": _START,
    }


def _members(people: list[int], chance: random.Random) -> Iterator[Row]:
    for number in people:
        owner = number <= _READER
        active_at = _START + timedelta(minutes=chance.randrange(200_000))
        yield {
            "number": number,
            "account_id": id_of("account", min(number, _READER)),
            "id": id_of("member", number),
            "user_id": id_of("user", number),
            "name": f"{chance.choice(_FIRST)} {chance.choice(_LAST)}",
            "email": f"person{number}@example.com",
            "role": "ADMIN" if owner else chance.choice(("ADMIN", "MEMBER", "MEMBER", "VIEWER")),
            "is_owner": owner,
            "joined_at": _time(chance, number / 10),
            "last_active_at": active_at if owner or chance.random() < 0.9 else None,
        }


def _user(member: Row) -> Row:
    return {
        "id": member["user_id"],
        "email": member["email"],
        "name": member["name"],
        "created_at": member["joined_at"],
    }


def _session(number: int) -> Row:
    """A session whose last use lies in the future, so that no use is recorded during the measurement."""
    return {
        "id": id_of("session", number),
        "user_id": id_of("user", number),
        "token_hash": sha256(token_of(number).encode()).digest(),
        "created_at": _START,
        "last_used_at": _NEVER,
        "expires_at": _NEVER,
        "ends_at": _NEVER,
        "ip": "192.0.2.7",
        "user_agent": _AGENTS[2],
    }


def _theme(number: int) -> Row:
    name = _THEMES[number]
    return {
        "id": id_of("theme", number),
        "slug": name.lower(),
        "name": name,
        "summary": f"{name}: a theme for a site that is read.",
        "price_amount": 49,
        "price_currency": "EUR",
        "tags": ["blog", "shop"],
        "published_at": _START,
        "latest_version": "1.0.0",
    }


def _entitlements(accounts: list[int]) -> Iterator[Row]:
    for number in accounts:
        for theme in range(len(_THEMES)):
            held = LICENSES // len(_THEMES) if number == _READER else 0
            yield {
                "account_id": id_of("account", number),
                "id": id_of("entitlement", number + 1_000_000 * theme),
                "theme_id": id_of("theme", theme),
                "purchased": 1_000_000_000,
                "provisioned": held,
            }


def _licenses(chance: random.Random) -> Iterator[Row]:
    """Licenses held by many members. Some are expired or revoked."""
    for number in range(LICENSES):
        status = chance.choice(("ACTIVE",) * 7 + ("SUSPENDED", "REVOKED", "EXPIRED"))
        holder, provisioned_at = chance.randrange(MEMBERS), _time(chance, number / 4)
        days = chance.choice((None, None, 40, 10_000))
        yield {
            "account_id": id_of("account", _READER),
            "id": id_of("license", number),
            "theme_id": id_of("theme", number % len(_THEMES)),
            "status": status,
            "site": f"shop-{number}.example.com",
            "key": license_key([0] * 13 + [*divmod(number, 32)]),
            "holder_id": id_of("member", _READER + holder),
            "provisioned_by_id": id_of("member", _READER),
            "provisioned_at": provisioned_at,
            "expires_at": None if days is None else provisioned_at + timedelta(days=days),
            "last_verified_at": _NEVER,
        }


def _events(members: list[Row], chance: random.Random) -> Iterator[Row]:
    for sequence in range(1, EVENTS + 1):
        member = chance.choice(members)
        site, theme = f"shop-{chance.randrange(10_000)}.example.com", chance.choice(_THEMES)
        denied = chance.random() < 0.05
        did = "tried to provision a license" if denied else f"provisioned {theme} for {site}"
        yield {
            "account_id": id_of("account", _READER),
            "sequence": sequence,
            "id": id_of("event", sequence),
            "occurred_at": _time(chance, sequence / 50),
            "action": "LICENSE_PROVISIONED",
            "outcome": "DENIED" if denied else "ALLOWED",
            "summary": f"{member['name']} {did}",
            "actor_kind": "MEMBER",
            "actor_member_id": member["id"],
            "actor_name": member["name"],
            "credential_kind": "SESSION",
            "credential_id": id_of("session", _READER),
            "credential_label": _AGENTS[2],
            "target_type": None if denied else "License",
            "target_id": None if denied else id_of("license", sequence % LICENSES),
            "target_name": None if denied else f"{theme} for {site}",
            "ip": f"192.0.2.{chance.randrange(1, 255)}",
            "user_agent": chance.choice(_AGENTS),
            "request_id": f"{chance.getrandbits(128):032x}",
            "details": orjson.dumps(
                {"holder": member["name"], "site": site, "theme": theme.lower()}
            ).decode(),
            "previous_hash": sha256(str(sequence - 1).encode()).digest(),
            "hash": sha256(str(sequence).encode()).digest(),
        }


def _head(number: int) -> Row:
    sequence = EVENTS if number == _READER else 0
    return {
        "account_id": id_of("account", number),
        "sequence": sequence,
        "hash": sha256(str(sequence).encode()).digest(),
        "occurred_at": _START + timedelta(days=EVENTS / 50 + 1),
    }
