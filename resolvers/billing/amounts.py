"""Amounts of money in documents and emails."""

from decimal import Decimal


def grouped(amount: Decimal) -> str:
    """Amount such as `1,234.50`, with two decimals for every currency."""
    return f"{amount:,.2f}"


def percentage(fraction: Decimal) -> str:
    """`19 %` for 0.19."""
    return f"{(fraction * 100).normalize():f} %"
