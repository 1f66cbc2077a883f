"""Pages of the development mailbox, served only where SMTP_URL is not set and only to clients on this
machine: the emailed links allow signing in as anyone.
"""

from ipaddress import ip_address
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailer import mailbox
from mailer.mailbox import Mail
from web.app_state import State
from web.html_pages import mail_body, page


def routes() -> list[BaseRoute]:
    return [
        Route("/mailbox", show_all),
        Route("/mailbox/{id}", show_one),
        Route("/mailbox/{id}/html", show_html),
    ]


async def show_all(request: Request) -> Response:
    _refuse_other_machines(request)
    return page("mailbox", mails=await run_in_threadpool(mailbox.list_mails, _folder(request)))


async def show_one(request: Request) -> Response:
    return page("mail", mail=await _mail(request))


async def show_html(request: Request) -> Response:
    return mail_body((await _mail(request)).html or "")


def _refuse_other_machines(request: Request) -> None:
    state: State = request.app.state.team_access
    client = state.proxies.client_of(request)
    if client is None or not ip_address(client).is_loopback:
        raise HTTPException(404)


async def _mail(request: Request) -> Mail:
    _refuse_other_machines(request)
    mail = await run_in_threadpool(mailbox.read_mail, _folder(request), request.path_params["id"])
    if mail is None:
        raise HTTPException(404)
    return mail


def _folder(request: Request) -> Path:
    state: State = request.app.state.team_access
    return state.settings.data_dir / "mailbox"
