"""Clients from which a person signs in, and the email about one that the person has not used before.

A client is a program on an operating system, in the network of one provider. It is compared with the sessions
that are stored anyway, so nothing else is kept about a person.
"""

import re

from sqlalchemy import select
from sqlmodel import col

from engine.row_writer import RowWriter
from engine.statements import Statement, parameter
from mailer import security_messages
from mailer.queue import Lane
from models.members import User
from models.sessions import Session
from permissions.client_sites import Site, site_of
from resolvers.unaudited import enqueue
from settings import Settings

_MOST_COMPARED = 500
_UNKNOWN = "an unknown program"
# The first that the User-Agent contains counts: that of Edge contains Chrome too, and both contain Safari.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def client_name(user_agent: str | None) -> str:
    """Program and system without versions, such as `Firefox on Windows`. Of programs that are no known
    browser, the first product of the User-Agent, such as `curl`."""
    text = user_agent or ""
    browser = next((name for token, name in _BROWSERS.items() if token in text), None)
    system = next((name for token, name in _SYSTEMS.items() if token in text), None)
    if browser is not None:
        return f"{browser} on {system}" if system else browser
    return re.split(r"[\s/(;,]", text.strip(), maxsplit=1)[0] or _UNKNOWN


def network_of(ip: str | None) -> Site:
    """The first 16 bits of an IPv4 address and the first 32 of an IPv6 address: the addresses of a provider
    in a region. A household's address changes within it."""
    version, number = site_of(ip)
    return version, number >> (16 if version == 4 else 32)


async def tell_of_new_client(
    writer: RowWriter, settings: Settings, user: User, session: Session, replaced: Session | None
) -> None:
    """Enqueues an email if the person signs in from a client for the first time, except at its very first
    sign-in. `replaced` is the session that the browser has now: with one of the person, it is known."""
    records = await writer.fetch(_EARLIER, user_id=user.id, session_id=session.id)
    clients = {(client_name(user_agent), network_of(ip)) for user_agent, ip in records}
    client = client_name(session.user_agent)
    is_known = (client, network_of(session.ip)) in clients
    if is_known or not clients or (replaced is not None and replaced.user_id == user.id):
        return
    message = security_messages.new_client(
        to=user.email, client=client, ip=session.ip, at=session.created_at, link=settings.app_url
    )
    await enqueue(writer, [message], Lane(f"person {user.id}"))


_EARLIER = Statement(
    lambda: (
        select(col(Session.user_agent), col(Session.ip))
        .where(col(Session.user_id) == parameter("user_id"), col(Session.id) != parameter("session_id"))
        .order_by(col(Session.id).desc())
        .limit(_MOST_COMPARED)
    )
)
