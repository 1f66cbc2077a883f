"""The commands `team-access invoices`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from commands.printing import AsJson, print_done, print_rows
from commands.running import run
from settings import Settings

if TYPE_CHECKING:
    from models.billing import Invoice
    from models.database import Database

app = typer.Typer(help="Invoices of accounts.", no_args_is_help=True)


@app.command("list")
def list_invoices(
    account_slug: str,
    status: Annotated[
        Literal["OPEN", "PAID", "VOID"] | None,
        typer.Option(case_sensitive=False, help="List only invoices with this status."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List an account's invoices, newest first."""
    from models.billing import InvoiceStatus
    from resolvers.billing import operator as operator_invoices

    statuses = [InvoiceStatus(status)] if status else None

    async def list_(settings: Settings, database: "Database") -> None:
        invoices = await operator_invoices.list_invoices(database, account_slug, statuses)
        print_rows([_invoice(each) for each in invoices], as_json=as_json)

    run(list_)


@app.command("paid")
def pay_invoice(account_slug: str, number: str, as_json: AsJson = False) -> None:
    """Record that an open invoice was paid."""
    from resolvers.billing import operator as operator_invoices

    async def pay(settings: Settings, database: "Database") -> None:
        invoice = _invoice(await operator_invoices.pay_invoice(database, account_slug, number))
        print_done(f"{invoice['number']} is paid.", invoice, as_json=as_json)

    run(pay)


@app.command("void")
def void_invoice(account_slug: str, number: str, as_json: AsJson = False) -> None:
    """Void an open invoice. It no longer counts as spent; the purchased licenses remain."""
    from resolvers.billing import operator as operator_invoices

    async def void(settings: Settings, database: "Database") -> None:
        invoice = _invoice(await operator_invoices.void_invoice(database, account_slug, number))
        stays = "does not count as spent any more; the account keeps its licenses"
        print_done(f"{invoice['number']} is void: it {stays}.", invoice, as_json=as_json)

    run(void)


def _invoice(invoice: "Invoice") -> dict[str, object]:
    return {
        "number": invoice.number_of(invoice.sequence),
        "status": invoice.status.value,
        "issuedAt": invoice.issued_at.isoformat(),
        "dueAt": invoice.due_at.isoformat(),
        "paidAt": invoice.paid_at and invoice.paid_at.isoformat(),
        "total": str(invoice.total),
        "currency": invoice.currency,
    }
