"""A repeated change knows which credential had made it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("credential_id", postgresql.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("idempotency_keys", "credential_id")
