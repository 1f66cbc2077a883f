"""An erasure leaves nothing of a person in the columns that the registry calls personal."""

import asyncpg

from mailer.queue import DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT
from models.personal_data import KEPT_COLUMNS, PERSONAL_COLUMNS
from tests.people.test_personal_data_is_complete import accounts
from tests.support.changes import ERASE_VIEWER
from tests.support.credentials import ADA, TwoAccounts
from tests.support.documents import report_link
from tests.support.problems import require_none

__all__ = ["accounts"]

NAME, COUNTRY = "Quillonia", "ZZ"
AS_JSON = f'\'{{"note":"{NAME}"}}\''
USER = f"(SELECT id FROM users WHERE email = '{ADA}')"
MEMBERS = f"(SELECT id FROM members WHERE user_id = {USER})"
LINKS = f"member_id IN {MEMBERS} OR user_id = {USER}"
ROWS = {
    "users": f"id = {USER}",
    "sessions": f"user_id = {USER}",
    "sign_in_links": f"email = '{ADA}'",
    "members": f"user_id = {USER}",
    "invitations": f"email = '{ADA}'",
    "api_keys": f"member_id IN {MEMBERS}",
    "licenses": f"revoked_by_id IN {MEMBERS}",
    "billing_details": f"email = '{ADA}'",
    "invoices": f"purchased_by_id IN {MEMBERS}",
    "download_links": LINKS,
    "transfers": f"token_hash IN (SELECT token_hash FROM download_links WHERE {LINKS})",
    "pgqueuer": f"entrypoint IN ('{DELIVER_EMAIL}', '{DELIVER_EMAIL_WITH_ATTACHMENT}')",
    "erasures": f"user_id = {USER}",
    "limit_buckets": f"subject LIKE '% {ADA}'",
    "idempotency_keys": f"actor_id = {USER} OR actor_id IN {MEMBERS}",
    "audit_events": f"actor_member_id IN {MEMBERS}",
}
"""Rows whose texts are the person's, for each table of the registry."""
ABOUT = f"target_id IN {MEMBERS}"
ROWS_OF = {("audit_events", "target_name"): ABOUT, ("audit_events", "personal_details"): ABOUT}
"""The same for a column whose texts are the person's in other rows of the table."""
STORED = {
    ("members", "email"): f"'{ADA}'",
    ("licenses", "revoked_reason"): f"'Asked for by {ADA}.'",
    ("api_keys", "allowed_networks"): f"ARRAY['{NAME}']",
    ("billing_details", "country"): f"'{COUNTRY}'",
    ("billing_details", "address_lines"): f"ARRAY['{NAME}', '{ADA}', 'Street 1']",
    ("invoices", "billed_to"): AS_JSON,
    ("download_links", "subject"): AS_JSON,
    ("transfers", "facts"): AS_JSON,
    ("pgqueuer", "payload"): f"""'{{"to":"{ADA}","subject":"{NAME}"}}'""",
    ("pgqueuer", "headers"): AS_JSON,
    ("idempotency_keys", "answer"): AS_JSON,
    ("audit_events", "summary"): f"'{NAME} acted'",
    ("audit_events", "personal_details"): f"{AS_JSON}, named_ids = NULL, named_fields = NULL",
}
"""What a column gets that cannot hold the name alone."""
HAVE_ADDRESS = {
    (table, "email") for table in ("users", "sign_in_links", "invitations", "billing_details", "erasures")
} | {("limit_buckets", "subject"), ("erasures", "names")}
"""Columns that have the address already, and those of the erasure itself."""
TRANSFERS = """INSERT INTO transfers (id, token_hash, facts, started_at, seen_at, bytes_sent)
  SELECT gen_random_uuid(), token_hash, '{}', now(), now(), 0 FROM download_links WHERE kind = 'REPORT'"""
GENERATED = {("audit_events", "summary_folded")}


async def test_an_erasure_leaves_nothing_in_the_personal_columns(accounts: TwoAccounts) -> None:
    superuser = accounts.world.superuser
    assert set(ROWS) == set(PERSONAL_COLUMNS), "ROWS has the tables of the registry"
    await report_link(accounts.second.world, "TEAM", by=accounts.ada)
    await superuser.execute(TRANSFERS)
    for pair in _personal() - HAVE_ADDRESS - GENERATED:
        await _unchecked(superuser, f"UPDATE {pair[0]} SET {pair[1]} = {_stored(pair)} WHERE {_rows(pair)}")
    await _unchecked(superuser, "UPDATE audit_events SET hash = audit_event_hash(audit_events)")
    await _unchecked(
        superuser, f"UPDATE members SET removed_at = now(), is_owner = false WHERE user_id = {USER}"
    )
    of_erasure = {pair for pair in _personal() if pair[0] == "erasures"}
    assert await _found(superuser) == _personal() - of_erasure

    assert await accounts.ada.change(ERASE_VIEWER, email=ADA) == {"userErrors": []}

    left = await _found(superuser)
    kept = {(table, column) for table, columns in KEPT_COLUMNS.items() for column in columns}
    require_none(
        f"{table}.{column} is not erased with the person: erase it in resolvers/people/erasing.py,"
        " account_rows.py or erasing.sql, or state in KEPT_COLUMNS of models/personal_data.py why not."
        for table, column in sorted(left - kept)
    )
    require_none(
        f"{table}.{column} is erased with the person: remove it from KEPT_COLUMNS in models/personal_data.py."
        for table, column in sorted(kept - left)
    )


def _personal() -> set[tuple[str, str]]:
    return {(table, column) for table, columns in PERSONAL_COLUMNS.items() for column in columns}


def _rows(pair: tuple[str, str]) -> str:
    return ROWS_OF.get(pair, ROWS[pair[0]])


def _stored(pair: tuple[str, str]) -> str:
    return STORED.get(pair, f"'{NAME}'")


async def _unchecked(superuser: asyncpg.Connection, statement: str) -> None:
    async with superuser.transaction():
        await superuser.execute(f"SET LOCAL session_replication_role = replica; {statement}")


async def _found(superuser: asyncpg.Connection) -> set[tuple[str, str]]:
    """Columns in which a row has the person's name or address."""
    found = set()
    for table, column in _personal():
        value = "convert_from(payload, 'UTF8')" if column == "payload" else f"{column}::text"
        rows = f"SELECT EXISTS (SELECT FROM {table} WHERE {value} ILIKE ANY ($1))"
        texts = [COUNTRY] if column == "country" else [f"%{NAME}%", f"%{ADA}%"]
        if await superuser.fetchval(rows, texts):
            found.add((table, column))
    return found
