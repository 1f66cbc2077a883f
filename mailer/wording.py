"""Words for people, roles and times, shared by emails and pages."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from models.visible_text import visible_part

NAME_LIMIT = 100  # The limit of the API. Longer names end in an ellipsis.

_MOST_LISTED = 10
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
    "TEAM": "invite people, remove other members, and set their roles, limits and ends of access",
    "BILLING": "purchase licenses and change the billing details",
    "ACCOUNT": "rename the account, set its limits and its rule about sessions, and manage its audit streams",
}
"""Rights of an API key with a scope, if its member's role allows them. Each completes `It can …`."""


def role(role: str) -> str:
    return ROLES[role]


def with_article(role: str) -> str:
    """Role such as `an Admin`."""
    return f"{'an' if ROLES[role][0] in 'AEIOU' else 'a'} {ROLES[role]}"


def role_sentence(role: str) -> str:
    """Sentence that says what the role may do."""
    return ROLE_SENTENCES[role]


def scope_rights(scopes: Iterable[str]) -> list[str]:
    """Rights of an API key with these scopes, in order of declaration. Each completes `It can …`."""
    names = set(scopes)
    return [rights for scope, rights in SCOPE_RIGHTS.items() if scope in names]


def listed(names: Sequence[str], more: int = 0) -> str:
    """Enumeration such as `A, B and C`, of ten names at most, which ends in the number of `more` others."""
    more += len(names) - len(names[:_MOST_LISTED])
    parts = [*names[:_MOST_LISTED], *([f"{more:,} more"] if more else [])]
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def licenses_at_most(most: int | None) -> str:
    """Completes `You can hold …`: the limit of a member on active licenses."""
    if most is None:
        return "any number of active licenses"
    if most == 0:
        return "no active license"
    return "1 active license at most" if most == 1 else f"{most:,} active licenses at most"


def theme_limit(names: Sequence[str] | None, more: int) -> str:
    """Sentence about the themes that the limits of a member allow: those with these names and `more` others,
    or all if `names` is None."""
    if names is None:
        return "Licenses that you provision or receive, and files that you download, can be of any theme."
    if not names:
        return "You can neither provision nor receive licenses, nor download theme files."
    these = "this theme" if len(names) + more == 1 else "these themes"
    return (
        f"Licenses that you provision or receive, and files that you download, can be of {these} only:"
        f" {listed([plain(name) for name in names], more)}."
    )


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
