"""Privileges of the app's role on each table. It has no others."""

_CHANGE = "SELECT, INSERT, UPDATE"
_CHANGE_AND_FORGET = "SELECT, INSERT, UPDATE, DELETE"

TABLES = {
    "accounts": _CHANGE,
    "alembic_version": "SELECT",
    "api_key_days": "SELECT",
    "api_keys": _CHANGE,
    "audit_cuts": "SELECT",
    "audit_events": "SELECT, INSERT",
    "audit_heads": "SELECT",
    "audit_streams": _CHANGE,
    "audit_verifications": _CHANGE,
    "billing_details": _CHANGE,
    "download_links": _CHANGE_AND_FORGET,
    "limit_buckets": _CHANGE_AND_FORGET,
    "entitlements": _CHANGE,
    "erasures": _CHANGE_AND_FORGET,
    "former_license_keys": "SELECT, INSERT",
    "idempotency_keys": _CHANGE_AND_FORGET,
    "invitations": _CHANGE,
    "invoice_lines": "SELECT, INSERT",
    "invoices": "SELECT, INSERT",
    "licenses": _CHANGE,
    "member_limits": _CHANGE,
    "members": _CHANGE,
    "pgqueuer": _CHANGE_AND_FORGET,
    "pgqueuer_log": "SELECT, INSERT, DELETE",
    "pgqueuer_schedules": _CHANGE,
    "pgqueuer_statistics": "SELECT",
    "sessions": _CHANGE,
    "sign_in_links": _CHANGE_AND_FORGET,
    "theme_files": _CHANGE_AND_FORGET,
    "theme_releases": _CHANGE,
    "themes": _CHANGE,
    "transfers": _CHANGE_AND_FORGET,
    "unrecorded_sign_ins": _CHANGE_AND_FORGET,
    "users": _CHANGE,
}
COLUMNS = {"invoices": ("status", "paid_at")}
"""Columns that may be updated, for tables without UPDATE on all columns."""
FUNCTIONS = (
    "note_members_active(uuid, uuid[], timestamptz)",
    "note_api_key_used(uuid, uuid, timestamptz, text)",
    "forget_api_key_days(integer)",
    "note_license_checks(uuid[], uuid[], timestamptz[], text[], text[])",
    "claim_audit_streams(uuid, double precision, boolean, integer)",
    "lock_free_audit_heads(uuid[])",
    "erase_events(uuid, uuid, boolean)",
)
"""SECURITY DEFINER functions, which write certain columns of several accounts, delete counts that are no
longer shown, lock logs, or erase a person from a log, with the owner's privileges."""
SEQUENCES = ("pgqueuer_id_seq", "pgqueuer_schedules_id_seq")


def statements(app_role: str) -> list[str]:
    role = '"' + app_role.replace('"', '""') + '"'
    return [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        *(f"GRANT {privileges} ON {table} TO {role}" for table, privileges in TABLES.items()),
        *(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {role}" for table, columns in COLUMNS.items()),
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {role}" for function in FUNCTIONS),
        *(f"GRANT USAGE ON SEQUENCE {sequence} TO {role}" for sequence in SEQUENCES),
    ]
