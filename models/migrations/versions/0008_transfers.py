"""What the log will say of a transfer is kept with it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("transfers", sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=False))


def downgrade() -> None:
    op.drop_column("transfers", "told")
