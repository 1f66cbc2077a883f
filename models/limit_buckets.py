from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import time_column


class LimitBucket(SQLModel, table=True):
    """Token bucket of a `StoredLimit`: of emails to a recipient or from a sender, or of new accounts. It
    refills evenly, as the buckets of `permissions/rate_limits.py` do, and is deleted once it is full."""

    __tablename__ = "limit_buckets"
    __table_args__ = (Index("ix_limit_buckets_full", "full_at"),)

    subject: str = Field(primary_key=True)
    """Limited thing and address or account, such as `invitations to bob@example.com`."""
    full_at: datetime = time_column()
    """When the bucket is full again."""
