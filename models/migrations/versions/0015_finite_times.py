"""No time that a client gives is stored as infinity: no client could read it"""

from alembic import op

revision = "0015"
down_revision = "0014"

LATEST = "timestamptz '9000-12-31 23:59:59.999999+00'"


def upgrade() -> None:
    # The last microsecond of the year 9999 was stored as infinity: it becomes the latest time that is accepted.
    for table in ("licenses", "api_keys"):
        op.execute(f"UPDATE {table} SET expires_at = {LATEST} WHERE expires_at > {LATEST}")  # noqa: S608
        op.execute(
            f"UPDATE {table} SET expires_at = timestamptz '1970-01-01 00:00:00+00'"  # noqa: S608
            " WHERE expires_at = '-infinity'"
        )
        op.create_check_constraint(op.f(f"ck_{table}_expires_at_finite"), table, "isfinite(expires_at)")


def downgrade() -> None:
    for table in ("licenses", "api_keys"):
        op.drop_constraint(op.f(f"ck_{table}_expires_at_finite"), table)
