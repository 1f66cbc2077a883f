"""Email with an invoice to its payer."""

from mailer import messages
from mailer.messages import InvoiceAttachment, Message
from models.billing import Invoice
from resolvers.billing.amounts import grouped
from settings import Settings


def invoice_messages(settings: Settings, invoice: Invoice) -> list[Message]:
    """To the owner, who is billed, and to the address for invoices if it differs."""
    billed_to = invoice.billed_to
    recipients = dict.fromkeys(
        [billed_to["owner"]["email"], billed_to["email"] or billed_to["owner"]["email"]]
    )
    return [
        messages.invoice(
            to=to,
            number=invoice.number,
            account=billed_to["account"],
            total=f"{invoice.currency} {grouped(invoice.total)}",
            due_at=invoice.due_at if invoice.total else None,
            link=settings.app_url,
            attachment=InvoiceAttachment(invoice.account_id, invoice.id),
        )
        for to in recipients
    ]
