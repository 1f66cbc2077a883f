"""Changes the billing details of an account."""

from strawberry import UNSET

from countries import COUNTRIES
from engine.snapshots import new_row, with_values
from models.accounts import Account
from models.audit_actions import AuditAction
from models.billing import BillingDetails
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.billing.inputs import UpdateBillingDetailsInput
from resolvers.billing.taxes import claims_vat_id, has_eu_vat, vat_id
from resolvers.change import change
from resolvers.results import mutation_result, shown
from resolvers.text import clean_email, clean_line
from resolvers.user_errors import invalid


@mutation_result
class UpdateBillingDetailsResult:
    """Payload of `updateBillingDetails`: the billing with the new details."""

    billing: Account = shown("Billing of the account, with the new details.", shown_as="Billing")


async def update_billing_details(
    context: Context, input: UpdateBillingDetailsInput
) -> UpdateBillingDetailsResult:
    """Changes the details for future invoices. Issued invoices keep theirs."""
    async with change(context, account_id_of(input.account_id), AuditAction.BILLING_DETAILS_CHANGED) as tx:
        found = await tx.find(BillingDetails)
        details = found or new_row(BillingDetails, account_id=tx.account.id, address_lines=[])
        given = _given(input, details.country)
        changed: dict[str, object] = {
            name: [getattr(details, name), value]
            for name, value in given.items()
            if value != getattr(details, name)
        }
        if changed:
            await (tx.update(details, **given) if found else tx.insert(with_values(details, **given)))
            tx.record(tx.account, tx.account.name, "changed the billing details", changed)
        else:
            tx.without_event()
    return UpdateBillingDetailsResult(billing=tx.account)


def _given(input: UpdateBillingDetailsInput, country: str | None) -> dict[str, object]:
    """The values that the input sets, in canonical form. Raises `UserErrors`."""
    given: dict[str, object] = {}
    if input.company is not UNSET:
        given["company"] = input.company and clean_line(
            input.company, "A company's name", "company", most=200
        )
    if input.email is not UNSET:
        given["email"] = input.email and clean_email(input.email, "email")
    if input.address_lines is not UNSET:
        given["address_lines"] = _address_lines(input.address_lines or [])
    if input.country is not UNSET:
        given["country"] = country = _country(input.country)
    if input.tax_id is not UNSET:
        given["tax_id"] = _tax_id(input.tax_id, country)
    return {name: value or (value if name == "address_lines" else None) for name, value in given.items()}


def _address_lines(lines: list[str]) -> list[str]:
    return [
        clean_line(line, "A line of an address", "addressLines", str(place))
        for place, line in enumerate(lines)
    ]


def _country(text: str | None) -> str | None:
    if not text:
        return None
    country = text.strip().upper() if text.isascii() else ""
    if country not in COUNTRIES:
        raise invalid("A country must be a code of two letters (ISO 3166), such as DE.", "country")
    return country


def _tax_id(text: str | None, country: str | None) -> str | None:
    """A VAT id of the EU as the EU writes it; any other as it was typed."""
    if not text:
        return None
    typed = clean_line(text, "A tax id", "taxId", most=40)
    if country is None or not has_eu_vat(country):
        return typed
    found = vat_id(typed, country)
    if found is None and claims_vat_id(typed, country):
        raise invalid(f"{typed} is not a VAT id of {country}: check its letters and digits.", "taxId")
    return found or typed
