"""The log is told once of an API key whose time is over, claimed or not"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True))
    _index_expiry("revoked_at IS NULL AND expired_at IS NULL AND expires_at IS NOT NULL")
    op.create_index(
        "ix_api_keys_claim_expiry",
        "api_keys",
        ["claim_expires_at"],
        unique=False,
        postgresql_where=sa.text("claimed_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_claim_expiry", table_name="api_keys")
    _index_expiry("revoked_at IS NULL AND expires_at IS NOT NULL")
    op.drop_column("api_keys", "expired_at")


def _index_expiry(where: str) -> None:
    op.drop_index("ix_api_keys_expiry", table_name="api_keys")
    op.create_index(
        "ix_api_keys_expiry", "api_keys", ["expires_at"], unique=False, postgresql_where=sa.text(where)
    )
