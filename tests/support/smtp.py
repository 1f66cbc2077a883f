"""SMTP server that behaves as a test defines: it refuses, waits, disconnects or accepts emails."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailer.messages import Message
from settings import Settings

HANG_UP = "hang up"
HANG = "hang"
TOKEN = "q9Zr7vK2mXc4Lw8sTb1NfYh6Jd3GpEuA5RoWiVzQ0tk"
LINK = f"http://localhost/join/{TOKEN}"


@dataclass
class Server:
    """Sends each of the `answers` to a command once, then accepts everything."""

    port: int
    answers: dict[str, deque[str]]
    emails: list[EmailMessage] = field(default_factory=list)
    attempts: list[EmailMessage] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    """Contents of `attempts`, as the client sent them."""
    password: str | None = None
    """If set, clients that did not log in with it are refused."""
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, condition: Callable[[], bool], timeout_seconds: float = 30) -> None:
        """Waits until the condition holds. It is checked after each email."""
        async with self.arrived, asyncio.timeout(timeout_seconds):
            await self.arrived.wait_for(condition)

    async def _notify(self) -> None:
        async with self.arrived:
            self.arrived.notify_all()

    async def _scripted(self, command: str, smtp: SMTP) -> str | None:
        answers = self.answers.get(command)
        answer = answers.popleft() if answers else None
        if answer == HANG_UP:
            assert isinstance(smtp.transport, asyncio.Transport)
            smtp.transport.abort()
            return "421 Gone"
        if answer == HANG:
            await asyncio.sleep(3600)
        return answer

    async def handle_MAIL(  # noqa: N802
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.password is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        answer = await self._scripted("MAIL", smtp)
        envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._scripted("RCPT", smtp)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert envelope.original_content is not None
        email = message_from_bytes(envelope.original_content, policy=SMTPUTF8)
        self.attempts.append(email)
        self.contents.append(envelope.original_content)
        await self._notify()
        answer = await self._scripted("DATA", smtp)
        if answer is None:
            self.emails.append(email)
        await self._notify()
        return answer or "250 Taken"

    async def handle_QUIT(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return await self._scripted("QUIT", smtp) or "221 Bye"


@asynccontextmanager
async def smtp_server(
    answers: Mapping[str, Sequence[str]] | None = None,
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    password: str | None = None,
    utf8: bool = True,
) -> AsyncIterator[Server]:
    """Server with `answers` by command, with `tls` from the start or `starttls`, and with a required
    `password`."""
    server = Server(port, {command: deque(texts) for command, texts in (answers or {}).items()})
    server.password = password
    loop = asyncio.get_running_loop()

    def log_in(smtp: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        server.logins.append((data.login, data.password))
        return AuthResult(success=data.password.decode() == password, handled=False)

    def protocol() -> SMTP:
        return _Counted(
            server,
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            enable_SMTPUTF8=utf8,
            auth_require_tls=False,
            authenticator=log_in,
            loop=loop,
        )

    listening = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


class _Counted(SMTP):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.event_handler.connections += 1
        self.event_handler.at_once = max(self.event_handler.at_once, self.event_handler.connections)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.connections -= 1
        super().connection_lost(error)


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Port of a server that does not speak SMTP."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def a_message(to: str = "ada@example.com") -> Message:
    return Message(
        to=to,
        subject="Join Acme",
        text=f"Join: {LINK}",
        html=f'<a href="{LINK}">Join</a>',
        message_id=f"<{uuid4()}@example.com>",
        correlation=None,
    )


def some_settings(smtp_url: str | int | None, **values: object) -> Settings:
    if isinstance(smtp_url, int):
        smtp_url = f"smtp://127.0.0.1:{smtp_url}"
    return Settings.model_validate({"smtp_url": smtp_url, "mail_timeout_seconds": 2, **values})
