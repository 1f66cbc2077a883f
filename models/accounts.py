from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric
from sqlmodel import Field, SQLModel

from models.columns import id_column, time_column

ACCOUNT_ID_PREFIX = "account"
"""Beginning of an account's id in the API."""


class Account(SQLModel, table=True):
    """A company with its team, licenses and audit log."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("max_active_licenses >= 0", name="max_active_licenses"),
        CheckConstraint("max_monthly_spend >= 0", name="max_monthly_spend"),
        CheckConstraint("max_session_age_seconds > 0", name="max_session_age_seconds"),
        CheckConstraint("api_key_max_lifetime_days > 0", name="api_key_max_lifetime_days"),
        CheckConstraint("api_key_revoke_unused_after_days > 0", name="api_key_revoke_unused_after_days"),
    )

    id: UUID = id_column()
    name: str
    slug: str = Field(unique=True)
    currency: str = Field(default="EUR", max_length=3)
    created_at: datetime = time_column(default_now=True)
    max_active_licenses: int | None = None
    max_monthly_spend: Decimal | None = Field(default=None, sa_type=Numeric(14, 2))
    max_session_age_seconds: int | None = None
    api_key_max_lifetime_days: int | None = None
    api_key_revoke_unused_after_days: int | None = None

    @property
    def account_id(self) -> UUID:
        return self.id
