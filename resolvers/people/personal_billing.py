"""Sections of a person's document about billing."""

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, literal_column, null, or_, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, array
from sqlmodel import col

from engine.statements import any_of, parameter
from models.accounts import Account
from models.billing import BillingDetails, Invoice, InvoiceLine
from resolvers.api_texts import global_id_text, invoice_number, utc_time
from resolvers.people.personal_fields import (
    Section,
    account_of,
    in_accounts,
    mine,
    of_account,
)

_ADDRESS = "rows with the address of a person, in whichever account they are"


def _names_person() -> ColumnElement[bool]:
    """Condition: the details have the person's address. They may also have its name as the company's, which
    counts only where the person may see them now: anybody can take any name."""
    company = func.lower(col(BillingDetails.company)) == func.lower(cast(parameter("name"), Text))
    may_see = any_of(col(BillingDetails.account_id), parameter("billing_account_ids"))
    return or_(col(BillingDetails.email) == parameter("email"), and_(may_see, company))


BILLING_DETAILS = Section(
    "billingDetails",
    lambda: {
        "account": account_of(BillingDetails),
        "company": col(BillingDetails.company),
        "email": col(BillingDetails.email),
        "addressLines": func.to_json(col(BillingDetails.address_lines)),
        "country": col(BillingDetails.country),
        "taxId": col(BillingDetails.tax_id),
    },
    lambda found: (
        found.select_from(BillingDetails)
        .join(Account, of_account(BillingDetails))
        .where(_names_person())
        .order_by(col(BillingDetails.account_id))
    ),
    across_accounts=_ADDRESS,
)


def _email_of_owner() -> ColumnElement[str]:
    email: ColumnElement[str] = col(Invoice.billed_to)[("owner", "email")].astext
    return email


def _is_owner() -> ColumnElement[bool]:
    return and_(in_accounts(Invoice), _email_of_owner() == parameter("email"))


def _is_recipient() -> ColumnElement[bool]:
    is_recipient: ColumnElement[bool] = col(Invoice.billed_to)["email"].astext == parameter("email")
    return is_recipient


def _billed_to() -> ColumnElement[object]:
    """Recipient as printed on the invoice: all of it for the owner, all but the owner's address for the
    recipient of the email, and for the purchaser its own name."""
    whole = cast(col(Invoice.billed_to), JSONB)
    without_address = whole.op("#-")(literal_column("'{owner,email}'::text[]"))
    purchaser = func.jsonb_build_object("purchasedBy", col(Invoice.billed_to)["purchasedBy"].astext)
    return case((_is_owner(), whole), (_is_recipient(), without_address), else_=purchaser)


def _relations() -> ColumnElement[object]:
    named = {
        "OWNER": _is_owner(),
        "RECIPIENT": _is_recipient(),
        "PURCHASER": mine(col(Invoice.purchased_by_id)),
    }
    cases = [case((condition, name), else_=null()) for name, condition in named.items()]
    return func.to_json(func.array_remove(array(cases), null()))


def _lines() -> ColumnElement[object]:
    line = func.json_build_object(
        "description",
        col(InvoiceLine.description),
        "quantity",
        col(InvoiceLine.quantity),
        "unitPrice",
        cast(col(InvoiceLine.unit_price), Text),
        "amount",
        cast(col(InvoiceLine.amount), Text),
    )
    lines = aggregate_order_by(line, col(InvoiceLine.position))
    return (
        select(func.json_agg(lines))
        .where(
            col(InvoiceLine.account_id) == col(Invoice.account_id),
            col(InvoiceLine.invoice_id) == col(Invoice.id),
        )
        .scalar_subquery()
    )


INVOICES = Section(
    "invoices",
    lambda: {
        "id": global_id_text(Invoice, col(Invoice.id)),
        "account": account_of(Invoice),
        "relations": _relations(),
        "number": invoice_number(),
        "status": col(Invoice.status),
        "issuedAt": utc_time(col(Invoice.issued_at)),
        "dueAt": utc_time(col(Invoice.due_at)),
        "paidAt": utc_time(col(Invoice.paid_at)),
        "currency": col(Invoice.currency),
        "subtotal": cast(col(Invoice.subtotal), Text),
        "taxRate": cast(col(Invoice.tax_rate), Text),
        "tax": cast(col(Invoice.tax), Text),
        "total": cast(col(Invoice.total), Text),
        "billedTo": _billed_to(),
        "lines": _lines(),
    },
    lambda found: (
        found.select_from(Invoice)
        .join(Account, of_account(Invoice))
        .where(
            or_(
                _is_recipient(),
                and_(in_accounts(Invoice), or_(mine(col(Invoice.purchased_by_id)), _is_owner())),
            )
        )
        .order_by(col(Invoice.id))
    ),
    across_accounts=_ADDRESS,
)
