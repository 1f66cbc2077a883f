"""A change of an account's rows is committed with an event of that account, or not at all"""

from alembic import op

revision = "0016"
down_revision = "0015"

# The columns that each table's triggers leave out: what may change without an event.
AUDITED: dict[str, tuple[str, ...]] = {
    "accounts": (),
    "api_keys": ("last_used_at", "last_used_ip", "expiry_told_at"),
    "audit_streams": (
        *("last_delivered_sequence", "last_delivered_at", "batch_sequence", "failing_since", "attempts"),
        *("last_attempt_at", "next_attempt_at", "last_error", "lease_id", "leased_until"),
    ),
    "billing_details": (),
    "entitlements": (),
    "invitations": ("accepted_at", "delivery", "delivery_error", "sent_at"),
    "invoice_lines": (),
    "invoices": (),
    "licenses": ("last_downloaded_at",),
    "members": ("last_active_at",),
}

# The head of an account's log is written by each event that is appended, and by nothing else: where this
# transaction has written it, there is an event. (An event that is appended in a savepoint does not count.)
# Columns are compared last, since there nearly always is one.
REQUIRE = """
CREATE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed record;
    account uuid;
BEGIN
    IF TG_OP = 'DELETE' THEN changed := OLD; ELSE changed := NEW; END IF;
    IF TG_TABLE_NAME = 'accounts' THEN account := changed.id; ELSE account := changed.account_id; END IF;
    IF EXISTS (
        SELECT FROM audit_heads WHERE account_id = account AND xmin = pg_current_xact_id()::xid
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - TG_ARGV = to_jsonb(NEW) - TG_ARGV THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'a change of % needs an event of its account in the same transaction', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""
# The old account's log says nothing of a row that has gone to another's.
KEEP = """
CREATE FUNCTION audit_keep_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % never moves to another account', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def upgrade() -> None:
    op.execute(REQUIRE)
    op.execute(KEEP)
    op.execute("REVOKE EXECUTE ON FUNCTION audit_require_event(), audit_keep_account() FROM PUBLIC")
    for table, unaudited in AUDITED.items():
        arguments = ", ".join(f"'{column}'" for column in unaudited)
        required = f"ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        execute = f"EXECUTE FUNCTION audit_require_event({arguments})"
        op.execute(f"CREATE CONSTRAINT TRIGGER {table}_audited AFTER INSERT OR DELETE {required} {execute}")
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_audited_update AFTER UPDATE {required}"
            f" WHEN (OLD.* *<> NEW.*) {execute}"
        )
        key = "id" if table == "accounts" else "account_id"
        op.execute(
            f"CREATE TRIGGER {table}_of_account BEFORE UPDATE OF {key} ON {table} FOR EACH ROW"
            f" WHEN (OLD.{key} <> NEW.{key}) EXECUTE FUNCTION audit_keep_account()"
        )


def downgrade() -> None:
    for table in AUDITED:
        for trigger in (f"{table}_audited", f"{table}_audited_update", f"{table}_of_account"):
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute("DROP FUNCTION audit_require_event(), audit_keep_account()")
