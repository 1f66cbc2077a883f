"""Grouping of email addresses that lead to the same mailbox, for limits."""

_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Domains that ignore dots in the local part, with the domain under which their addresses are counted."""


def counted_address(email: str) -> str:
    """The address without its tag, which most servers deliver to the same mailbox: `ada+shop@` counts as
    `ada@`. Only limits use this form."""
    local, _, domain = untagged(email).rpartition("@")
    if domain in _DOTLESS:
        return f"{local.replace('.', '')}@{_DOTLESS[domain]}"
    return f"{local}@{domain}"


def untagged(email: str) -> str:
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
