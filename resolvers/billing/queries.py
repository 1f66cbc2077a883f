"""Reads invoices and billing details."""

from collections.abc import Sequence

from sqlmodel import col

from engine.conditions import Condition
from engine.pagination import Listing, Order, each_of
from engine.row_reader import row
from engine.statements import any_of
from models.accounts import Account
from models.billing import BillingDetails, Invoice, InvoiceStatus
from models.database import Database
from permissions.context import Context
from resolvers.billing.inputs import InvoiceFilter

_NEWEST = Order("newest", (col(Invoice.issued_at), col(Invoice.id)), descending=True)


_of_account = Condition(lambda account_id: col(Invoice.account_id) == account_id)


_in_status = Condition(lambda status: col(Invoice.status) == status)


_in_statuses = Condition(lambda statuses: any_of(col(Invoice.status), statuses))


_details_of = Condition(lambda account_id: col(BillingDetails.account_id) == account_id)


def account_invoices(context: Context, account: Account, filter: InvoiceFilter | None = None) -> Listing:
    return invoices_of(account.id, filter.statuses if filter else None)


def invoices_of(account_id: object, statuses: Sequence[InvoiceStatus] | None) -> Listing:
    of_account = _of_account(account_id)
    if statuses is None:
        return Listing(Invoice, (of_account,), _NEWEST)
    where, branches = each_of(statuses, _in_status, _in_statuses)
    return Listing(Invoice, (of_account, *where), _NEWEST, branches=branches)


async def billing_details(database: Database, account: Account) -> BillingDetails:
    """Empty if the account has not entered any."""
    found = await row(database, BillingDetails, _details_of(account.id))
    return found or BillingDetails(account_id=account.id, address_lines=[])
