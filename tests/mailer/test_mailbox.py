import os
import stat
from pathlib import Path

import aiosmtplib
import pytest

from mailer import mailbox
from mailer.delivery import Deferred, Rejected, Sent, deliver
from mailer.mailbox import Mail, list_mails, read_mail
from mailer.messages import Message
from tests.support.smtp import a_message, some_settings


async def deliver_to(folder: Path, *messages: Message) -> list[object]:
    async with mailbox.serve(folder) as port:
        return [await deliver(some_settings(port), message) for message in messages]


async def send_raw(folder: Path, content: bytes) -> int:
    """The code of the answer."""
    async with mailbox.serve(folder) as port, aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        try:
            await client.sendmail("a@example.com", ["b@example.com"], content)
        except aiosmtplib.SMTPDataError as error:
            return error.code
    return 250


async def test_a_mail_is_kept_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "mailbox"
    message = a_message("grüße@example.com")

    assert await deliver_to(folder, message) == [Sent()]

    [listed] = list_mails(folder)
    assert (listed.to, listed.subject, listed.text, listed.html) == (message.to, message.subject, "", "")
    mail = read_mail(folder, listed.id)
    assert mail is not None
    assert (mail.to, mail.subject, mail.date) == (message.to, message.subject, listed.date)
    assert mail.text.strip() == message.text.strip()
    assert mail.html.strip() == message.html.strip()


async def test_nobody_else_on_the_machine_reads_it(tmp_path: Path) -> None:
    await deliver_to(tmp_path / "mailbox", a_message())

    assert stat.S_IMODE((tmp_path / "mailbox").stat().st_mode) == 0o700


async def test_a_repeated_delivery_is_one_mail(tmp_path: Path) -> None:
    message = a_message()

    await deliver_to(tmp_path, message, message, a_message(), message)

    assert len(list_mails(tmp_path)) == 2


async def test_the_newest_come_first_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAIL_LIMIT", 3)

    await deliver_to(tmp_path, *(a_message(f"person{number}@example.com") for number in range(5)))

    assert [mail.to for mail in list_mails(tmp_path)] == [
        f"person{number}@example.com" for number in (4, 3, 2)
    ]


async def test_a_mail_that_is_too_big_is_rejected(tmp_path: Path) -> None:
    message = a_message()
    big = Message(**{**vars(message), "text": "0123456789\n" * 100_000})

    [outcome] = await deliver_to(tmp_path, big)

    assert isinstance(outcome, Rejected)
    assert list_mails(tmp_path) == []


async def test_a_folder_that_cannot_be_written_defers_the_mail(tmp_path: Path) -> None:
    async with mailbox.serve(tmp_path / "mailbox") as port:
        os.rename(tmp_path / "mailbox", tmp_path / "gone")
        outcome = await deliver(some_settings(port), a_message())

    assert isinstance(outcome, Deferred)
    assert outcome.words.startswith("452")


async def test_what_a_killed_worker_left_half_written_goes(tmp_path: Path) -> None:
    unfinished = tmp_path / f"{mailbox.UNFINISHED}abc"
    unfinished.mkdir()
    (unfinished / "half.eml").write_bytes(b"Subject: ha")

    assert list_mails(tmp_path) == []
    await deliver_to(tmp_path)

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no headers at all",
        b"\xff\xfe\x00 binary\r\n\r\n\xff",
        b'Subject: =?utf-8?q?=ff=fe?=\r\nTo: <<>>,;"\r\n\r\nbody',
        b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nbody \xff",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--y\r\nbroken",
        b"Message-ID: [\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"To: " + b"a" * 900 + b"\r\nSubject: " + b"(" * 900 + b"\r\n\r\nbody",
    ],
)
async def test_odd_mail_is_refused_or_can_be_read(tmp_path: Path, content: bytes) -> None:
    code = await send_raw(tmp_path, content)

    assert code in (250, 554)
    mails = list_mails(tmp_path)
    assert len(mails) == (code == 250)
    assert all(isinstance(read_mail(tmp_path, mail.id), Mail) for mail in mails)


@pytest.mark.parametrize(
    "id",
    [
        "",
        ".",
        "..",
        "../secret",
        "%2e%2e",
        "0" * 31,
        "0" * 33,
        "0" * 32,
        "0" * 31 + "\n",
        "A" * 32,
        "\0" * 32,
    ],
)
async def test_an_id_that_was_made_up_finds_nothing(tmp_path: Path, id: str) -> None:
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")

    assert read_mail(tmp_path / "mailbox", id) is None


async def test_an_empty_or_missing_mailbox_lists_nothing(tmp_path: Path) -> None:
    assert list_mails(tmp_path / "missing") == []
