"""The log may be pruned up to a cut, and what was verified of it is kept"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

ONE_LINE = "strpos(details::text, chr(10)) = 0 AND strpos(details::text, chr(13)) = 0"

# In a table that the app's role may not write. Whoever owns it may only say what an event has said before.
CUT = """
CREATE FUNCTION audit_cut() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_events
        WHERE account_id = NEW.account_id AND action = 'AUDIT_LOG_PRUNED' AND sequence > NEW.pruned_through
        AND details->>'prunedThrough' = NEW.pruned_through::text
        AND details->>'hash' = encode(NEW.hash, 'hex')
    ) THEN
        RAISE EXCEPTION 'no event of the audit log tells of this cut' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$
"""
KEEP = """
CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM audit_cuts WHERE account_id = OLD.account_id AND pruned_through >= OLD.sequence
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log cannot be rewritten' USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "audit_cuts",
        sa.Column("account_id", postgresql.UUID(), nullable=False),
        sa.Column("pruned_through", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_cuts_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_audit_cuts")),
    )
    op.create_table(
        "audit_verifications",
        sa.Column("account_id", postgresql.UUID(), nullable=False),
        sa.Column("verified_through", sa.BigInteger(), nullable=False),
        sa.Column("verified_hash", sa.LargeBinary(), nullable=False),
        sa.Column("walked_through", sa.BigInteger(), nullable=False),
        sa.Column("walked_hash", sa.LargeBinary(), nullable=False),
        sa.Column("walked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_broken_sequence", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_audit_verifications_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_audit_verifications")),
    )
    # An export has an event a line, with the details as they were hashed. NOT VALID, then validated: the log is
    # not locked while it is looked through.
    op.execute(
        f"ALTER TABLE audit_events ADD CONSTRAINT ck_audit_events_details_line CHECK ({ONE_LINE}) NOT VALID"
    )
    op.execute("ALTER TABLE audit_events VALIDATE CONSTRAINT ck_audit_events_details_line")
    op.execute(CUT)
    op.execute(KEEP)
    op.execute("DROP TRIGGER audit_events_keep ON audit_events")
    op.execute(
        "CREATE TRIGGER audit_events_keep BEFORE UPDATE ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_keep_uncut BEFORE DELETE ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION audit_keep()"
    )
    op.execute(
        "CREATE TRIGGER audit_cuts_told BEFORE INSERT OR UPDATE ON audit_cuts"
        " FOR EACH ROW EXECUTE FUNCTION audit_cut()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_events_keep_uncut ON audit_events")
    op.execute("DROP TRIGGER audit_events_keep ON audit_events")
    op.execute(
        "CREATE TRIGGER audit_events_keep BEFORE UPDATE OR DELETE ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.drop_constraint(op.f("ck_audit_events_details_line"), "audit_events")
    op.drop_table("audit_verifications")
    op.drop_table("audit_cuts")
    op.execute("DROP FUNCTION audit_keep(), audit_cut()")
