from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from models.columns import time_column


class IdempotencyKey(SQLModel, table=True):
    """Result of a change, returned again if a client repeats it with the same key. Kept for at least 24
    hours."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created", "created_at"),)

    actor_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    """Id of the member, or of the user if there is no account yet."""
    key: str = Field(primary_key=True)
    input_hash: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the change's name and its input."""
    answer: object = Field(sa_type=JSONB)
    credential_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    """Id of the session or API key that made the change; null if it is not known."""
    created_at: datetime = time_column(default_now=True)
