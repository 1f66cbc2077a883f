"""Billing, and what is downloaded"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

UNCHANGED = """
CREATE FUNCTION invoice_unchanged() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'invoices' THEN
        IF to_jsonb(OLD) - 'status' - 'paid_at' = to_jsonb(NEW) - 'status' - 'paid_at' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an issued invoice never changes' USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "billing_details",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("address_lines", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("tax_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_billing_details_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_billing_details")),
    )
    op.create_table(
        "download_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column(
            "credential_kind",
            sa.Enum(
                "SESSION",
                "API_KEY",
                "INVITATION",
                "OPERATOR",
                name="credential_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("credential_id", sa.UUID(), nullable=False),
        sa.Column("credential_label", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "THEME_FILE",
                "REPORT",
                "INVOICE",
                name="download_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "member_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_download_links_account_id_member_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_download_links_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_download_links")),
    )
    op.create_index("ix_download_links_expires", "download_links", ["expires_at"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "PAID",
                "VOID",
                name="invoice_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("tax", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("total", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("purchased_by_id", sa.UUID(), nullable=False),
        sa.Column("billed_to", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_invoices_sequence")),
        sa.CheckConstraint("total = subtotal + tax", name=op.f("ck_invoices_total")),
        sa.ForeignKeyConstraint(
            ["account_id", "purchased_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_invoices_account_id_purchased_by_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_invoices_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_invoices")),
    )
    op.create_index("ix_invoices_issued", "invoices", ["account_id", "issued_at", "id"], unique=False)
    op.create_index(
        "ix_invoices_status", "invoices", ["account_id", "status", "issued_at", "id"], unique=False
    )
    op.create_index("uq_invoices_sequence", "invoices", ["account_id", "sequence"], unique=True)
    op.create_table(
        "invoice_lines",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("invoice_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("theme_id", sa.UUID(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.CheckConstraint("amount = quantity * unit_price", name=op.f("ck_invoice_lines_amount")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_invoice_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["account_id", "invoice_id"],
            ["invoices.account_id", "invoices.id"],
            name=op.f("fk_invoice_lines_account_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_invoice_lines_account_id")),
        sa.ForeignKeyConstraint(["theme_id"], ["themes.id"], name=op.f("fk_invoice_lines_theme_id")),
        sa.PrimaryKeyConstraint("account_id", "invoice_id", "position", name=op.f("pk_invoice_lines")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_hash"], ["download_links.token_hash"], name=op.f("fk_transfers_token_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index("ix_transfers_seen", "transfers", ["seen_at"], unique=False)
    op.create_index(op.f("ix_transfers_token_hash"), "transfers", ["token_hash"], unique=False)
    op.execute(UNCHANGED)
    for table in ("invoices", "invoice_lines"):
        op.execute(
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION invoice_unchanged()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_not_truncated BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION invoice_unchanged()"
        )


def downgrade() -> None:

    op.drop_index(op.f("ix_transfers_token_hash"), table_name="transfers")
    op.drop_index("ix_transfers_seen", table_name="transfers")
    op.drop_table("transfers")
    op.drop_table("invoice_lines")
    op.drop_index("uq_invoices_sequence", table_name="invoices")
    op.drop_index("ix_invoices_status", table_name="invoices")
    op.drop_index("ix_invoices_issued", table_name="invoices")
    op.drop_table("invoices")
    op.drop_index("ix_download_links_expires", table_name="download_links")
    op.drop_table("download_links")
    op.drop_table("billing_details")
    op.execute("DROP FUNCTION invoice_unchanged()")
