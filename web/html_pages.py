"""The pages beside GraphQL: what each is called, which values it takes, and the headers it goes out with.

They work without JavaScript, load one stylesheet from here (and two pages a script), and speak to one host
besides: the app's.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from mailer import wording

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    status_code: int
    values: frozenset[str]


def _page(status_code: int, *values: str) -> Page:
    return Page(status_code, frozenset(values))


_KEY = ("key_name", "account_name", "created_by_name")
_WITH_SCRIPT = ("claim", "claimed")
"""What a script from here makes more comfortable: a second click does nothing, and a button copies."""

PAGES: Mapping[str, Page] = {
    "front": _page(200, "signed_in_name", "signed_in_email", "app_url", "has_mailbox"),
    "sign_in": _page(200, "email", "problem"),
    "sign_in_sent": _page(200, "email", "lifetime_seconds", "has_mailbox"),
    "sign_in_too_many": _page(429, "email", "retry_at"),
    "sign_in_link": _page(200, "masked_email", "confirm", "typed_email", "replaced_email"),
    "sign_in_link_invalid": _page(404),
    "sign_in_link_expired": _page(410, "masked_email"),
    "sign_in_link_used": _page(410, "masked_email"),
    "signed_out": _page(200),
    "join": _page(
        200,
        *("token", "inviter_name", "account_name", "role", "masked_email", "expires_at"),
        *("signed_in_name", "signed_in_email"),
    ),
    "join_invalid": _page(404),
    "join_expired": _page(410, "inviter_name", "account_name", "masked_email", "expires_at"),
    "join_revoked": _page(410, "inviter_name", "account_name"),
    "join_used": _page(410, "token", "account_name", "masked_email"),
    "join_declined": _page(410, "inviter_name", "account_name", "just_now"),
    "join_wrong_person": _page(
        403, "token", "inviter_name", "account_name", "masked_email", "signed_in_email"
    ),
    "joined": _page(200, "account_name", "role", "app_url"),
    "joined_signed_out": _page(200, "token", "account_name", "role", "masked_email"),
    "join_ended": _page(410, "account_name", "inviter_name"),
    "claim": _page(200, *_KEY, "masked_email", "scopes", "claim_until", "expires_at"),
    "claimed": _page(200, "key_name", "secret", "graphql_url"),
    "claim_used": _page(200, *_KEY, "prefix", "claimed_at"),
    "claim_wrong_person": _page(403, *_KEY, "token", "masked_email", "signed_in_email"),
    "claim_without_access": _page(403, *_KEY, "role"),
    "claim_expired": _page(410, *_KEY, "was_claimed"),
    "claim_revoked": _page(410, *_KEY),
    "claim_ended": _page(410, *_KEY),
    "claim_invalid": _page(404),
    "mailbox": _page(200, "mails"),
    "mail": _page(200, "mail"),
    "download_refused": _page(403, "title", "why", "advice"),
    "cross_site": _page(403, "public_origin"),
    "error": _page(500, "request_id", "retry_at"),
}
"""By name: the status it goes out with where none is given, and the values it takes, all of them.

- `account_name`, `inviter_name`, `signed_in_name`, `key_name`, `created_by_name`: str, as stored
- `prefix`, `scopes`: of an API key; `secret`: the whole of it, shown this once
- `email`, `signed_in_email`: full addresses; `masked_email`: like `a•••@e•••.com`
- `replaced_email`: address of somebody else whose session here would end by the click, or None
- `public_origin`: where this site is, like `https://team.example.com`
- `signed_in_name` and `signed_in_email` are None where nobody is signed in
- `role`: a Role, or its name
- `expires_at`, `retry_at`, `claim_until`, `claimed_at`: datetime with its zone; the `retry_at` of `error` and
  the `expires_at` of `claim` may be None
- `lifetime_seconds`: int, of the sign-in link
- `problem`: a sentence about what was typed, or None
- `token`: the link's, as it came
- `app_url`: where to go on; `graphql_url`: where the API is
- `has_mailbox`, `just_now`, `was_claimed`: bool
- `confirm`: whether the address has to be typed; `typed_email`: another address that was typed, or None
- `mails`, `mail`: of `mailer.mailbox.Mail`
- `request_id`: str or None
- `title`, `why`, `advice`: sentences, the first one without its full stop
"""


def page(
    name: str, status_code: int | None = None, *, app_origin: str | None = None, **values: Any
) -> HTMLResponse:
    """Raises TypeError unless `values` are those of PAGES.

    `app_origin`, from `origin_of(APP_URL)`, is where a form of the page may lead to besides this host.
    """
    expected = PAGES[name]
    if values.keys() != expected.values:
        raise TypeError(f"page {name!r} takes {sorted(expected.values)}, not {sorted(values)}")
    status_code = status_code or expected.status_code
    template = _environment.get_template(f"{name}.html")
    return HTMLResponse(
        template.render(**values, status_code=status_code),
        status_code,
        headers={
            **PRIVATE_HEADERS,
            "Content-Security-Policy": _content_security_policy(
                app_origin, frames=name == "mail", scripts=name in _WITH_SCRIPT
            ),
        },
    )


def redirect(url: str) -> RedirectResponse:
    """303: the browser goes there by GET, whatever brought it here."""
    return RedirectResponse(url, 303, PRIVATE_HEADERS)


def mail_body(html: str) -> HTMLResponse:
    """A caught email's own HTML, for the frame in `mail`. Nothing in it runs or loads; links lead out."""
    links_lead_out = '<base target="_top">'
    html = html.replace("<head>", f"<head>{links_lead_out}", 1) if "<head>" in html else links_lead_out + html
    return HTMLResponse(html, headers={**PRIVATE_HEADERS, "Content-Security-Policy": _MAIL_BODY_POLICY})


def origin_of(url: str) -> str:
    """`https://app.example.com` of `https://app.example.com/team`, as a Content-Security-Policy has it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    # A policy knows no IPv6 addresses, and a stray `;` would end its directive.
    return origin if re.fullmatch(r"https?://[\w.-]+(:\d+)?", origin, re.ASCII) else ""


PRIVATE_HEADERS = {
    # Addresses of these pages hold tokens: they stay out of caches, referrers and search engines. Referrers
    # are the origin alone; with none at all, browsers would send forms with `Origin: null`.
    "Cache-Control": "no-store",
    "Referrer-Policy": "strict-origin",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
_MAIL_BODY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "frame-ancestors 'self'",
        "sandbox allow-top-navigation-by-user-activation",
    ]
)


def _content_security_policy(app_origin: str | None, *, frames: bool, scripts: bool) -> str:
    directives = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        # Browsers hold this against redirects as well, and signing in redirects to the app.
        f"form-action 'self' {app_origin or ''}".strip(),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    if frames:
        directives.append("frame-src 'self'")
    if scripts:
        directives.append("script-src 'self'")
    return "; ".join(directives)


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        path_segment=lambda text: quote(text, safe="", errors="replace"),
        plain=wording.plain,
        role=wording.role,
        role_sentence=wording.role_sentence,
        scope_sentences=wording.scope_sentences,
        when=wording.when,
    )
    environment.globals.update(stylesheet=_static("pages.css"), claim_script=_static("claim.js"))
    return environment


def _static(name: str) -> str:
    """Its address changes with its content, so that browsers may keep it as long as they like."""
    content = (_FOLDER / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


_environment = _make_environment()
