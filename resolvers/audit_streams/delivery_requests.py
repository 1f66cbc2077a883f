"""One POST request of an audit stream, signed as Standard Webhooks specifies, and its outcome.

Only the response's status and Retry-After are used. The body is not read, so a slow or endless one costs
nothing.
"""

import asyncio
import hmac
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from secrets import token_bytes

import httpcore

from models.columns import now
from resolvers.audit_streams.public_addresses import CheckedBackend, NotPublic, Unresolved

SECRET_PREFIX = "whsec_"  # noqa: S105
_SECRET_BYTES = 32
"""Standard Webhooks requires 24 to 64 bytes."""
MOST_RETRY_AFTER_SECONDS = 3_600.0


@dataclass(frozen=True)
class DeliveryRequest:
    """Request with a batch of events. `id` is the same when the same body is sent again."""

    url: str = field(repr=False)
    id: str
    body: bytes = field(repr=False)
    secrets: Sequence[bytes] = field(repr=False)
    """Secrets that sign: the current one first, then previous ones that are still valid."""


@dataclass(frozen=True)
class Taken:
    pass


@dataclass(frozen=True)
class Failed:
    """`words` is a sentence for people. `retry_after_seconds` is requested by the receiver, at most an
    hour."""

    words: str
    retry_after_seconds: float = 0


@dataclass(frozen=True)
class Gone:
    """Status 410: the receiver no longer accepts deliveries."""

    words: str


Outcome = Taken | Failed | Gone


def new_secret() -> bytes:
    return token_bytes(_SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    return SECRET_PREFIX + b64encode(secret).decode()


def signed_headers(request: DeliveryRequest, at: datetime) -> dict[str, str]:
    """One symmetric signature per secret, separated by spaces."""
    timestamp = str(int(at.timestamp()))
    content = f"{request.id}.{timestamp}.".encode() + request.body
    signatures = (hmac.digest(secret, content, sha256) for secret in request.secrets)
    return {
        "webhook-id": request.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in signatures),
    }


async def post(request: DeliveryRequest, backend: CheckedBackend, timeout_seconds: float) -> Outcome:
    """`timeout_seconds` covers everything: DNS, connection, and the response's status."""
    if not (request.url.startswith("https://") or backend.private_addresses):
        return Failed("The URL does not start with https://.")
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _post(request, backend)
    except TimeoutError:
        return Failed(f"The receiver did not answer within {timeout_seconds:g} seconds.")
    except NotPublic:
        return Failed("The host name resolves to an address that is not public.")
    except Unresolved:
        return Failed("The host name does not resolve to an address.")
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        return Failed(_unconnected(error))
    except httpcore.RemoteProtocolError:
        return Failed("The receiver closed the connection, or its answer is not HTTP.")
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError):
        return Failed("The connection broke before the receiver answered.")


async def _post(request: DeliveryRequest, backend: CheckedBackend) -> Outcome:
    headers = {
        "content-type": "application/x-ndjson",
        "user-agent": "Team-access-audit-streams/1",
        "accept-encoding": "identity",
        "connection": "close",
        **signed_headers(request, now()),
    }
    # httpcore uses no proxy, cookies, netrc or redirects unless it is configured to.
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=tls_context(), max_connections=1, network_backend=backend
        ) as connections,
        connections.stream(
            "POST", request.url, headers=list(headers.items()), content=request.body
        ) as response,
    ):
        return _outcome(response.status, dict(response.headers))


@cache
def tls_context() -> ssl.SSLContext:
    """Trusts the system's certificate authorities."""
    return ssl.create_default_context()


def _outcome(status: int, headers: dict[bytes, bytes]) -> Outcome:
    if 200 <= status < 300:
        return Taken()
    words = f"The receiver answered {_named(status)}."
    if 300 <= status < 400:
        return Failed(
            f"The receiver answered {_named(status)}, and redirects are not followed: use the final URL."
        )
    if status == HTTPStatus.GONE:
        return Gone(words)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        value = next((value for name, value in headers.items() if name.lower() == b"retry-after"), b"")
        return Failed(words, _seconds(value.decode("ascii", "replace").strip()))
    return Failed(words)


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _seconds(retry_after: str) -> float:
    """Parses seconds or a date; 0 for anything else."""
    if retry_after.isdecimal():
        seconds = float(retry_after[:10])
    else:
        try:
            at = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return 0
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - now()).total_seconds()
    return min(max(seconds, 0), MOST_RETRY_AFTER_SECONDS)


def _unconnected(error: BaseException | None) -> str:
    """The reason is one of the exception's causes."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The receiver's certificate is not valid: {error.verify_message.rstrip('.')}."
        if isinstance(error, ssl.SSLError):
            return "The receiver did not complete the TLS handshake."
        error = error.__cause__ or error.__context__
    return "No connection to the receiver could be made."
