"""Open invoices, of all accounts, for who collects their payments"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(
        "ix_invoices_open",
        "invoices",
        ["issued_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'OPEN'"),
    )


def downgrade() -> None:
    op.drop_index("ix_invoices_open", table_name="invoices")
