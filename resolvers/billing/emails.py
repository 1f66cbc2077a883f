"""Emails with an invoice to its payer."""

from datetime import timedelta

from mailer import messages
from mailer.messages import InvoiceAttachment, Message
from models.billing import Invoice
from resolvers.billing.amounts import grouped
from resolvers.change import Change
from resolvers.email_addresses import counted_address
from resolvers.invitations.invitation_email_limits import count_of_sender, is_trusted
from resolvers.stored_limits import StoredLimit
from resolvers.user_errors import UserErrors
from settings import Settings

_HOUR = timedelta(hours=1)


async def email_invoice(tx: Change, settings: Settings, invoice: Invoice) -> None:
    """Enqueues an email to the owner, who is billed, and one to the address for invoices if it differs and is
    within its limits. Nobody has shown that this address is theirs, so it may be a stranger's."""
    owner, address = invoice.billed_to["owner"]["email"], invoice.billed_to["email"]
    tx.enqueue(_message(settings, invoice, owner))
    if address and address != owner and await _may_email(tx, settings, address):
        tx.enqueue(_message(settings, invoice, address))


async def _may_email(tx: Change, settings: Settings, address: str) -> bool:
    """Charges the email. An account that nobody vouches for shares the address's limit with all such
    accounts, and its emails count as invitations, which go to strangers too."""
    is_known = await is_trusted(tx)
    sender = f" of {tx.account.id}" if is_known else ""
    subject = f"invoices{sender} to {counted_address(address)}"
    if await tx.charge(StoredLimit(settings.invoice_emails_per_hour, _HOUR), [subject]):
        return False
    try:
        if not is_known:
            await count_of_sender(tx, settings, 1)
    except UserErrors:
        return False
    return True


def _message(settings: Settings, invoice: Invoice, to: str) -> Message:
    return messages.invoice(
        to=to,
        number=invoice.number,
        account=invoice.billed_to["account"],
        total=f"{invoice.currency} {grouped(invoice.total)}",
        due_at=invoice.due_at if invoice.total else None,
        link=settings.app_url,
        attachment=InvoiceAttachment(invoice.account_id, invoice.id),
    )
