"""Validation and normalisation of texts that people enter. Each function raises `UserErrors` with a message
that says what would be valid."""

import unicodedata
from decimal import Decimal

from email_validator import EmailNotValidError, validate_email

from models.visible_text import is_visible, leaves_ink
from resolvers.user_errors import invalid

_MOST_TYPED_TO_KEPT = 4
"""Maximum ratio of the length before and after normalisation, which removes white space and composes
characters."""
_MOST_OF_AN_ADDRESS = 320
_MOST_OF_A_LOCAL_PART = 64
_LARGEST_AMOUNT = Decimal("999999999999.99")
"""Maximum of a column numeric(14, 2)."""


def clean_line(text: str, what: str, *path: str, most: int = 100) -> str:
    """Returns one line of 1 to `most` visible characters with single spaces. Raises `UserErrors`."""
    line = "" if _far_too_long(text, most) else " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(line) <= most:
        raise invalid(f"{what} must have 1 to {most} characters.", *path)
    if not is_visible(line) or not leaves_ink(line):
        raise invalid(f"{what} must not have control or invisible characters.", *path)
    return line


def clean_text(text: str | None, what: str, *path: str, most: int = 1_000) -> str | None:
    """Returns one or several lines, or None for an empty text. Raises `UserErrors`."""
    if text is None or not text.strip():
        return None
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", text).strip().splitlines()]
    cleaned = "\n".join(lines)
    if len(cleaned) > most:
        raise invalid(f"{what} must have at most {most:,} characters.", *path)
    if not all(is_visible(line.replace("\t", " ")) for line in lines):
        raise invalid(f"{what} must not have control or invisible characters.", *path)
    return cleaned


def clean_email(text: str, *path: str) -> str:
    """Returns the canonical form of an address. Raises `UserErrors`."""
    email = canonical_email(text)
    if email is None:
        raise invalid("This is not an email address, such as name@example.com.", *path)
    if len(email.partition("@")[0].encode()) > _MOST_OF_A_LOCAL_PART:
        raise invalid(
            "An email address must have at most 64 bytes before its @ (RFC 5321, 4.5.3.1.1).", *path
        )
    return email


def canonical_email(text: str) -> str | None:
    """The canonical form of an address, in which case, Unicode composition and the notation of the domain
    make no difference. None if the text is no address."""
    if len(text) > _MOST_OF_AN_ADDRESS:
        return None
    try:
        address = validate_email(text.strip().removesuffix("."), check_deliverability=False)
    except EmailNotValidError:
        return None
    local, _, domain = address.normalized.rpartition("@")
    # A capital sigma has two small forms, which depend on its position in the word.
    local = local.lower().replace("\u03c2", "\u03a3").replace("\u03c3", "\u03a3").lower()
    return f"{unicodedata.normalize('NFC', local)}@{domain.lower()}"


def clean_amount(amount: Decimal | None, what: str, *path: str) -> Decimal | None:
    if amount is None:
        return None
    if not amount.is_finite() or not 0 <= amount <= _LARGEST_AMOUNT or amount != round(amount, 2):
        raise invalid(f"{what} must be from 0 to {_LARGEST_AMOUNT:,}, with at most two decimals.", *path)
    return abs(round(amount, 2))


def mask_email(email: str) -> str:
    """Masked address such as `j•••@e•••.com`, in which people recognise their own but cannot learn others."""
    local, _, domain = email.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{rest}"


def _far_too_long(text: str, most: int) -> bool:
    """Whether the text is too long however it is normalised. Checked first, because normalising 100,000
    combining marks takes 20 seconds."""
    return len(text) > most * _MOST_TYPED_TO_KEPT
