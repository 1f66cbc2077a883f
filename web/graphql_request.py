"""Reads and checks GraphQL-over-HTTP requests, without the schema."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from engine.operation_cache import OperationRefused, PreparedOperation, holds_nul
from web.media_types import accepted, media_type_of

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
HTML = "text/html"

_STRING_OR_NULL = (str, type(None))
_OBJECT_OR_NULL = (dict, type(None))
_MOST_ID_CHARACTERS = 200
_SHA256 = re.compile("[0-9A-Fa-f]{64}")
_MAX_DISCARDED_BYTES = 16 * 1024 * 1024
_DISCARDING_SECONDS = 5


class RequestRefused(Exception):
    """The HTTP request is refused, with `status` in every media type."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.extensions = {"code": code, **extensions}
        self.codes = [code]


@dataclass(slots=True)
class RequestedOperation:
    """One operation of a request, from its parameters to its entry in the audit log."""

    query: str
    """Empty until `GraphQLExecutor.prepare` for a persisted document of which the text was not sent."""
    name: str | None
    variables: dict[str, object] | None
    holds_nul: bool
    """Whether a variable contains a NUL character."""
    document_id: str | None = None
    """Id of a persisted document, in place of its text."""
    sha256: str | None = None
    """SHA-256, in hexadecimal digits, of an automatic persisted query."""
    prepared: PreparedOperation | None = None
    refusal: OperationRefused | None = None
    """Why the operation cannot be executed: either this or `prepared` is set by `GraphQLExecutor.prepare`."""
    started_at: float = 0.0
    """Time of `perf_counter`."""
    is_recorded: bool = False

    @property
    def type(self) -> OperationType | None:
        """None where the operation was refused."""
        return self.prepared.operation.type if self.prepared else None


def bad_request(message: str, **extensions: object) -> RequestRefused:
    return RequestRefused(400, "BAD_REQUEST", message, None, **extensions)


@lru_cache(maxsize=256)
def preferred_media_type(accept: str) -> str | None:
    """The preferred one of HTML, JSON and GRAPHQL_RESPONSE in an Accept header; None where it accepts none.

    JSON by default; GRAPHQL_RESPONSE only where it is named and JSON has no higher quality.
    """
    if not accept:
        return JSON
    ranks = _ranks(accept)
    anything = ranks.get("*/*", 0.0)
    json = ranks.get(JSON, ranks.get("application/*", anything))
    response = ranks.get(GRAPHQL_RESPONSE, 0.0)
    html = ranks.get(HTML, 0.0)
    if html > max(json, response):
        return HTML
    if response > 0 and response >= json:
        return GRAPHQL_RESPONSE
    return JSON if json > 0 else None


def _ranks(accept: str) -> dict[str, float]:
    ranks: dict[str, float] = {}
    for media_type, quality in accepted(accept):
        ranks[media_type] = max(ranks.get(media_type, 0.0), quality)
    return ranks


def check_origin(headers: Mapping[str, str], allowed_origins: Collection[str]) -> None:
    """Raises RequestRefused for a request with cookies that a page of another site may have sent.

    An Authorization header beside the cookies makes no difference. `allowed_origins` are normalised.
    """
    if "cookie" not in headers:
        return
    origin = headers.get("origin")
    if origin is None:
        if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
            return
    elif is_same_origin(origin, headers.get("host")) or normalize_origin(origin) in allowed_origins:
        return
    raise RequestRefused(
        403,
        "ORIGIN_NOT_ALLOWED",
        "Pages of this origin may not send requests with cookies: add it to the setting ALLOWED_ORIGINS.",
    )


async def read_operations(
    request: Request,
    headers: Mapping[str, str],
    max_body_bytes: int,
    max_batch: int,
) -> list[RequestedOperation] | RequestedOperation:
    """The operation of the request; a list where it is a batch. Raises RequestRefused."""
    if request.method == "GET":
        return _from_query(request.query_params)
    if request.method != "POST":
        raise RequestRefused(
            405, "METHOD_NOT_ALLOWED", "GraphQL requests must use GET or POST.", {"allow": "GET, POST"}
        )
    _check_content(headers)
    body = await _read_body(request, headers, max_body_bytes)
    document = _decode(body, "The request's body")
    nul = b"\\u0000" in body
    if not isinstance(document, list):
        return requested_operation(document, nul)
    if not 0 < len(document) <= max_batch:
        raise bad_request(
            f"A batch has {len(document):,} operations; it must have 1 to {max_batch}.",
            limit="batch",
            actual=len(document),
            allowed=max_batch,
        )
    return [requested_operation(item, nul) for item in document]


def requested_operation(document: object, may_hold_nul: bool = True) -> RequestedOperation:
    """Parses one operation of a JSON document. Raises RequestRefused where it is malformed."""
    if not isinstance(document, dict):
        raise bad_request("A GraphQL request must be a JSON object.")
    query, operation_name = document.get("query"), document.get("operationName")
    variables, extensions = document.get("variables"), document.get("extensions")
    document_id, sha256 = document.get("documentId"), None
    if extensions is not None or document_id is not None:
        sha256 = _sha256_of(extensions)
        query = _query_beside(query, document_id, sha256)
    if not isinstance(query, str):
        raise bad_request("`query` must be a string, and is required without a `documentId`.")
    if not isinstance(operation_name, _STRING_OR_NULL):
        raise bad_request("`operationName` must be a string or null.")
    if not isinstance(variables, _OBJECT_OR_NULL):
        raise bad_request("`variables` must be an object or null.")
    has_nul = may_hold_nul and holds_nul(variables)
    return RequestedOperation(query, operation_name, variables, has_nul, document_id, sha256)


def _query_beside(query: object, document_id: object, sha256: str | None) -> object:
    """The text that is sent beside an id or a hash: empty where it is left out."""
    if document_id is None:
        return "" if query is None and sha256 is not None else query
    if not isinstance(document_id, str) or not 0 < len(document_id) <= _MOST_ID_CHARACTERS:
        raise bad_request(f"`documentId` must be a string of 1 to {_MOST_ID_CHARACTERS} characters.")
    if query is not None or sha256 is not None:
        raise bad_request("`documentId` takes the place of `query` and `extensions.persistedQuery`.")
    return ""


def _sha256_of(extensions: object) -> str | None:
    """The hash of an automatic persisted query, in lower case."""
    if not isinstance(extensions, _OBJECT_OR_NULL):
        raise bad_request("`extensions` must be an object or null.")
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256) or persisted.get("version") != 1:
        raise bad_request(
            "`extensions.persistedQuery` must have `version` 1 and `sha256Hash`, 64 hexadecimal digits."
        )
    return sha256.lower()


def _from_query(query: Mapping[str, str]) -> RequestedOperation:
    document: dict[str, object] = dict(query)
    for name in ("variables", "extensions"):
        if name in document:
            document[name] = _decode(query[name], f"`{name}`") if query[name] else None
    return requested_operation(document)


def _check_content(headers: Mapping[str, str]) -> None:
    if headers.get("content-type") == JSON and "content-encoding" not in headers:
        return
    media_type = media_type_of(headers.get("content-type", ""))
    encoding = headers.get("content-encoding", "identity").lower()
    if (
        media_type is None
        or media_type.name != JSON
        or media_type.parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8")
    ):
        raise RequestRefused(
            415, "UNSUPPORTED_MEDIA_TYPE", "The request's body must be application/json in UTF-8."
        )
    if encoding != "identity":
        raise RequestRefused(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The request's body must not be compressed.",
            {"accept-encoding": ""},
        )


async def _read_body(request: Request, headers: Mapping[str, str], max_body_bytes: int) -> bytes:
    """The body. Raises RequestRefused where it exceeds the limit, whatever its Content-Length."""
    if int(_digits(headers.get("content-length"))) > max_body_bytes:
        await _discard(request.stream())
        raise _too_large(max_body_bytes)
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > max_body_bytes:
            if more:
                await _discard(request.stream())
            raise _too_large(max_body_bytes)
    return body


async def _discard(stream: AsyncIterator[bytes]) -> None:
    """Reads and discards the rest of a body, within bounds: a client that is cut off while it sends does not
    read the response."""
    left = _MAX_DISCARDED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDING_SECONDS):
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    return


def _digits(header: str | None) -> str:
    return header if header and header.isdecimal() and len(header) < 20 else "0"


def _too_large(max_body_bytes: int) -> RequestRefused:
    return RequestRefused(
        413,
        "REQUEST_TOO_LARGE",
        f"The request's body is larger than the {max_body_bytes:,} bytes that are allowed.",
        {"connection": "close"},
        limit="body_bytes",
        allowed=max_body_bytes,
    )


def _decode(text: bytes | str, what: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"{what} is not valid JSON: {error.msg} at character {error.pos}.") from None
