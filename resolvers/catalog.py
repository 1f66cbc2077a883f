from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import String, func, or_, select
from sqlmodel import col

from models.catalog import Theme
from permissions.context import Context
from resolvers.pages import Order, Page, Slice, page
from resolvers.visibility import themes_on_offer

if TYPE_CHECKING:
    from schema.catalog import ThemeFilter


class ThemeOrder(StrEnum):
    NAME = "NAME"
    NEWEST = "NEWEST"
    PRICE = "PRICE"


_ORDERS = {
    ThemeOrder.NAME: Order("name", (func.lower(col(Theme.name), type_=String()), col(Theme.id))),
    ThemeOrder.NEWEST: Order("newest", (col(Theme.published_at), col(Theme.id)), descending=True),
    ThemeOrder.PRICE: Order("price", (col(Theme.price_amount), col(Theme.id))),
}


async def catalog_themes(
    context: Context, slice: Slice, filter: "ThemeFilter | None", order_by: ThemeOrder | None
) -> Page:
    where = [themes_on_offer()]
    if filter and filter.search:
        texts = (col(Theme.name), col(Theme.summary), col(Theme.slug))
        where.append(or_(*(text.icontains(filter.search, autoescape=True) for text in texts)))
    if filter and filter.tag is not None:
        where.append(col(Theme.tags).contains([filter.tag]))
    return await page(context.database, Theme, where, _ORDERS[order_by or ThemeOrder.NAME], slice)


async def theme_by_slug(context: Context, slug: str) -> Theme | None:
    statement = select(Theme).where(col(Theme.slug) == slug, themes_on_offer())
    async with context.database.reader() as reader:
        return (await reader.scalars(statement)).one_or_none()
