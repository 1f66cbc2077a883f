"""Rules with a Python and an SQL form have the same result for every row."""

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from models.api_keys import ApiKey, ApiKeyStatus
from models.columns import now
from models.invitations import Invitation, InvitationStatus
from models.licenses import License, LicenseStatus
from models.sessions import Session

ROOT = Path(__file__).parents[2]
PAST, FUTURE = now() - timedelta(days=1), now() + timedelta(days=1)
TIMES = (None, PAST, FUTURE)
API_KEY = dict.fromkeys(("claimed_at", "claim_expires_at", "expires_at", "revoked_at"), "timestamptz")
WITH_STATUS = {"status": "text", "expires_at": "timestamptz"}
PROCESSES = ("resolvers", "permissions", "web", "mailer", "schema", "commands", "models", "engine")


async def test_the_status_of_an_api_key(owner_url: str) -> None:
    rows = list(product((None, PAST), TIMES, TIMES, (None, PAST)))

    statuses = await _evaluated(owner_url, "api_keys", API_KEY, rows, ApiKey.status_now())
    usable = await _evaluated(owner_url, "api_keys", API_KEY, rows, ApiKey.works_or_may_yet())

    assert statuses == [ApiKey.status_of(*row) for row in rows]
    assert usable == [status in (ApiKeyStatus.ACTIVE, ApiKeyStatus.UNCLAIMED) for status in statuses]
    assert set(statuses) == set(ApiKeyStatus)


async def test_the_status_of_a_license(owner_url: str) -> None:
    rows = list(product([status.value for status in LicenseStatus], TIMES))

    statuses = await _evaluated(owner_url, "licenses", WITH_STATUS, rows, License.status_now())
    active = await _evaluated(owner_url, "licenses", WITH_STATUS, rows, License.is_active())
    due = await _evaluated(owner_url, "licenses", WITH_STATUS, rows, License.is_due())

    assert statuses == [License.status_of(LicenseStatus(status), expiry) for status, expiry in rows]
    assert active == [status == LicenseStatus.ACTIVE for status in statuses]
    assert [bool(each) for each in due] == [
        status != stored for (stored, _), status in zip(rows, statuses, strict=True)
    ]


async def test_the_status_of_an_invitation(owner_url: str) -> None:
    rows = list(product([status.value for status in InvitationStatus], (PAST, FUTURE)))

    statuses = await _evaluated(owner_url, "invitations", WITH_STATUS, rows, Invitation.status_now())

    assert statuses == [Invitation.status_of(InvitationStatus(status), expiry) for status, expiry in rows]


async def test_a_session_is_live_until_it_is_ended_or_expires(owner_url: str) -> None:
    rows = list(product((None, PAST), (PAST, FUTURE)))
    columns = {"ended_at": "timestamptz", "expires_at": "timestamptz"}

    live = await _evaluated(owner_url, "sessions", columns, rows, Session.is_live())

    assert live == [ended_at is None and expires_at > now() for ended_at, expires_at in rows]


async def test_an_account_accepts_a_session_until_a_rule_refuses_it(owner_url: str) -> None:
    ages = (None, 1, 3_600, 40 * 86_400)
    began = now() - timedelta(seconds=1_800)
    valid_from = (None, began - timedelta(seconds=1), began, began + timedelta(seconds=1))
    rows = list(product((began,), valid_from, ages))
    times = dict.fromkeys(("created_at", "sessions_valid_from"), "timestamptz")
    columns = {**times, "max_session_age_seconds": "integer"}
    rule = Session.is_accepted()

    accepted = await _evaluated(owner_url, "sessions", columns, rows, rule, "members", "accounts")

    until = [Session.accepted_until(*row) for row in rows]
    assert accepted == [each is None or now() < each for each in until]
    assert {True, False} == set(accepted)


@pytest.mark.parametrize(
    ("column", "model"),
    [
        ("Session.ended_at", "models/sessions.py"),
        ("Session.expires_at", "models/sessions.py"),
        ("Member.sessions_valid_from", "models/sessions.py"),
        ("Account.max_session_age_seconds", "models/sessions.py"),
        ("ApiKey.previous_expires_at", "models/api_keys.py"),
        ("ApiKey.claim_expires_at", "models/api_keys.py"),
    ],
)
def test_a_rule_stands_in_its_model(column: str, model: str) -> None:
    """Elsewhere the model is asked. Ordering by the column, and showing its time, decide nothing."""
    compared = re.compile(rf"(?<!_ids\(_has_lapsed\(\), )(?<!utc_time\()col\({re.escape(column)}\)")
    sources = [path for package in PROCESSES for path in (ROOT / package).rglob("*.py")]

    found = {path.relative_to(ROOT).as_posix() for path in sources if compared.search(path.read_text())}

    assert found == {model}


async def _evaluated(
    url: str,
    table: str,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    expression: Any,
    *others: str,
) -> list[Any]:
    """The SQL expression's value of each row, where a table of that name has these rows. It has the columns
    of the `others` too."""
    sql = str(expression.compile(dialect=dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    for other in others:
        sql = sql.replace(f"{other}.", f"{table}.")
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(columns.values(), 1))
    given = f"unnest({arrays}) WITH ORDINALITY AS {table} ({', '.join(columns)}, place)"
    connection = await asyncpg.connect(url)
    try:
        values = [[row[place] for row in rows] for place in range(len(columns))]
        records = await connection.fetch(f"SELECT {sql} FROM {given} ORDER BY place", *values)
    finally:
        await connection.close()
    return [record[0] for record in records]
