"""Webhooks for audit events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "audit_streams",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("actions", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_secrets", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("previous_secrets_expire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                *("ACTIVE", "PAUSED", "ENDED"),
                name="audit_stream_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("last_delivered_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_sequence", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("lease_id", sa.UUID(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_id", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(actions) > 0", name=op.f("ck_audit_streams_actions")),
        sa.CheckConstraint(
            "(secret IS NULL) = (deleted_at IS NOT NULL)", name=op.f("ck_audit_streams_secret")
        ),
        sa.CheckConstraint(
            "(lease_id IS NULL) = (leased_until IS NULL)", name=op.f("ck_audit_streams_lease")
        ),
        sa.CheckConstraint("last_delivered_sequence >= 0", name=op.f("ck_audit_streams_sequence")),
        sa.ForeignKeyConstraint(
            ["account_id", "created_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_audit_streams_account_id_created_by_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_streams_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_audit_streams")),
    )
    op.create_index(
        "ix_audit_streams_created", "audit_streams", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_audit_streams_active",
        "audit_streams",
        ["last_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status = 'ACTIVE' AND deleted_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("audit_streams")
