"""Purchase of licenses: entitlements and invoice in one change."""

from collections.abc import Sequence
from uuid import UUID

from asyncpg import Record
from sqlalchemy import UpdateBase, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from engine.canonical_json import canonical_json
from engine.snapshots import attributes, snapshot
from engine.statements import Statement, given_rows, parameter
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.billing import Invoice, InvoiceLine
from models.columns import new_id
from models.licenses import Entitlement
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.billing.inputs import PurchaseItemInput, PurchaseLicensesInput
from resolvers.billing.invoices import BilledDetails, Item, next_invoice, record_and_email_invoice
from resolvers.billing.purchase_items import ITEMS, asked_items, purchase_items, theme_ids
from resolvers.change import Change, change
from resolvers.results import mutation_result, shown

_OF_LINES = ("position", "theme_id", "description", "quantity", "unit_price", "amount")
_OF_ENTITLEMENTS = ("id", "theme_id", "purchased", "provisioned")
"""Columns of the rows that a purchase inserts, besides those that are copied from the invoice."""


@mutation_result
class PurchaseLicensesResult:
    """Payload of `purchaseLicenses`: the invoice and the entitlements."""

    invoice: Invoice = shown("Invoice that was issued for the purchase.")
    entitlements: list[Entitlement] = shown("Entitlements of the purchased themes, with their new totals.")


async def purchase_licenses(context: Context, input: PurchaseLicensesInput) -> PurchaseLicensesResult:
    """Uses current prices. Items with the same theme are one line."""
    account_id, key = account_id_of(input.account_id), input.idempotency_key
    async with change(context, account_id, AuditAction.LICENSES_PURCHASED, key=key) as tx:
        if tx.earlier_answer:
            return await _purchased(tx, UUID(tx.earlier_answer))
        items, billed = await _items(tx, input.items)
        invoice = next_invoice(tx, context.settings, items, billed)
        entitlements = await _store(tx, invoice, items)
        _record_event(tx, invoice, items)
        await record_and_email_invoice(tx, context.settings, invoice)
        tx.remember(str(invoice.id))
    return PurchaseLicensesResult(invoice=invoice, entitlements=entitlements)


async def _items(tx: Change, inputs: Sequence[PurchaseItemInput]) -> tuple[list[Item], BilledDetails]:
    """The items with their themes, and the data for their invoice."""
    asked = asked_items(inputs)
    records = await tx.fetch(ITEMS, account_id=tx.account.id, theme_ids=theme_ids(asked))
    items, billed = purchase_items(tx.account, asked, records)
    for item in items:
        tx.cache_row(item.theme)
    return items, billed


def _insert_purchase() -> UpdateBase:
    """Inserts the invoice, its lines and the entitlements with one statement instead of three while the
    account is locked."""
    invoice = (
        insert(Invoice)
        .values({name: parameter(f"invoice_{name}") for name in attributes(Invoice)})
        .returning(col(Invoice.account_id), col(Invoice.id), col(Invoice.currency))
        .cte("invoice")
    )
    lines = given_rows(InvoiceLine, *_OF_LINES)
    line = (
        insert(InvoiceLine)
        .from_select(["account_id", "invoice_id", "currency", *_OF_LINES], select(*invoice.c, *lines.c))
        .cte("line")
    )
    added = given_rows(Entitlement, *_OF_ENTITLEMENTS)
    statement = insert(Entitlement)
    return (
        statement.from_select(["account_id", *_OF_ENTITLEMENTS], select(invoice.c.account_id, *added.c))
        .add_cte(line)
        .on_conflict_do_update(
            index_elements=["account_id", "theme_id"],
            set_={"purchased": col(Entitlement.purchased) + statement.excluded.purchased},
        )
        .returning(*(getattr(Entitlement, name) for name in attributes(Entitlement)))
    )


def _select_entitlements() -> AnySelect:
    """Selects the entitlements to the themes on an invoice."""
    same_theme = (col(InvoiceLine.account_id) == col(Entitlement.account_id)) & (
        col(InvoiceLine.theme_id) == col(Entitlement.theme_id)
    )
    return (
        select(*(getattr(Entitlement, name) for name in attributes(Entitlement)))
        .join(InvoiceLine, same_theme)
        .where(
            col(InvoiceLine.account_id) == parameter("account_id"),
            col(InvoiceLine.invoice_id) == parameter("invoice_id"),
        )
        .order_by(col(InvoiceLine.position))
    )


_STORE = Statement(_insert_purchase)
_ENTITLEMENTS = Statement(_select_entitlements)


async def _store(tx: Change, invoice: Invoice, items: Sequence[Item]) -> list[Entitlement]:
    """Stores the purchase. Returns the entitlements with their new totals, in the order of the items."""
    values = {name: getattr(invoice, name) for name in attributes(Invoice)}
    values["billed_to"] = canonical_json(invoice.billed_to)
    records = await tx.fetch(
        _STORE,
        **{f"invoice_{name}": value for name, value in values.items()},
        position=list(range(1, len(items) + 1)),
        theme_id=[item.theme.id for item in items],
        description=[item.theme.name for item in items],
        quantity=[item.quantity for item in items],
        unit_price=[item.theme.price_amount for item in items],
        amount=[item.amount for item in items],
        id=[new_id() for _ in items],
        purchased=[item.quantity for item in items],
        provisioned=[0] * len(items),
    )
    tx.cache_row(invoice)
    tx.mark_created(invoice)
    found = {entitlement.theme_id: entitlement for entitlement in _entitlements(tx, records)}
    return [found[item.theme.id] for item in items]


async def _purchased(tx: Change, invoice_id: UUID) -> PurchaseLicensesResult:
    """Result of a repeated request: the invoice and the entitlements as they are now."""
    invoice = await tx.get(Invoice, invoice_id)
    entitlements = await tx.fetch(_ENTITLEMENTS, account_id=tx.account.id, invoice_id=invoice_id)
    return PurchaseLicensesResult(invoice=invoice, entitlements=_entitlements(tx, entitlements))


def _entitlements(tx: Change, records: Sequence[Record]) -> list[Entitlement]:
    found = [snapshot(Entitlement, record) for record in records]
    for entitlement in found:
        tx.cache_row(entitlement)
    return found


def _record_event(tx: Change, invoice: Invoice, items: Sequence[Item]) -> None:
    what = ", ".join(f"{item.quantity} of {item.theme.name}" for item in items[:3])
    others = f" and {len(items) - 3} more themes" if len(items) > 3 else ""
    tx.record(
        invoice,
        invoice.number,
        f"purchased licenses: {what}{others}",
        items=[
            {"theme": item.theme.slug, "quantity": item.quantity, "unitPrice": str(item.theme.price_amount)}
            for item in items
        ],
        total=str(invoice.total),
        currency=invoice.currency,
    )
