"""API keys are claimed, rotated and told of; and what else the log tells of"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision = "0008"

ADDED = (
    "API_KEY_EXPIRED",
    "AUDIT_LOG_PRUNED",
    "AUDIT_STREAM_CREATED",
    "AUDIT_STREAM_UPDATED",
    "AUDIT_STREAM_DELETED",
    "AUDIT_STREAM_PAUSED",
)
COLUMNS: dict[str, TypeEngine[Any]] = {
    "claim_hash": sa.LargeBinary(),
    "claim_expires_at": sa.DateTime(timezone=True),
    "previous_key_hash": sa.LargeBinary(),
    "previous_expires_at": sa.DateTime(timezone=True),
    "expiry_told_at": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    _allow(*_actions(), *ADDED)
    for name, kind in COLUMNS.items():
        op.add_column("api_keys", sa.Column(name, kind, nullable=True))
    op.create_unique_constraint(op.f("uq_api_keys_claim_hash"), "api_keys", ["claim_hash"])
    op.create_unique_constraint(op.f("uq_api_keys_previous_key_hash"), "api_keys", ["previous_key_hash"])
    op.create_index(
        "ix_api_keys_expiry",
        "api_keys",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NULL AND expires_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_expiry", table_name="api_keys")
    for name in COLUMNS:
        op.drop_column("api_keys", name)
    _allow(*(action for action in _actions() if action not in ADDED))


def _actions() -> list[str]:
    """As the CHECK has them."""
    definition = op.get_bind().scalar(
        sa.text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_audit_events_audit_action'"
        )
    )
    return list(definition.split("'")[1::2])


def _allow(*actions: str) -> None:
    """NOT VALID, then validated: the log is not locked while it is looked through."""
    allowed = ", ".join(f"'{action}'" for action in actions)
    op.execute("ALTER TABLE audit_events DROP CONSTRAINT ck_audit_events_audit_action")
    op.execute(
        "ALTER TABLE audit_events ADD CONSTRAINT ck_audit_events_audit_action"
        f" CHECK (action IN ({allowed})) NOT VALID"
    )
    op.execute("ALTER TABLE audit_events VALIDATE CONSTRAINT ck_audit_events_audit_action")
