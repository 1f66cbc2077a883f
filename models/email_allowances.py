from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import time_column


class EmailAllowance(SQLModel, table=True):
    """Token bucket that limits the emails to a recipient or from a sender. It refills evenly, as the buckets
    of `permissions/rate_limits.py` do, and is deleted once it is full."""

    __tablename__ = "email_allowances"

    subject: str = Field(primary_key=True)
    """Kind of email and address or account, such as `invitations to bob@example.com`."""
    full_at: datetime = time_column()
    """When the bucket is full again."""
