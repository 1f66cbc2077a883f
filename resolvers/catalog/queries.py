from enum import StrEnum

from sqlalchemy import any_
from sqlmodel import col

from engine.conditions import Condition, contains
from engine.enums import described_enum
from engine.pagination import Listing, Order
from engine.row_reader import row
from models.catalog import Theme, ThemeFile, ThemeRelease
from models.text_forms import folded
from permissions.context import Context
from resolvers.catalog.inputs import ThemeFilter
from resolvers.visibility import themes_on_offer


@described_enum(
    "Order of a list of themes.",
    """
    NAME Sorted by name, from A to Z.
    NEWEST Sorted by publication time, newest first.
    PRICE Sorted by the amount of the price, lowest first. Currencies are not converted.
    """,
)
class ThemeOrder(StrEnum):
    NAME = "NAME"
    NEWEST = "NEWEST"
    PRICE = "PRICE"


BY_NAME = Order("name", (col(Theme.name_key), col(Theme.id)))
_ORDERS = {
    ThemeOrder.NAME: BY_NAME,
    ThemeOrder.NEWEST: Order("newest", (col(Theme.published_at), col(Theme.id)), descending=True),
    ThemeOrder.PRICE: Order("price", (col(Theme.price_amount), col(Theme.id))),
}


NEWEST_RELEASE = Order("released", (col(ThemeRelease.released_at), col(ThemeRelease.id)), descending=True)
OLDEST_FILE = Order("file", (col(ThemeFile.id),))

_tagged = Condition(lambda tag: tag == any_(col(Theme.tags)))
_matches = Condition(lambda search: contains(Theme.text_folded, search))
_called = Condition(lambda slug: col(Theme.slug) == slug)


def catalog_themes(
    context: Context, filter: ThemeFilter | None = None, order_by: ThemeOrder | None = None
) -> Listing:
    where = [themes_on_offer()]
    if filter and (search := folded(filter.search or "")):
        where.append(_matches(search))
    if filter and filter.tag is not None:
        where.append(_tagged(filter.tag))
    return Listing(Theme, tuple(where), _ORDERS[order_by or ThemeOrder.NAME])


async def theme_by_slug(context: Context, slug: str) -> Theme | None:
    return await row(context.database, Theme, _called(slug), themes_on_offer())
