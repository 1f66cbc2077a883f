from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from models.columns import account_column


class ApiKeyDay(SQLModel, table=True):
    """Number of an API key's calls on one day. A trigger counts the events of calls as they are appended;
    nothing else writes the table."""

    __tablename__ = "api_key_days"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "api_key_id"], ["api_keys.account_id", "api_keys.id"]),
    )

    account_id: UUID = account_column()
    api_key_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    day: date = Field(primary_key=True)
    """In UTC."""
    calls: int = Field(sa_type=BigInteger)
    denied: int = Field(sa_type=BigInteger)
    """Number of refused ones among the calls."""
