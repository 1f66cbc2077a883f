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
SCOPE_SENTENCES = {
    "READ": "It can read what you can see.",
    "PROVISION": "It can provision licenses and download theme files, as you can.",
}


def role(role: str) -> str:
    return ROLES[role]


def with_article(role: str) -> str:
    """Role such as `an Admin`."""
    return f"{'an' if ROLES[role][0] in 'AEIOU' else 'a'} {ROLES[role]}"


def role_sentence(role: str) -> str:
    """Sentence that says what the role may do."""
    return ROLE_SENTENCES[role]


def scope_sentences(scopes: Iterable[str]) -> str:
    """Sentences that tell a member what an API key with these scopes may do, in the order of the scopes'
    declaration."""
    names = set(scopes)
    return " ".join(sentence for scope, sentence in SCOPE_SENTENCES.items() if scope in names)


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
