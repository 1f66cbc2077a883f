"""How documents and emails write amounts of money."""

from decimal import Decimal


def grouped(amount: Decimal) -> str:
    """`1,234.50`: two decimals, whatever the currency."""
    return f"{amount:,.2f}"


def percentage(fraction: Decimal) -> str:
    """`19 %` for 0.19."""
    return f"{(fraction * 100).normalize():f} %"
