from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel


class ApiKeyDay(SQLModel, table=True):
    """Number of an API key's calls on one day. A trigger counts the events of calls as they are appended;
    SQL functions delete what is no longer shown, and what is erased. The app's role writes nothing.

    There are no foreign keys, because their checks would lock other rows while the log is locked."""

    __tablename__ = "api_key_days"
    __table_args__ = (Index("ix_api_key_days_day", "day"),)

    account_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    api_key_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    day: date = Field(primary_key=True)
    """In UTC."""
    calls: int = Field(sa_type=BigInteger)
    denied: int = Field(sa_type=BigInteger)
    """Number of refused ones among the calls."""
