"""Headers of emails are read back as they were written, for any names."""

import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mailer import messages, wording
from mailer.delivery import Sent, deliver
from mailer.messages import Attachment, InvoiceAttachment, Message, build
from tests.mailer.test_security_messages import MESSAGES as SECURITY_MESSAGES
from tests.support.smtp import smtp_server, some_settings

LINK = "https://team.example.com/join/kq3Vb0mZr1uJx8yT5wPnLdH2aCeF7gSiO4tRvXyZ9Qs"
NOON = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
ADDRESS = "no-reply@team.example.com"
LINE_LIMIT = 78

_LETTERS = st.one_of(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")),
    st.sampled_from("aàáâäãåāăąçćčdďðeéêëěfgğíïłñńőöøœrřsßśštťúůüűýÿžz"),
    st.sampled_from("山田太郎김민준周杰伦عليשרהΓιώργοςЮлия"),
    st.sampled_from(
        ["👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "ﬁ", "-", "'", ".", ",", '"', "=?utf-8?q?x?=", "=", "?", "_", "<", "@"]
    ),
)
_WORDS = st.lists(_LETTERS, min_size=1, max_size=40).map("".join)
NAMES = st.lists(_WORDS, min_size=1, max_size=8).map(" ".join)


def every_message(inviter: str, account: str, to: str) -> list[Message]:
    key = {"account": account, "name": inviter, "link": LINK}
    return [
        messages.invitation(
            to=to, inviter=inviter, account=account, role="ADMIN", note=None, link=LINK, expires_at=NOON
        ),
        messages.sign_in(to=to, link=LINK, expires_at=NOON),
        messages.audit_stream_stopped(
            to=to, account=account, host="hooks.example.com", ended=True, failing_since=NOON,
            error="The receiver answered 500.", last_delivered_sequence=1, link=LINK,
        ),
        messages.invoice(
            to=to, number="TA-2026-000001", account=account, total="EUR 1,190.00", due_at=NOON, link=LINK,
            attachment=InvoiceAttachment(UUID(int=1), UUID(int=2)),
        ),
        messages.api_key_claim(
            to=to, by=inviter, scopes=["READ"], later_scopes=[], networks=[], claim_until=NOON,
            expires_at=None, **key,
        ),
        messages.api_key_generated(
            to=to, prefix="ta_1", scopes=["READ"], later_scopes=[], networks=[], expires_at=None, **key
        ),
        messages.api_key_rotated(to=to, prefix="ta_1", old_until=None, **key),
        messages.api_key_revoked(to=to, by=account, **key),
        messages.api_key_leaked(to=to, prefix="ta_1", member=account, found_at="a place", **key),
        messages.api_keys_leaked(to=to, account=account, keys=[], count=2, to_admin=True, link=LINK),
        *(write(to, inviter, account) for write in SECURITY_MESSAGES.values()),
    ]  # fmt: skip


def unfolded(content: bytes, name: str) -> str:
    headers = BytesHeaderParser(policy=compat32).parsebytes(content)
    return re.sub(r"\r?\n(?=[ \t])", "", str(headers[name]))


def decoded(text: str) -> str:
    """As RFC 2047 says: the parser of `email.policy` does not, before Python 3.13."""
    return str(make_header(decode_header(text)))


def addresses(content: bytes, name: str) -> list[tuple[str, str]]:
    """Their names and addresses."""
    return [(decoded(shown), spec) for shown, spec in getaddresses([unfolded(content, name)])]


def header_lines(content: bytes) -> list[bytes]:
    return content.partition(b"\r\n\r\n")[0].split(b"\r\n")


@given(
    inviter=NAMES,
    account=NAMES,
    sender=NAMES.filter(lambda name: "=?" not in name),
    to=st.sampled_from(["bob@example.com", "grüße@example.com"]),
)
@example(
    "Jürgen Weiß-Öztürk", "Ana María Fernández de la Concepción", "Größe & Söhne, Inc.", "bob@example.com"
)
@example("=?utf-8?q?https=3A//evil.example?=", "=?utf-8?b?ZXZpbA==?=", "Acme", "bob@example.com")
@example("a" * 60, "b" * 60, "c" * 90, "bob@example.com")
@settings(
    max_examples=12,  # Of fifty emails each.
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
async def test_every_header_of_every_email_arrives_as_it_was_written(
    inviter: str, account: str, sender: str, to: str
) -> None:
    written = every_message(inviter, account, to)
    quoted = wording.plain(sender, 60).replace("\\", "\\\\").replace('"', '\\"')
    mail_from = f'"{quoted}" <{ADDRESS}>'

    attached = Attachment("Faktúra č. 2026-000001 für Größe.pdf", "application/pdf", b"%PDF")

    async with smtp_server() as server:
        sending = some_settings(server.port, mail_from=mail_from)
        for message in written:
            assert await deliver(sending, message, [attached]) == Sent()

    assert len(server.contents) == len(written)
    for message, content, received in zip(written, server.contents, server.attempts, strict=True):
        assert decoded(unfolded(content, "Subject")) == str(received["Subject"]) == message.subject
        assert str(received["To"]) == to
        assert received["Message-ID"] == message.message_id
        assert addresses(content, "From") == [(wording.plain(sender, 60), ADDRESS)]
        assert [part.get_filename() for part in received.iter_attachments()] == [attached.file_name]
        assert max(map(len, header_lines(content))) <= LINE_LIMIT


@pytest.mark.parametrize("name", ["Subject", "Comments"])
@given(text=st.lists(_LETTERS | st.just(" "), max_size=300).map("".join))
@example("x" * 300)
@example("a  b ")
@example("=?utf-8?q?x?=")
@settings(max_examples=100, deadline=None)
def test_any_text_is_encoded_so_that_it_arrives(name: str, text: str) -> None:
    email = build(messages.sign_in(to="bob@example.com", link=LINK, expires_at=NOON), ADDRESS)
    del email[name]
    email[name] = text = "".join(text.splitlines())

    content = bytes(email)

    assert decoded(unfolded(content, name)) == text
    assert max(map(len, header_lines(content))) <= LINE_LIMIT


@pytest.mark.parametrize("name", ["Reply-To", "Cc"])
@given(names=st.lists(NAMES, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_names_of_several_addresses_arrive(name: str, names: list[str]) -> None:
    email = build(messages.sign_in(to="bob@example.com", link=LINK, expires_at=NOON), ADDRESS)
    names = [wording.plain(each) for each in names]
    email[name] = [Address(each, addr_spec=ADDRESS) for each in names]

    content = bytes(email)

    assert addresses(content, name) == [(each, ADDRESS) for each in names]
    assert max(map(len, header_lines(content))) <= LINE_LIMIT


def test_a_link_in_a_header_stays_as_it_is() -> None:
    email = build(messages.sign_in(to="bob@example.com", link=LINK, expires_at=NOON), ADDRESS)
    email["List-Unsubscribe"] = f"<{LINK}/{'x' * 100}>"

    content = bytes(email)

    assert f"List-Unsubscribe: <{LINK}/{'x' * 100}>".encode() in content.replace(b"\r\n ", b" ")
