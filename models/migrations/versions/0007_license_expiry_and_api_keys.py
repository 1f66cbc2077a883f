"""Licenses that expire are found by the time, whatever account they are of"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(
        "ix_licenses_expiry",
        "licenses",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('ACTIVE', 'SUSPENDED') AND expires_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_licenses_expiry", table_name="licenses")
