"""What the app's role may do with each table; whatever is not said here, it may not."""

_CHANGE = "SELECT, INSERT, UPDATE"
_CHANGE_AND_FORGET = "SELECT, INSERT, UPDATE, DELETE"

TABLES = {
    "accounts": _CHANGE,
    "alembic_version": "SELECT",
    "audit_events": "SELECT, INSERT",
    "audit_heads": "SELECT",
    "entitlements": _CHANGE,
    "idempotency_keys": _CHANGE_AND_FORGET,
    "invitations": _CHANGE,
    "licenses": _CHANGE,
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
    "users": _CHANGE,
}
SEQUENCES = ("pgqueuer_id_seq", "pgqueuer_schedules_id_seq")


def statements(app_role: str) -> list[str]:
    role = '"' + app_role.replace('"', '""') + '"'
    return [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        *(f"GRANT {privileges} ON {table} TO {role}" for table, privileges in TABLES.items()),
        *(f"GRANT USAGE ON SEQUENCE {sequence} TO {role}" for sequence in SEQUENCES),
    ]
