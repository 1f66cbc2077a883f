"""A sign-in link remembers the browser that asked for it"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("sign_in_links", sa.Column("requested_by", sa.LargeBinary(), nullable=True))
    op.add_column(
        "sign_in_links", sa.Column("wrong_addresses", sa.Integer(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("sign_in_links", "wrong_addresses")
    op.drop_column("sign_in_links", "requested_by")
