"""Emails contain one link each, whatever people write and are called."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from uuid import UUID

import pytest

from mailer.messages import (
    InvitationDelivery,
    Message,
    audit_stream_stopped,
    build,
    invitation,
    sign_in,
    unlinked,
)
from models.members import Role

LINK = "https://team.example.com/join/kq3Vb0mZr1uJx8yT5wPnLdH2aCeF7gSiO4tRvXyZ9Qs"
NOON = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
SENDER = "Team access <no-reply@team.example.com>"
HOSTILE = [
    "http://evil.example/free",
    "www.evil.example",
    "free@evil.example",
    "<script>alert(1)</script>",
    '"><a href="http://evil.example">x</a>',
    "Ada\r\nBcc: everyone@example.com",
    "Ada\nX: y\u2028z\x0b",
    "\u202eelpmaxe",
    "W" * 5_000,
    "👩‍👩‍👧‍👦" * 30,
    "{{ link }}",
    "\ud800",
]


def invite(
    *,
    to: str = "bob@example.com",
    inviter: str = "Ada Lovelace",
    account: str = "Acme",
    role: str = Role.MEMBER,
    note: str | None = None,
) -> Message:
    about = InvitationDelivery(UUID(int=1), UUID(int=2), 3)
    return invitation(
        to=to,
        inviter=inviter,
        account=account,
        role=role,
        note=note,
        link=LINK,
        expires_at=NOON,
        delivery=about,
    )


def ask(to: str = "bob@example.com", requested_from: str | None = None) -> Message:
    return sign_in(to=to, link=LINK, expires_at=NOON, requested_from=requested_from)


def stopped(*, account: str = "Acme", host: str = "hooks.example.com", ended: bool = False) -> Message:
    return audit_stream_stopped(
        to="bob@example.com",
        account=account,
        host=host,
        ended=ended,
        failing_since=NOON,
        error="The receiver answered 500 Internal Server Error.",
        last_delivered_sequence=1234,
        link=LINK,
    )


def arrived(message: Message, sender: str = SENDER) -> EmailMessage:
    return message_from_bytes(bytes(build(message, sender)), policy=SMTPUTF8)


def body(email: EmailMessage, kind: str) -> str:
    part = email.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def urls(text: str) -> set[str]:
    """What an email program would make a link of, an address in an `href` included."""
    return set(re.findall(r"(?:https?://|www\.\w)[^\s\"<>]*", text))


def test_an_invitation_says_who_where_as_what_and_until_when() -> None:
    email = arrived(invite(note="Hi Bob,\n\nsee you <b>soon</b>."))

    assert email["Subject"] == "Ada Lovelace invites you to Acme on Team access"
    for kind in ("plain", "html"):
        text = body(email, kind)
        for said in ("Ada Lovelace", "Acme", "Member", "provision licenses", "30 November 2026, 14:05 UTC"):
            assert said in text, kind
    assert "> Hi Bob,\n>\n> see you <b>soon</b>.\n" in body(email, "plain")
    assert "Hi Bob,<br>\n<br>\nsee you &lt;b&gt;soon&lt;/b&gt;." in body(email, "html")


@pytest.mark.parametrize("role", Role)
def test_an_invitation_says_what_the_role_may_do(role: Role) -> None:
    assert f"You would join as {role.title()}. {role.title()}s " in invite(role=role).text


def test_a_sign_in_email_says_how_long_it_works() -> None:
    email = arrived(ask(requested_from="Firefox, 203.0.113.9"))

    assert email["Subject"] == "Your sign-in link for Team access"
    for kind in ("plain", "html"):
        for said in ("bob@example.com", "once", "30 November 2026, 14:05 UTC", "Firefox, 203.0.113.9"):
            assert said in body(email, kind), kind
    assert "requested from" not in ask().text


@pytest.mark.parametrize(("ended", "words"), [(False, "is paused"), (True, "has ended")])
def test_an_audit_stream_that_stopped_is_told_with_what_goes_on_from_where(ended: bool, words: str) -> None:
    email = arrived(stopped(ended=ended))

    assert email["Subject"] == unlinked("The audit stream to hooks.example.com ") + words
    for kind in ("plain", "html"):
        text = body(email, kind)
        for said in ("Acme", words, "The receiver answered 500 Internal Server Error.", "1,234"):
            assert said in text, kind
        assert ("30 November 2026, 14:05 UTC" in text) == (not ended)


@pytest.mark.parametrize(
    "message",
    [invite(), invite(note="Hello"), ask(), ask(requested_from="Firefox"), stopped(), stopped(ended=True)],
    ids=["invitation", "note", "sign-in", "hint", "paused", "ended"],
)
def test_each_email_has_exactly_one_link(message: Message) -> None:
    email = arrived(message)

    assert urls(body(email, "plain")) == {LINK}
    assert urls(body(email, "html")) == {LINK}
    assert re.findall(r'(?:href|src|action)="([^"]*)"', message.html) == [LINK, LINK]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nobodys_own_words_become_a_link_markup_or_a_header(hostile: str) -> None:
    message = invite(inviter=hostile, account=hostile, note=f"{hostile}\n{hostile}")

    email = arrived(message)
    assert email.keys() == arrived(invite()).keys()
    assert email["To"] == "bob@example.com"
    assert len(message.subject) < 200
    assert not urls(message.subject)
    for kind in ("plain", "html"):
        assert urls(body(email, kind)) == {LINK}
        assert not re.search(r"\w@evil|evil\.example", body(email, kind))
        assert not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff\r\x0b]", body(email, kind))
    ours = re.sub("(?s)<blockquote.*</blockquote>", "", invite(note="x").html)
    theirs = re.sub("(?s)<blockquote.*</blockquote>", "", message.html)
    assert re.findall("<[a-z/]+", theirs) == re.findall("<[a-z/]+", ours)
    assert set(re.findall("<[a-z]+", message.html)) <= set(re.findall("<[a-z]+", invite(note="x\ny").html))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_browser_calls_itself_is_only_text(hostile: str) -> None:
    email = arrived(ask(requested_from=hostile))

    assert urls(body(email, "plain")) == urls(body(email, "html")) == {LINK}
    assert "<script" not in body(email, "html")


def test_ordinary_words_stay_as_they_are() -> None:
    for text in ("J.R. Smith", "Version 2.10", "Hi: see you. Soon!", "O'Brien & Söhne", "A/B, 12:30"):
        assert unlinked(text) == text
    assert unlinked("Acme.com").replace("\u2060", "") == "Acme.com"


def test_headers() -> None:
    message = invite()
    email = arrived(message)

    assert email["From"] == SENDER
    assert email["To"] == "bob@example.com"
    assert email["Message-ID"] == message.message_id
    assert email["Date"].datetime == message.written_at.replace(microsecond=0)
    assert email["Auto-Submitted"] == "auto-generated"
    assert email["Reply-To"] is None
    assert email.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in email.iter_parts()] == ["text/plain", "text/html"]


def test_an_email_is_built_the_same_each_time() -> None:
    message = invite()

    first, second = (re.sub(rb"=====+\d+==", b"", bytes(build(message, SENDER))) for _ in range(2))
    assert first == second
    assert message.message_id != invite().message_id


@pytest.mark.parametrize(
    "message",
    [
        invite(inviter="Zoë 👩‍👩‍👧‍👦", account="شركة", note="ü" * 999),
        replace(ask(), text="Zoë", html="<p>Zoë</p>"),
    ],
    ids=["long lines", "short lines"],
)
def test_an_email_survives_a_server_of_seven_bits(message: Message) -> None:
    content = bytes(build(message, SENDER))

    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) < 998


@pytest.mark.parametrize("message", [invite(note="Zoë\n\n👩"), ask()], ids=["invitation", "sign-in"])
def test_a_message_survives_its_job(message: Message) -> None:
    data = message.to_json()

    assert isinstance(data, bytes)
    assert Message.from_json(data) == message


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'{"to": "a@example.com"}', b"\xff"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Message.from_json(data)


def test_the_link_is_in_no_repr() -> None:
    assert "kq3Vb0mZr1" not in repr(invite()) + repr(ask())


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ada+x@xn--mnchen-3ya.example", "ada+x@xn--mnchen-3ya.example"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("ädä@example.com", "ädä@example.com"),
    ],
)
def test_who_it_is_addressed_to(address: str, shown: str) -> None:
    assert f"\r\nTo: {shown}\r\n".encode() in bytes(build(ask(address), SENDER))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "Ada <a@example.com>",
        "a@example.com>",
        "a@b@example.com",
    ],
)
def test_it_goes_to_one_address_or_nowhere(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(ask(address), SENDER)


def test_the_message_id_is_valid_wherever_the_link_leads() -> None:
    hosts = {"http://[::1]:80/{0}": "[::1]", "https://münchen.example/": "xn--mnchen-3ya.example"}

    for link, host in hosts.items():
        message = sign_in(to="a@example.com", link=link, expires_at=NOON)
        assert message.message_id.endswith(f"@{host}>")
        assert arrived(message)["Message-ID"] == message.message_id
