"""The emails of one lane that wait in the queue are found without reading the others"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_pgqueuer_lane ON pgqueuer ((headers->>'lane'), priority)"
        " WHERE status = 'queued'::pgqueuer_status"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_pgqueuer_lane")
