"""Items of a purchase: the themes, their quantities and prices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from sqlmodel import col

from engine.snapshots import attributes, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.catalog import Theme
from models.licenses import Entitlement
from resolvers.billing.inputs import PurchaseItemInput
from resolvers.billing.invoices import BilledDetails, Item, select_billed
from resolvers.global_ids import decode_as
from resolvers.user_errors import InputError, UserErrorCode, UserErrors, invalid

MOST_ITEMS = 100
MOST_OF_AN_ITEM = 100_000
_MOST_OF_A_THEME = 2**31 - 1
"""Maximum of the columns' type."""


@dataclass(slots=True)
class AskedItem:
    """Quantity of one theme, by all items of the input."""

    quantity: int
    place: int
    """Index of the theme's first item in the input."""

    def path(self, name: str) -> list[str]:
        return ["items", str(self.place), name]


def asked_items(items: Sequence[PurchaseItemInput]) -> dict[UUID | str, AskedItem]:
    """Quantities by the id of the theme, or by the text of the input if that is no id."""
    if not 1 <= len(items) <= MOST_ITEMS:
        raise invalid(f"A purchase must have 1 to {MOST_ITEMS} items, not {len(items)}.", "items")
    asked: dict[UUID | str, AskedItem] = {}
    for place, item in enumerate(items):
        if item.quantity < 1:
            raise invalid("Purchase at least 1 license.", "items", str(place), "quantity")
        theme = decode_as(Theme, item.theme_id) or item.theme_id
        asked.setdefault(theme, AskedItem(0, place)).quantity += item.quantity
    return asked


def theme_ids(asked: Mapping[UUID | str, AskedItem]) -> list[UUID]:
    return [theme for theme in asked if isinstance(theme, UUID)]


def purchase_items(
    account: Account, asked: Mapping[UUID | str, AskedItem], records: Sequence[Record]
) -> tuple[list[Item], BilledDetails]:
    """The items with their themes, and the data for their invoice, from the records of `ITEMS`. Raises
    `UserErrors`."""
    of_billed = len(BilledDetails._fields)
    themes: dict[UUID | str, Theme] = {}
    purchased: dict[UUID | str, int | None] = {}
    for record in records:
        theme = snapshot(Theme, record[of_billed + 1 :])
        themes[theme.id], purchased[theme.id] = theme, record[of_billed]
    errors = [
        error
        for id, each in asked.items()
        for error in _errors(account, each, themes.get(id), purchased.get(id) or 0)
    ]
    if errors:
        raise UserErrors(*errors)
    return [Item(themes[id], asked[id].quantity) for id in theme_ids(asked)], BilledDetails(
        *records[0][:of_billed]
    )


def _errors(account: Account, asked: AskedItem, theme: Theme | None, purchased: int) -> Iterator[InputError]:
    """Errors of one item that the caller can fix."""
    if theme is None:
        yield InputError(UserErrorCode.NOT_FOUND, "There is no such theme.", asked.path("themeId"))
        return
    if theme.withdrawn_at is not None:
        message = f"{theme.name} is no longer sold."
        yield InputError(UserErrorCode.NOT_ACTIVE, message, asked.path("themeId"))
    if theme.price_currency != account.currency:
        billed = f"this account is billed in {account.currency}"
        message = f"{theme.name} is sold in {theme.price_currency}, and {billed}."
        yield InputError(UserErrorCode.INVALID, message, asked.path("themeId"))
    if asked.quantity > MOST_OF_AN_ITEM:
        message = f"Purchase at most {MOST_OF_AN_ITEM:,} licenses of a theme at a time."
        yield InputError(UserErrorCode.INVALID, message, asked.path("quantity"))
    elif purchased + asked.quantity > _MOST_OF_A_THEME:
        message = f"The account has {purchased:,} licenses of {theme.name}: it cannot have more."
        yield InputError(UserErrorCode.INVALID, message, asked.path("quantity"))


def _select_items() -> AnySelect:
    """Selects the themes, and how many licenses of each the account has purchased."""
    bought = (col(Entitlement.theme_id) == col(Theme.id)) & (
        col(Entitlement.account_id) == parameter("account_id")
    )
    return (
        select_billed()
        .add_columns(col(Entitlement.purchased), *(getattr(Theme, name) for name in attributes(Theme)))
        .join(Theme, any_of(col(Theme.id), parameter("theme_ids")))
        .join(Entitlement, bought, isouter=True)
    )


ITEMS = Statement(_select_items)
