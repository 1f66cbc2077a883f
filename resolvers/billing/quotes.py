"""Quotes: the amounts of a purchase before it is made, and the reasons for which it would be refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.accounts import Account
from permissions.context import Context
from resolvers.billing.inputs import PurchaseItemInput
from resolvers.billing.invoices import Amounts, amounts_of, check_total
from resolvers.billing.purchase_items import ITEMS, asked_items, purchase_items, theme_ids
from resolvers.user_errors import InputError, UserErrors


@dataclass(frozen=True, slots=True)
class Quote:
    """`amounts` is None if an item is wrong."""

    amounts: Amounts | None
    currency: str
    user_errors: list[InputError]


async def purchase_quote(context: Context, account: Account, inputs: Sequence[PurchaseItemInput]) -> Quote:
    """The invoice of a purchase of the items now. Changes nothing and reserves nothing."""
    amounts = None
    try:
        asked = asked_items(inputs)
        arguments = ITEMS.arguments(account_id=account.id, theme_ids=theme_ids(asked))
        records = await context.database.fetch(ITEMS.sql, *arguments)
        items, billed = purchase_items(account, asked, records)
        amounts = amounts_of(context.settings, items, billed)
        check_total(account, amounts.total, billed.spent)
    except UserErrors as refusal:
        return Quote(amounts, account.currency, refusal.errors)
    return Quote(amounts, account.currency, [])
