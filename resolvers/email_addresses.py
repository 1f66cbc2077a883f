"""Which spellings of an email address lead to one mailbox, as far as emails to it are counted."""

_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Domains in whose local parts dots make no difference, by the one that they are counted as."""


def counted_address(email: str) -> str:
    """Without its tag, which most servers take for the same mailbox: `ada+shop@` is counted as `ada@`. An
    address is compared and written to as it is."""
    local, _, domain = untagged(email).rpartition("@")
    if domain in _DOTLESS:
        return f"{local.replace('.', '')}@{_DOTLESS[domain]}"
    return f"{local}@{domain}"


def untagged(email: str) -> str:
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"
