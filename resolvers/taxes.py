"""Which tax is added to a purchase: by the country of who pays, and whether it is theirs to account for."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from settings import EU_STANDARD_RATES, Settings

CENT = Decimal("0.01")
_NONE = Decimal(0)
_PREFIXES = {"GR": "EL"}
"""What a country's VAT ids begin with, where it is not the country's own code."""


@dataclass(frozen=True, slots=True)
class Tax:
    rate: Decimal
    """A fraction: 0.19."""
    reverse_charge: bool = False
    """Whether the buyer accounts for the tax: a business of another country of the EU."""

    def on(self, subtotal: Decimal) -> Decimal:
        """Rounded half up to cents, once for the whole invoice."""
        return (subtotal * self.rate).quantize(CENT, ROUND_HALF_UP)


def tax_for(settings: Settings, country: str | None, tax_id: str | None) -> Tax:
    """The rate of the buyer's country, or of the seller's where none is given. None is added where the
    country is not in the table: what is sold to there is not taxed here."""
    seller = settings.seller_country
    if country is None or country == seller:
        return Tax(settings.tax_rates.get(seller, _NONE))
    if {country, seller} <= EU_STANDARD_RATES.keys() and tax_id and vat_id(tax_id, country):
        return Tax(_NONE, reverse_charge=True)
    return Tax(settings.tax_rates.get(country, _NONE))


def vat_id(text: str, country: str) -> str | None:
    """As the EU writes it, the country's letters first; None for what is no VAT id of the country."""
    prefix, compact = _prefix(country), "".join(each for each in text.upper() if each.isalnum())
    try:
        return vat.validate(prefix + compact.removeprefix(prefix))
    except ValidationError:
        return None


def claims_vat_id(text: str, country: str) -> bool:
    """Whether it begins as the country's VAT ids do."""
    return text.upper().lstrip().startswith(_prefix(country))


def _prefix(country: str) -> str:
    return _PREFIXES.get(country, country)
