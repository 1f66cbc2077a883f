from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from models.columns import id_column, time_column
from models.text_forms import folded_column, sort_key_column


class Theme(SQLModel, table=True):
    """Website theme that can be licensed. The catalog belongs to the platform, not to an account."""

    __tablename__ = "themes"
    __table_args__ = (
        CheckConstraint("price_amount >= 0", name="price"),
        Index("ix_themes_name", "name_key", "id"),
        Index("ix_themes_newest", "published_at", "id"),
        Index("ix_themes_price", "price_amount", "id"),
    )

    id: UUID = id_column()
    slug: str = Field(unique=True)
    name: str
    summary: str
    price_amount: Decimal = Field(sa_type=Numeric(14, 2))
    price_currency: str = Field(max_length=3)
    tags: list[str] = Field(sa_type=ARRAY(Text))
    published_at: datetime = time_column()
    withdrawn_at: datetime | None = time_column(nullable=True)
    latest_version: str
    name_key: str = sort_key_column("name")
    name_folded: str = folded_column("name")
    text_folded: str = folded_column("name", "summary", "slug")


class ThemeRelease(SQLModel, table=True):
    __tablename__ = "theme_releases"
    __table_args__ = (UniqueConstraint("theme_id", "version"),)

    id: UUID = id_column()
    theme_id: UUID = Field(foreign_key="themes.id", sa_type=POSTGRESQL_UUID)
    version: str
    notes: str | None = None
    released_at: datetime = time_column()


class ThemeFile(SQLModel, table=True):
    """File of a theme's release. Its content is in the file storage, under its SHA-256."""

    __tablename__ = "theme_files"
    __table_args__ = (UniqueConstraint("release_id", "name"),)

    id: UUID = id_column()
    release_id: UUID = Field(foreign_key="theme_releases.id", sa_type=POSTGRESQL_UUID)
    name: str
    size: int = Field(sa_type=BigInteger)
    """Size in bytes."""
    sha256: str = Field(max_length=64)
    media_type: str
