"""Download endpoint: sends the file of a download link, or a page that says why it is refused."""

import asyncio
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.fair_queue import Requester, requester
from models.database import Database
from models.storage import StorageUnavailable
from permissions.credentials import find_working
from permissions.errors import Forbidden, RateLimited, Unauthenticated
from resolvers.downloads.links import (
    AnyLink,
    Content,
    DownloadRefused,
    LicenseLink,
    PersonalLink,
    RefusalReason,
    find_link,
)
from resolvers.downloads.openers import OPENERS
from resolvers.licenses.updates import open_update
from resolvers.people.personal_data_mutations import open_personal_data
from web.app_state import State
from web.authentication import client_of, client_site
from web.byte_ranges import NotSatisfiable, attachment, is_unchanged, requested_range
from web.download_pages import refused, too_many, unavailable
from web.file_response import FileResponse, disconnected
from web.html_pages import PRIVATE_HEADERS

_CLIENT_CLOSED_REQUEST = 499  # After nginx. The client has gone, so nobody receives it.


def routes() -> list[BaseRoute]:
    return [Route("/download/{token}", download)]


async def download(request: Request) -> Response:
    state: State = request.app.state.team_access
    try:
        state.rate_limiter.count_address(client_of(request).ip, {})
        requester.set(Requester(client_site(request)))
        link = await find_link(state.database, request.path_params["token"])
        await _require_same_person(request, state.database, link)
        content = await _unless_disconnected(request, _opening(state, link))
    except RateLimited as limited:
        return too_many(request, limited)
    except DownloadRefused as refusal:
        return refused(request, refusal.reason)
    except StorageUnavailable as error:
        return unavailable(request, error)
    except ClientDisconnect:
        return Response(status_code=_CLIENT_CLOSED_REQUEST)
    return _answer(request, state, link, content)


def _opening(state: State, link: AnyLink) -> Awaitable[Content]:
    if isinstance(link, PersonalLink):
        return open_personal_data(state.database, link)
    if isinstance(link, LicenseLink):
        return open_update(state.settings, state.storage, link)
    return OPENERS[link.row.kind](state.settings, state.database, state.storage, link)


async def _unless_disconnected(request: Request, opening: Awaitable[Content]) -> Content:
    """The content; cancels `opening` when the client disconnects, since a PDF takes seconds to create.

    Raises ClientDisconnect, and what `opening` raises.
    """
    content = asyncio.ensure_future(opening)
    disconnect = asyncio.create_task(disconnected(request.receive))
    try:
        await asyncio.wait({content, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if content.done():
            return content.result()
        raise ClientDisconnect
    finally:
        disconnect.cancel()
        if not content.done():
            content.cancel()
            await asyncio.wait({content})


def _answer(request: Request, state: State, link: AnyLink, content: Content) -> Response:
    headers = _headers(content)
    if content.etag is not None and is_unchanged(request.headers, content.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return _head(content, headers)
    if content.size is None:
        return FileResponse(state.transfers, link, content, client_of(request), headers, None)
    try:
        byte_range = requested_range(request.headers, content.size, content.etag)
    except NotSatisfiable:
        headers["Content-Range"] = f"bytes */{content.size}"
        return Response(status_code=416, headers=headers)
    return FileResponse(state.transfers, link, content, client_of(request), headers, byte_range)


def _headers(content: Content) -> dict[str, str]:
    headers = {
        **PRIVATE_HEADERS,
        "Content-Disposition": attachment(content.file_name),
        "Accept-Ranges": "none" if content.size is None else "bytes",
    }
    if content.etag is not None:
        headers["ETag"] = f'"{content.etag}"'
    return headers


def _head(content: Content, headers: dict[str, str]) -> Response:
    response = Response(headers=headers, media_type=None)
    response.headers["content-type"] = content.media_type
    if content.size is None:
        del response.headers["content-length"]
    else:
        response.headers["content-length"] = str(content.size)
    return response


async def _require_same_person(request: Request, database: Database, link: AnyLink) -> None:
    """The link works without a credential; but a credential of another person is refused with it."""
    ip = client_of(request).ip
    scheme, _, bearer = request.headers.get("authorization", "").strip().partition(" ")
    if scheme:
        is_theirs = scheme.lower() == "bearer" and await _is_of(database, bearer.strip(), ip, link)
        if not is_theirs:
            raise DownloadRefused(RefusalReason.WRONG_PERSON)
    cookie = request.cookies.get(request.app.state.team_access.settings.session_cookie)
    if cookie and await _is_of(database, cookie, ip, link) is False:
        raise DownloadRefused(RefusalReason.WRONG_PERSON)


async def _is_of(database: Database, token: str, ip: str | None, link: AnyLink) -> bool | None:
    """Whether the token belongs to the membership that the link was issued to: an API key of the same person
    in another account does not. A link to personal data was issued to a person, of whom sessions only are
    credentials. A link for a license key was issued to no person. None where the token is not valid."""
    try:
        viewer = await find_working(database, token, ip)
    except (Unauthenticated, Forbidden):
        return None
    if isinstance(link, PersonalLink):
        return viewer.user.id == link.user.id and not viewer.is_api_key
    if isinstance(link, LicenseLink):
        return False
    return viewer.is_member(link.member.account_id, link.member.id)
