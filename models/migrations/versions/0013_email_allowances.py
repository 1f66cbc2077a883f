"""Invitation emails are counted, by their recipient and by their account"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "email_allowances",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_email_allowances")),
    )


def downgrade() -> None:
    op.drop_table("email_allowances")
