"""HTML pages: their names, the values that each takes, and their response headers.

They work without JavaScript and load one stylesheet from this server (two pages also a script). Their forms
send to this server, and may redirect to the app's origin.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from mailer import wording

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class HtmlPage:
    status_code: int
    values: frozenset[str]


def _page(status_code: int, *values: str) -> HtmlPage:
    return HtmlPage(status_code, frozenset(values))


_KEY = ("key_name", "account_name", "created_by_name")
_WITH_SCRIPT = ("claim", "claimed")
"""Pages with a script, which ignores a second click and adds a button that copies the secret."""

PAGES: Mapping[str, HtmlPage] = {
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
        *("access_until", "signed_in_name", "signed_in_email"),
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
    "claim": _page(
        200,
        *(*_KEY, "masked_email", "scopes", "later_scopes", "networks", "claim_until", "expires_at"),
    ),
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
"""Pages by name: the default status and the values that the template takes, all of them required.

- `account_name`, `inviter_name`, `signed_in_name`, `key_name`, `created_by_name`: str, as stored
- `prefix`: of an API key; `scopes`: those that its member's role allows now; `later_scopes`: the others;
  `secret`: the whole secret, which is shown only here
- `email`, `signed_in_email`: full addresses; `masked_email`: like `a•••@e•••.com`
- `replaced_email`: address of another person, whose session in this browser the click would end, or None
- `public_origin`: origin of this site, like `https://team.example.com`
- `signed_in_name` and `signed_in_email` are None where nobody is signed in
- `role`: a Role, or its name
- `networks`: those that a key is accepted from, none for any
- `access_until`: end of the membership that an invitation leads to, or None
- `expires_at`, `retry_at`, `claim_until`, `claimed_at`: datetime with its zone; the `retry_at` of `error` and
  the `expires_at` of `claim` may be None
- `lifetime_seconds`: int, of the sign-in link
- `problem`: a sentence about the invalid input, or None
- `token`: the link's token, as in the URL
- `app_url`: URL of the app; `graphql_url`: URL of the API
- `has_mailbox`, `just_now`, `was_claimed`: bool
- `confirm`: whether the address must be typed; `typed_email`: a wrong address that was typed, or None
- `mails`, `mail`: values of type `mailer.mailbox.Mail`
- `request_id`: str or None
- `title`, `why`, `advice`: sentences; `title` without the full stop
"""


def page(
    name: str, status_code: int | None = None, *, app_origin: str | None = None, **values: object
) -> HTMLResponse:
    """Raises TypeError unless `values` are those of PAGES.

    `app_origin`, from `origin_of(APP_URL)`, is a second origin that the page's forms may redirect to.
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
    """Redirects with status 303, so that the browser uses GET."""
    return RedirectResponse(url, 303, PRIVATE_HEADERS)


def mail_body(html: str) -> HTMLResponse:
    """The HTML of an email, for the frame in the page `mail`. Scripts and external content are blocked, and
    links open outside the frame."""
    link_target = '<base target="_top">'
    html = html.replace("<head>", f"<head>{link_target}", 1) if "<head>" in html else link_target + html
    return HTMLResponse(html, headers={**PRIVATE_HEADERS, "Content-Security-Policy": _MAIL_BODY_POLICY})


def origin_of(url: str) -> str:
    """The origin as a Content-Security-Policy contains it: `https://app.example.com` for the URL
    `https://app.example.com/team`. Empty where a policy cannot express it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    # A policy cannot contain IPv6 addresses, and a `;` would end its directive.
    return origin if re.fullmatch(r"https?://[\w.-]+(:\d+)?", origin, re.ASCII) else ""


PRIVATE_HEADERS = {
    # URLs of these pages contain tokens: they must not reach caches, referrers or search engines. The
    # referrer is the origin only; without any referrer, browsers would send forms with `Origin: null`.
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
        scope_rights=wording.scope_rights,
        listed=wording.listed,
        when=wording.when,
    )
    environment.globals.update(stylesheet=_static("pages.css"), claim_script=_static("claim.js"))
    return environment


def _static(name: str) -> str:
    """URL of a static file, which changes with its content, so that browsers may cache it forever."""
    content = (_FOLDER / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


_environment = _make_environment()
