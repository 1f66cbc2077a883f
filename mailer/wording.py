"""Words for people, roles and times, shared by emails and pages."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from models.visible_text import visible_part

NAME_LIMIT = 100  # The limit of the API. Longer names end in an ellipsis.

ROLES = {
    "ADMIN": "Admin",
    "MEMBER": "Member",
    "VIEWER": "Viewer",
}
ROLE_SENTENCES = {
    "ADMIN": "Admins manage the account: they invite people, set roles, purchase licenses and see the audit"
    " log.",
    "MEMBER": "Members browse the catalog, provision licenses within the limits and download theme files.",
    "VIEWER": "Viewers have read access: they browse the catalog, see active licenses and download reports.",
}
SCOPE_RIGHTS = {
    "READ": "read what you can see, and download reports and invoices",
    "PROVISION": "provision licenses and download theme files",
    "LICENSES": "revoke, suspend, reinstate and transfer licenses",
    "TEAM": "invite people, remove other members and change their roles",
    "BILLING": "purchase licenses and change the billing details",
    "ACCOUNT": "rename the account, set its limits and security policy, and manage its audit streams",
}
"""Completes `It can …`: what an API key with a scope may do, if its member's role allows it."""


def role(role: str) -> str:
    return ROLES[role]


def with_article(role: str) -> str:
    """Role such as `an Admin`."""
    return f"{'an' if ROLES[role][0] in 'AEIOU' else 'a'} {ROLES[role]}"


def role_sentence(role: str) -> str:
    """Sentence that says what the role may do."""
    return ROLE_SENTENCES[role]


def scope_sentences(scopes: Iterable[str], later: Iterable[str] = ()) -> str:
    """Sentences that tell a member what an API key with these scopes may do, in the order of the scopes'
    declaration. `later` are its scopes that the member's role does not allow now."""
    sentences = [f"It can {each}." for each in _rights(scopes)]
    sentences += [f"If your role comes to allow it, it can also {each}." for each in _rights(later)]
    return " ".join(sentences)


def _rights(scopes: Iterable[str]) -> list[str]:
    names = set(scopes)
    return [rights for scope, rights in SCOPE_RIGHTS.items() if scope in names]


def when(moment: datetime) -> str:
    """Time such as `30 November 2026, 14:05 UTC`. Raises ValueError for a time without a time zone."""
    return f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"


def day(moment: datetime) -> str:
    """Day in UTC such as `30 November 2026`. Raises ValueError for a time without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a time must have a time zone")
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def plain(text: str, limit: int = NAME_LIMIT) -> str:
    """One line of visible characters, safe for headers and without control of text direction. Longer texts
    end in an ellipsis."""
    line = " ".join(visible_part("".join(map(_spaced, text))).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain_lines(text: str, limit: int = 1_000) -> list[str]:
    """The lines of a text as `plain` returns them, without consecutive empty lines; at most 40."""
    lines: list[str] = []
    for line in text[:limit].strip().splitlines():
        shown = plain(line, limit)
        if shown or (lines and lines[-1]):
            lines.append(shown)
    return lines[:40]


def _spaced(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Zs") else character
