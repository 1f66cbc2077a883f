"""Tax rates and VAT ids, beyond the cases of the purchases' tests."""

from decimal import Decimal
from typing import Any

import pytest

from resolvers.billing.taxes import Tax, tax_for, vat_id
from server_settings import EU_STANDARD_RATES
from settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_rates_are_added_or_take_a_country_s_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAX_RATES", "CH=0.081, DE=0.16")

    rates = settings().tax_rates

    assert (rates["CH"], rates["DE"], rates["FR"]) == (Decimal("0.081"), Decimal("0.16"), Decimal("0.2"))
    assert len(rates) == 28


def test_the_eu_has_27_member_states_whose_rates_are_15_percent_at_least() -> None:
    """Article 97 of Directive 2006/112/EC."""
    assert len(EU_STANDARD_RATES) == 27
    assert all(Decimal("0.15") <= rate < Decimal("0.3") for rate in EU_STANDARD_RATES.values())


@pytest.mark.parametrize(
    ("seller", "country", "tax_id", "expected"),
    [
        ("FR", None, None, Tax(Decimal("0.2"))),
        ("FR", "FR", "FR61954506077", Tax(Decimal("0.2"))),
        ("FR", "DE", "DE136695976", Tax(Decimal(0), reverse_charge=True)),
        # Only within the EU.
        ("US", "DE", "DE136695976", Tax(Decimal("0.19"))),
        ("US", None, None, Tax(Decimal(0))),
        ("DE", "GB", "GB980780684", Tax(Decimal(0))),
        # Greece is GR, and its VAT ids begin with EL: people write both.
        ("DE", "GR", "GR094259216", Tax(Decimal(0), reverse_charge=True)),
        ("DE", "GR", "EL 094259216", Tax(Decimal(0), reverse_charge=True)),
        ("DE", "GR", "094259216", Tax(Decimal(0), reverse_charge=True)),
        ("DE", "GR", "GR094259217", Tax(Decimal("0.24"))),
        ("GR", "GR", "GR094259216", Tax(Decimal("0.24"))),
        # Article 7 of Directive 2006/112/EC: Monaco counts as France.
        ("DE", "MC", None, Tax(Decimal("0.2"))),
        ("DE", "MC", "FR53000004605", Tax(Decimal(0), reverse_charge=True)),
        ("FR", "MC", "FR53000004605", Tax(Decimal("0.2"))),
        ("MC", "FR", "FR61954506077", Tax(Decimal("0.2"))),
        ("MC", None, None, Tax(Decimal("0.2"))),
        # Article 6: it does not hold there.
        *(("FR", country, None, Tax(Decimal(0))) for country in ("GP", "MQ", "GF", "RE", "YT", "AX")),
        # Northern Ireland is in the EU's VAT for goods alone, and the Isle of Man is in none of it.
        ("DE", "GB", "XI980780684", Tax(Decimal(0))),
        ("DE", "IM", "GB980780684", Tax(Decimal(0))),
        # As it was typed before the country was said.
        ("DE", "FR", "FR 61 954 506 077", Tax(Decimal(0), reverse_charge=True)),
    ],
)
def test_tax_of(seller: str, country: str | None, tax_id: str | None, expected: Tax) -> None:
    assert tax_for(settings(seller_country=seller), country, tax_id) == expected


def test_the_isle_of_man_is_taxed_as_the_united_kingdom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAX_RATES", "GB=0.2")

    assert tax_for(settings(seller_country="DE"), "IM", None) == Tax(Decimal("0.2"))
    assert tax_for(settings(seller_country="GB"), "IM", None) == Tax(Decimal("0.2"))


@pytest.mark.parametrize("text", ["GR094259216", "el 094 259 216", "094259216", "\uff27\uff32094259216"])
def test_a_greek_vat_id_has_one_form(text: str) -> None:
    assert vat_id(text, "GR") == "EL094259216"


@pytest.mark.parametrize("text", ["", "FR", "FR61954506078", "DE136695976", "\N{SNOWMAN}", "FR" * 2_000])
def test_no_vat_id_of_france(text: str) -> None:
    assert vat_id(text, "FR") is None
