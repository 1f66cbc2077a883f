"""The whole database schema: the SQL of each topic in ../baseline, then the rules that all tables of an
account share.

The privileges of the app's role are in models/grants.py, because the name of that role differs between
deployments.
"""

from pathlib import Path
from typing import Any

from alembic import op
from sqlalchemy.util import await_only

revision = "0001_baseline"
down_revision = None

# In this order: a table is created after those that it references.
TOPICS = (
    "search",
    "text_forms",
    "audit_search",
    "accounts",
    "sign_in",
    "catalog",
    "licenses",
    "billing",
    "api_keys",
    "audit_log",
    "audit_streams",
    "downloads",
    "requests",
    "job_queue",
    "audited_changes",
    "erased_events",
    "erasing",
)

# Tables whose changes need an event of the account. The columns listed are exempt: requests and jobs that
# append no event write them.
AUDITED: dict[str, tuple[str, ...]] = {
    "accounts": (),
    "api_keys": ("last_used_at", "last_used_ip", "expiry_notified_at", "unused_notified_at"),
    "audit_streams": (
        *("last_delivered_sequence", "last_delivered_at", "batch_sequence", "failing_since", "attempts"),
        *("last_attempt_at", "next_attempt_at", "last_error", "lease_id", "leased_until"),
    ),
    "billing_details": (),
    "entitlements": (),
    "former_license_keys": (),
    "invitations": ("delivery", "delivery_error", "sent_at"),
    "invoice_lines": (),
    "invoices": (),
    "licenses": (
        *("last_downloaded_at", "last_verified_at", "last_verified_site", "installed_version"),
        "expiry_reminder_at",
    ),
    "member_limits": (),
    "members": ("last_active_at", "access_reminder_at"),
}

# A change sets `team_access.account_id` when its transaction begins, and then locks that account's row. Where
# it is not set, no row may be written. The sub-SELECT is evaluated once per statement, not once per row.
CURRENT_ACCOUNT = "(SELECT nullif(current_setting('team_access.account_id', true), '')::uuid)"
ACCOUNT_TABLES = (
    *AUDITED,
    *("api_key_days", "audit_cuts", "audit_events", "audit_heads", "audit_verifications", "download_links"),
)
# What one statement writes for many accounts: API calls and sign-ins are appended, and expired links deleted.
# A link to personal data belongs to no account.
ALSO_ALLOWED = {
    ("audit_events", "INSERT"): "action IN ('API_CALLED', 'MEMBER_SIGNED_IN')",
    ("download_links", "INSERT"): "account_id IS NULL",
    ("download_links", "DELETE"): "account_id IS NULL OR expires_at < now()",
}


def upgrade() -> None:
    for topic in TOPICS:
        _execute_file(Path(__file__).parents[1] / "baseline" / f"{topic}.sql")
    for table, exempt in AUDITED.items():
        _require_events(table, exempt)
    for table in ACCOUNT_TABLES:
        _secure_rows(table)


def downgrade() -> None:
    """Drops everything, including the audit logs. Triggers, indexes and policies are dropped with their
    tables."""
    op.execute(
        "DROP FUNCTION claim_audit_streams(uuid, double precision, boolean, integer),"
        " audit_withhold(audit_events, text[]), lock_free_audit_heads(uuid[]),"
        " erase_events(uuid, uuid, boolean), append_person_erased(uuid, boolean, uuid[], uuid[]),"
        " audit_without_person(audit_events, boolean, boolean, uuid[], text[]),"
        " audit_places_in_details(audit_events, boolean, boolean, uuid[], text[]),"
        " audit_event_hash(audit_events)"
    )
    op.execute(
        "DROP TABLE accounts, users, members, member_limits, invitations, sign_in_links, sessions,"
        " unrecorded_sign_ins, erasures, themes, theme_releases, theme_files, entitlements, licenses,"
        " former_license_keys, billing_details, invoices, invoice_lines, api_keys, api_key_days,"
        " audit_heads, audit_events, audit_cuts, audit_verifications, audit_streams, download_links,"
        " transfers, idempotency_keys, limit_buckets, pgqueuer, pgqueuer_log, pgqueuer_schedules,"
        " pgqueuer_statistics"
    )
    op.execute(
        "DROP FUNCTION search_grams(uuid, text, integer), note_members_active(uuid, uuid[], timestamptz),"
        " note_api_key_used(uuid, uuid, timestamptz, text), forget_api_key_days(integer),"
        " note_license_checks(uuid[], uuid[], timestamptz[], text[], text[]),"
        " invoice_unchanged(), audit_field(text),"
        " audit_commitment(bytea, json, json, text, text),"
        " audit_personal_details(bytea, json, json, json), audit_canonical(jsonb, boolean, integer),"
        " audit_canonical_details(json, boolean), audit_is_one_text(text), audit_is_canonical(json),"
        " audit_first_since(uuid, timestamptz),"
        " audit_details(json, json),"
        " audit_export_value(json, text, text), audit_export_details(json, json),"
        " audit_append(), audit_appended(), audit_refuse(), audit_keep(), audit_cut(),"
        " audit_require_event(), audit_keep_account(), fn_pgqueuer_changed(), audit_keep_hash(),"
        " require_person(), audit_erased_summary(text, text, boolean, text[], text[]),"
        " audit_replace_words(text, text, text), audit_erased_details(json, text[]),"
        " audit_erased_value(json, text, text[]),"
        " audit_details_texts(json), folded_text(text), audit_search_entries(uuid, bigint, uuid, text),"
        " audit_search_query(uuid, uuid, text, text), audit_search_window(uuid, bigint, integer),"
        " audit_search_quoted(text), audit_search_prefix(uuid)"
    )
    op.execute("DROP TYPE pgqueuer_status")


def _execute_file(file: Path) -> None:
    """Executes all statements of a file at once, which SQLAlchemy's cursors do not support."""
    connection: Any = op.get_bind().connection.driver_connection
    await_only(connection.execute(file.read_text("utf-8")))


def _require_events(table: str, exempt: tuple[str, ...]) -> None:
    """Requires an event at COMMIT, because it may be appended after the rows are written."""
    deferred = f"ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    arguments = ", ".join(f"'{column}'" for column in exempt)
    execute = f"EXECUTE FUNCTION audit_require_event({arguments})"
    op.execute(f"CREATE CONSTRAINT TRIGGER {table}_audited AFTER INSERT OR DELETE {deferred} {execute}")
    op.execute(
        f"CREATE CONSTRAINT TRIGGER {table}_audited_update AFTER UPDATE {deferred}"
        f" WHEN (OLD.* *<> NEW.*) {execute}"
    )
    key = _account_key(table)
    op.execute(
        f"CREATE TRIGGER {table}_of_account BEFORE UPDATE OF {key} ON {table} FOR EACH ROW"
        f" WHEN (OLD.{key} <> NEW.{key}) EXECUTE FUNCTION audit_keep_account()"
    )


def _secure_rows(table: str) -> None:
    """Allows the app's role to read all rows, and to write rows of its transaction's account only."""
    own = f"{_account_key(table)} = {CURRENT_ACCOUNT}"
    inserted, deleted = (
        f"{own} OR {ALSO_ALLOWED[table, command]}" if (table, command) in ALSO_ALLOWED else own
        for command in ("INSERT", "DELETE")
    )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_read ON {table} FOR SELECT USING (true)")
    op.execute(f"CREATE POLICY {table}_insert ON {table} FOR INSERT WITH CHECK ({inserted})")
    op.execute(f"CREATE POLICY {table}_update ON {table} FOR UPDATE USING ({own}) WITH CHECK ({own})")
    op.execute(f"CREATE POLICY {table}_delete ON {table} FOR DELETE USING ({deleted})")


def _account_key(table: str) -> str:
    return "id" if table == "accounts" else "account_id"
