from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import time_column


class EmailAllowance(SQLModel, table=True):
    """Of whoever is sent emails, or has them sent: a bucket that fills evenly, as those of
    `permissions/rate_limits.py` do. Forgotten once it is full."""

    __tablename__ = "email_allowances"

    subject: str = Field(primary_key=True)
    """What is counted, of whom: `invitations to bob@example.com`."""
    full_at: datetime = time_column()
    """When all of it is there again."""
