"""How emails and pages speak of people, roles and times: the same in both."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from models.visible_text import visible_part

NAME_LIMIT = 100  # What the API takes. Longer ones end in an ellipsis.

ROLES = {
    "ADMIN": "Admin",
    "MEMBER": "Member",
    "VIEWER": "Viewer",
}
ROLE_SENTENCES = {
    "ADMIN": "Admins run the account: they invite people, set roles, buy licenses and see the audit log.",
    "MEMBER": "Members browse the catalog, provision licenses within the limits and download theme files.",
    "VIEWER": "Viewers look on: they browse the catalog, see active licenses and download reports.",
}
SCOPE_SENTENCES = {
    "READ": "It reads what you may see.",
    "PROVISION": "It provisions licenses and downloads theme files, as you may.",
}


def role(role: str) -> str:
    return ROLES[role]


def role_sentence(role: str) -> str:
    """What the role may do."""
    return ROLE_SENTENCES[role]


def scope_sentences(scopes: Iterable[str]) -> str:
    """What an API key with these scopes may do, said to its member in the order of their declaration."""
    given = set(scopes)
    return " ".join(sentence for scope, sentence in SCOPE_SENTENCES.items() if scope in given)


def when(moment: datetime) -> str:
    """`30 November 2026, 14:05 UTC`. Raises ValueError for a time without its zone."""
    return f"{day(moment)}, {moment.astimezone(UTC):%H:%M} UTC"


def day(moment: datetime) -> str:
    """`30 November 2026`, as it is in UTC. Raises ValueError for a time without its zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def plain(text: str, limit: int = NAME_LIMIT) -> str:
    """One line of visible characters: none breaks a header, or turns the direction of what follows."""
    line = " ".join(visible_part("".join(map(_spaced, text))).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain_lines(text: str, limit: int = 1_000) -> list[str]:
    """The lines of a text, each as `plain` leaves it; never two empty ones in a row, at most 40."""
    lines: list[str] = []
    for line in text[:limit].strip().splitlines():
        shown = plain(line, limit)
        if shown or (lines and lines[-1]):
            lines.append(shown)
    return lines[:40]


def _spaced(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Zs") else character
