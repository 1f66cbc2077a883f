"""API keys; and licenses that expire are found by the time, whatever account they are of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_licenses_expiry",
        "licenses",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('ACTIVE', 'SUSPENDED') AND expires_at IS NOT NULL"),
    )
    op.create_table(
        "api_keys",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by_id", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_ip", sa.String(), nullable=True),
        sa.Column("revoked_by_id", sa.UUID(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scopes <@ ARRAY['READ', 'PROVISION'] AND cardinality(scopes) > 0",
            name=op.f("ck_api_keys_scopes"),
        ),
        sa.CheckConstraint("(claimed_at IS NULL) = (key_hash IS NULL)", name=op.f("ck_api_keys_claimed")),
        *(
            sa.ForeignKeyConstraint(
                ["account_id", column],
                ["members.account_id", "members.id"],
                name=op.f(f"fk_api_keys_account_id_{column}"),
            )
            for column in ("member_id", "created_by_id", "revoked_by_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index("ix_api_keys_created", "api_keys", ["account_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_api_keys_member", "api_keys", ["account_id", "member_id", "created_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_member", table_name="api_keys")
    op.drop_index("ix_api_keys_created", table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index("ix_licenses_expiry", table_name="licenses")
