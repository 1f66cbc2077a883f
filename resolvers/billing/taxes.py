"""Tax on purchases, by the payer's country and VAT id."""

import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from server_settings import EU_STANDARD_RATES
from settings import Settings

CENT = Decimal("0.01")
_NONE = Decimal(0)
_COUNTED_AS = {"MC": "FR", "IM": "GB"}


@dataclass(frozen=True, slots=True)
class Tax:
    rate: Decimal
    """A fraction: 0.19."""
    reverse_charge: bool = False
    """Whether the buyer accounts for the tax: a business of another country of the EU."""

    def on(self, subtotal: Decimal) -> Decimal:
        """Tax on an amount, rounded half up to cents once per invoice."""
        return (subtotal * self.rate).quantize(CENT, ROUND_HALF_UP)


def tax_for(settings: Settings, country: str | None, tax_id: str | None) -> Tax:
    """Rate of the buyer's country, or of the seller's if the buyer's is unknown. There is no tax for
    countries without a rate in the table."""
    seller = vat_country(settings.seller_country)
    buyer = seller if country is None else vat_country(country)
    if buyer == seller:
        return Tax(settings.tax_rates.get(seller, _NONE))
    if {buyer, seller} <= EU_STANDARD_RATES.keys() and tax_id and vat_id(tax_id, buyer):
        return Tax(_NONE, reverse_charge=True)
    return Tax(settings.tax_rates.get(buyer, _NONE))


def vat_country(country: str) -> str:
    """The country whose VAT is due in this one.

    Monaco counts as France, and the Isle of Man as the United Kingdom: Directive 2006/112/EC, Article 7. The
    parts of member states where it does not hold (Article 6) and that have codes of their own are not in the
    table of rates: Åland, and the French overseas departments. The others (the Canary Islands, Ceuta,
    Melilla, Büsingen, Livigno, Athos) have none, and are taxed as the country that they are part of. A
    Northern Irish VAT id (XI) is one for goods alone, and licenses are services.
    """
    return _COUNTED_AS.get(country, country)


def has_eu_vat(country: str) -> bool:
    return vat_country(country) in EU_STANDARD_RATES


def vat_id(text: str, country: str) -> str | None:
    """VAT id in the EU's spelling, with the country's letters first; None if it is not a VAT id of the
    country."""
    compact = "".join(each for each in _capitals(text) if each.isalnum())
    letters = next((each for each in _letters(country) if compact.startswith(each)), "")
    try:
        return vat.validate(_letters(country)[0] + compact.removeprefix(letters))
    except ValidationError:
        return None


def claims_vat_id(text: str, country: str) -> bool:
    """Whether the text begins as the country's VAT ids do."""
    return _capitals(text).lstrip().startswith(_letters(country))


def _letters(country: str) -> tuple[str, ...]:
    """Prefixes of the country's VAT ids: the EU's spelling first, then other common ones."""
    code = vat_country(country)
    return ("EL", "GR") if code == "GR" else (code,)


def _capitals(text: str) -> str:
    """Converts full-width letters and digits, as typed on Japanese keyboards, to ASCII."""
    return unicodedata.normalize("NFKC", text[:100]).upper()
