"""Built-in mailbox: an SMTP server on loopback that stores emails in a folder."""

import asyncio
import logging
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTPUTF8
from hashlib import sha256
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

MAIL_LIMIT = 1_000
SIZE_LIMIT_BYTES = 1024 * 1024
SUFFIX = ".eml"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Mail:
    """Stored email. `text` and `html` are empty in lists."""

    id: str
    to: str
    subject: str
    date: datetime
    text: str = ""
    html: str = ""


def list_mails(folder: Path, limit: int = MAIL_LIMIT) -> list[Mail]:
    """Returns the newest emails first, without their bodies."""
    return [mail for path in _newest_first(folder)[:limit] if (mail := _read(path, with_body=False))]


def read_mail(folder: Path, id: str) -> Mail | None:
    """Returns an email, or None if there is none with this id. Any string is allowed as id."""
    if not re.fullmatch(r"[0-9a-f]{32}", id):
        return None
    return _read(folder / f"{id}{SUFFIX}", with_body=True)


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[int]:
    """Runs the SMTP server during the block. Yields its port on 127.0.0.1."""
    # Below WARNING it logs every line that it reads, including the secret links.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    _prepare(folder)
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            _Handler(folder),
            data_size_limit=SIZE_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="mailbox",
            timeout=60,
            loop=loop,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), timeout=1)


def _prepare(folder: Path) -> None:
    # Private: the links in the emails sign people in.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left_by_a_killed_worker in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left_by_a_killed_worker, ignore_errors=True)


class _Handler:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(_store, self.folder, content)
        except OSError as error:
            return f"452 4.3.1 The mailbox cannot be written: {error.strerror}"
        except Exception:
            # Python's email parser raises errors of many types for headers that it cannot parse.
            return "554 5.6.0 The email cannot be parsed"
        return "250 2.0.0 Stored in the mailbox"


def _store(folder: Path, content: bytes) -> None:
    """Names the file by a hash of the Message-ID, so that an email that is delivered twice is stored once."""
    email = message_from_bytes(content, policy=SMTPUTF8)
    name = sha256((email["Message-ID"] or "").encode() or content).hexdigest()[:32]
    _mail(name, datetime.now(UTC), email, with_body=True)

    path = folder / f"{name}{SUFFIX}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as unfinished:
            written = Path(unfinished) / path.name
            written.write_bytes(content)
            written.rename(path)
    for old in _newest_first(folder)[MAIL_LIMIT:]:
        old.unlink(missing_ok=True)


def _newest_first(folder: Path) -> list[Path]:
    times = {}
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.name.endswith(SUFFIX):
                with suppress(FileNotFoundError):
                    times[entry.path] = entry.stat().st_mtime_ns
    return [Path(path) for path in sorted(times, key=lambda path: times[path], reverse=True)]


def _read(path: Path, *, with_body: bool) -> Mail | None:
    try:
        with path.open("rb") as file:
            received_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            email = BytesParser(policy=SMTPUTF8).parse(file, headersonly=not with_body)
    except FileNotFoundError:
        return None
    return _mail(path.stem, received_at, email, with_body=with_body)


def _mail(id: str, received_at: datetime, email: EmailMessage, *, with_body: bool) -> Mail:
    return Mail(
        id=id,
        to=str(email["To"] or ""),
        subject=str(email["Subject"] or ""),
        date=received_at,
        text=_part(email, "plain") if with_body else "",
        html=_part(email, "html") if with_body else "",
    )


def _part(email: EmailMessage, kind: str) -> str:
    part = email.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""
