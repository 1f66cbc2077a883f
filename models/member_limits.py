from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, all_, and_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from engine.tables import AnyExpression
from models.columns import account_column, member_key

MOST_THEMES = 1_000
"""Maximum number of themes that the limits of a member can name."""


class MemberLimits(SQLModel, table=True):
    """Limits on what a member may license. A member without a row has none. They are stored apart from the
    members, because each request reads the viewer's members."""

    __tablename__ = "member_limits"
    __table_args__ = (
        member_key("member_id"),
        CheckConstraint("max_active_licenses >= 0", name="max_active_licenses"),
        CheckConstraint(f"cardinality(theme_ids) <= {MOST_THEMES}", name="theme_ids"),
    )

    account_id: UUID = account_column()
    member_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    max_active_licenses: int | None = None
    theme_ids: list[UUID] | None = Field(default=None, sa_type=ARRAY(POSTGRESQL_UUID))
    """The only themes that the member may provision, download or be given. None for all themes."""

    @staticmethod
    def forbid_theme(theme_id: AnyExpression) -> ColumnElement[bool]:
        """Condition: the limits do not allow the theme. Never NULL."""
        theme_ids = col(MemberLimits.theme_ids)
        return and_(theme_ids.is_not(None), theme_id != all_(theme_ids))
