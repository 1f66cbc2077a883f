"""Texts of the emails: one function per message, with a text and an HTML template.

To add one: `templates/NAME.txt`, `templates/NAME.html`, and a function that calls `write`, here or, for what
happened to a person's access, in `security_messages.py`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import orjson
from email_validator import validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mailer import wording
from mailer.headers import POLICY

SUBJECT_NAME_LIMIT = 60


@dataclass(frozen=True)
class InvitationDelivery:
    """Reference from an email to its invitation. `attempt` is 1 for the first email and increases with each
    resend."""

    account_id: UUID
    invitation_id: UUID
    attempt: int


@dataclass(frozen=True)
class InvoiceAttachment:
    """Reference from an email to the invoice that is attached. The PDF is created when the email is sent,
    because the job holds only ids."""

    account_id: UUID
    invoice_id: UUID


@dataclass(frozen=True)
class Attachment:
    file_name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Message:
    """Email without its sender. The texts contain a secret link, so the repr leaves them out."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str
    correlation: InvitationDelivery | None = None
    attachment: InvoiceAttachment | None = None
    written_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> bytes:
        return orjson.dumps(self, default=str)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for input that `to_json` did not write."""
        values = orjson.loads(data)
        about = values["correlation"]
        values["correlation"] = about and InvitationDelivery(
            UUID(about["account_id"]), UUID(about["invitation_id"]), int(about["attempt"])
        )
        attached = values.get("attachment")
        values["attachment"] = attached and InvoiceAttachment(
            UUID(attached["account_id"]), UUID(attached["invoice_id"])
        )
        values["written_at"] = datetime.fromisoformat(values["written_at"])
        return cls(**values)


def invitation(
    *,
    to: str,
    inviter: str,
    account: str,
    role: str,
    note: str | None,
    link: str,
    expires_at: datetime,
    access_until: datetime | None = None,
    delivery: InvitationDelivery | None = None,
) -> Message:
    """`inviter` and `account` are names. `note` is text by the inviter, of several lines; links in it are
    defused. `access_until` is the end of the membership, if it has one."""
    subject = f"{wording.plain(inviter, SUBJECT_NAME_LIMIT)} invites you to "
    subject += f"{wording.plain(account, SUBJECT_NAME_LIMIT)} on Team access"
    values = {"inviter": inviter, "account": account, "role": role, "note": note, "expires_at": expires_at}
    values |= {"access_until": access_until}
    return write("invitation", to, unlinked(subject), link, values, delivery)


def sign_in(*, to: str, link: str, expires_at: datetime, requested_from: str | None = None) -> Message:
    """`requested_from` is a browser and IP address, by which recipients recognise their own request."""
    values = {"expires_at": expires_at, "requested_from": requested_from}
    return write("sign_in", to, "Your sign-in link for Team access", link, values)


def invoice(
    *,
    to: str,
    number: str,
    account: str,
    total: str,
    due_at: datetime | None,
    link: str,
    attachment: InvoiceAttachment,
) -> Message:
    """`total` includes the currency. `due_at` is None if nothing is due. `link` leads to the account's
    invoices in the app."""
    subject = f"Invoice {number} for {wording.plain(account, SUBJECT_NAME_LIMIT)}"
    values = {"number": number, "account": account, "total": total, "due_at": due_at}
    return replace(write("invoice", to, unlinked(subject), link, values), attachment=attachment)


def audit_stream_stopped(
    *,
    to: str,
    account: str,
    host: str,
    ended: bool,
    failing_since: datetime,
    error: str,
    last_delivered_sequence: int,
    link: str,
) -> Message:
    """`ended`: the receiver ended it; otherwise it failed for too long. `error` is a sentence. `link` leads
    to the app, where an Admin can resume it."""
    subject = f"The audit stream to {wording.plain(host, SUBJECT_NAME_LIMIT)} "
    subject += "has ended" if ended else "is paused"
    values = {"account": account, "host": host, "ended": ended, "failing_since": failing_since}
    values |= {"error": error, "last_delivered_sequence": last_delivered_sequence}
    return write("audit_stream_stopped", to, unlinked(subject), link, values)


def api_key_claim(
    *,
    to: str,
    by: str,
    account: str,
    name: str,
    scopes: Sequence[str],
    later_scopes: Sequence[str],
    networks: Sequence[str],
    link: str,
    claim_until: datetime,
    expires_at: datetime | None,
) -> Message:
    """Email to the member for whom `by` generated the key. `link` leads to the page that claims the key.
    `later_scopes` are those that the member's role does not allow now. `networks` are those that the key is
    accepted from; none for any."""
    subject = f"Claim your API key for {wording.plain(account, SUBJECT_NAME_LIMIT)}"
    values = {"by": by, "account": account, "name": name, "scopes": scopes, "expires_at": expires_at}
    values |= {"later_scopes": later_scopes, "networks": networks, "claim_until": claim_until}
    return write("api_key_claim", to, unlinked(subject), link, values)


def api_key_generated(
    *,
    to: str,
    account: str,
    name: str,
    prefix: str,
    scopes: Sequence[str],
    later_scopes: Sequence[str],
    networks: Sequence[str],
    link: str,
    expires_at: datetime | None,
) -> Message:
    """Email to the member who generated the key, so that misuse of the account is noticed."""
    values = {"account": account, "name": name, "prefix": prefix, "scopes": scopes, "expires_at": expires_at}
    values |= {"later_scopes": later_scopes, "networks": networks}
    return write("api_key_generated", to, _about_key("New API key", name), link, values)


def api_key_rotated(
    *, to: str, account: str, name: str, prefix: str, link: str, old_until: datetime | None
) -> Message:
    """`prefix` is that of the new secret. The old secret works until `old_until`, or no longer if that is
    None."""
    values = {"account": account, "name": name, "prefix": prefix, "old_until": old_until}
    return write("api_key_rotated", to, _about_key("New secret of the API key", name), link, values)


def api_key_revoked(*, to: str, account: str, name: str, by: str, link: str) -> Message:
    """`by` is the name of the Admin."""
    values = {"account": account, "name": name, "by": by}
    return write("api_key_revoked", to, _about_key("Revoked: the API key", name), link, values)


def access_ends(*, to: str, account: str, link: str, ends_at: datetime) -> Message:
    """Reminds a member of the end of its membership."""
    subject = f"Ends on {wording.day(ends_at)}: your access to {wording.plain(account, SUBJECT_NAME_LIMIT)}"
    return write("access_ends", to, unlinked(subject), link, {"account": account, "ends_at": ends_at})


@dataclass(frozen=True)
class AccessEnd:
    """Member whose membership ends by itself soon."""

    name: str
    ends_at: datetime


def members_access_ends(
    *, to: str, account: str, members: Sequence[AccessEnd], count: int, link: str
) -> Message:
    """Reminds an Admin of the ends of memberships. `members` are some of the `count` members."""
    name = wording.plain(members[0].name, SUBJECT_NAME_LIMIT)
    subject = f"Ends on {wording.day(members[0].ends_at)}: the access of {name}"
    if count > 1:
        subject = f"The access of {count} members of {wording.plain(account, SUBJECT_NAME_LIMIT)} ends soon"
    values = {"account": account, "members": members, "more": count - len(members)}
    return write("members_access_ends", to, unlinked(subject), link, values)


@dataclass(frozen=True)
class ExpiringLicense:
    """License that expires soon. `holder` is the name of its holder if that is not the recipient."""

    name: str
    holder: str | None
    expires_at: datetime


def licenses_expire(
    *, to: str, account: str, licenses: Sequence[ExpiringLicense], count: int, to_admin: bool, link: str
) -> Message:
    """Reminds a holder or an Admin of the expiry of licenses. `licenses` are those of the `count` licenses
    that expire first."""
    name, day = wording.plain(licenses[0].name, SUBJECT_NAME_LIMIT), wording.day(licenses[0].expires_at)
    subject = f"Expires on {day}: the license {name}"
    if count > 1:
        subject = f"{count:,} licenses of {wording.plain(account, SUBJECT_NAME_LIMIT)} expire soon"
    values = {"account": account, "licenses": licenses, "count": count, "more": count - len(licenses)}
    return write("licenses_expire", to, unlinked(subject), link, {**values, "to_admin": to_admin})


def api_key_leaked(
    *, to: str, account: str, name: str, prefix: str, member: str | None, found_at: str, link: str
) -> Message:
    """`member` is the name of the key's member if the recipient is somebody else, otherwise None. `found_at`
    is the place as reported."""
    values = {"account": account, "name": name, "prefix": prefix, "member": member, "found_at": found_at}
    return write("api_key_leaked", to, _about_key("Leaked and revoked: the API key", name), link, values)


@dataclass(frozen=True)
class LeakedKey:
    """API key with the place where its secret was found, as reported. `member` is the name of the key's
    member if the recipient is somebody else, otherwise None."""

    name: str
    prefix: str
    member: str | None
    found_at: str


def api_keys_leaked(
    *, to: str, account: str, keys: Sequence[LeakedKey], count: int, to_admin: bool, link: str
) -> Message:
    """About several keys at once, of which `keys` are shown, the recipient's own first. `to_admin`: the
    others are shown because the recipient is an Admin."""
    values = {"account": account, "keys": keys, "count": count, "to_admin": to_admin}
    return write("api_keys_leaked", to, f"Leaked and revoked: {count:,} API keys", link, values)


def build(message: Message, mail_from: str, attachments: Sequence[Attachment] = ()) -> EmailMessage:
    """Builds the email; the result is the same for each attempt. Raises ValueError if a value is not valid in
    a header."""
    recipient = _address(message.to)
    email = EmailMessage(POLICY.clone(utf8=not recipient.addr_spec.isascii()))
    email["From"] = mail_from
    email["To"] = recipient
    email["Subject"] = message.subject
    email["Message-ID"] = message.message_id
    email["Date"] = message.written_at
    email["Auto-Submitted"] = "auto-generated"
    # Servers without 8BITMIME transmit it unchanged too.
    email.set_content(message.text, cte="quoted-printable")
    email.add_alternative(message.html, subtype="html", cte="quoted-printable")
    for attachment in attachments:
        main_type, _, subtype = attachment.media_type.partition("/")
        email.add_attachment(
            attachment.content, maintype=main_type, subtype=subtype, filename=attachment.file_name
        )
    return email


def unlinked(text: str) -> str:
    """Inserts invisible characters so that email programs do not turn parts of the text into links.

    Names and notes are written by users: an invitation must not carry their links to strangers.
    """
    return re.sub(r"(?<=:)(?=//)|(?<=\w[.@])(?=[^\W\d_]{2})", "\u2060", text)


def _about_key(what: str, name: str) -> str:
    return unlinked(f"{what} {wording.plain(name, SUBJECT_NAME_LIMIT)}")


def write(
    template: str,
    to: str,
    subject: str,
    link: str,
    values: Mapping[str, object],
    correlation: InvitationDelivery | None = None,
) -> Message:
    """Renders the pair of templates. The subject must be `unlinked` if it has words of people."""
    values = {**values, "to": to, "subject": subject, "link": link}
    return Message(
        to=to,
        subject=subject,
        text=_templates.get_template(f"{template}.txt").render(values),
        html=_templates.get_template(f"{template}.html").render(values),
        message_id=f"<{uuid4()}@{_host(link)}>",
        correlation=correlation,
    )


def _host(link: str) -> str:
    """Host for the right side of a Message-ID. IPv6 addresses are in brackets."""
    host = (urlsplit(link).hostname or "localhost").encode("idna").decode()
    return f"[{host}]" if ":" in host else host


def _address(address: str) -> Address:
    """Parses exactly one address. Its domain is converted to ASCII by IDNA 2008."""
    checked = validate_email(address, check_deliverability=False)
    return Address(username=checked.local_part, domain=checked.ascii_domain)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "plain": wording.plain,
        "name": lambda text: unlinked(wording.plain(text)),
        "note_lines": lambda text: [unlinked(line) for line in wording.plain_lines(text)],
        "role": wording.role,
        "with_article": wording.with_article,
        "role_sentence": wording.role_sentence,
        "scope_rights": wording.scope_rights,
        "listed": wording.listed,
        "theme_limit": lambda names, more: unlinked(wording.theme_limit(names, more)),
        "place": lambda text: unlinked(wording.plain(text, 300)),
        "when": wording.when,
        "day": wording.day,
    }
    environment.filters.update(filters)
    return environment


_templates = _environment()
