"""HTML forms: reading their fields, and refusing forms that another site has sent."""

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.app_state import State
from web_urls import origin_of

_MOST_BYTES = 16 * 1024


class CrossSiteForm(Exception):
    """A form that was not sent by a page of this site or of an allowed origin."""

    def __init__(self, public_origin: str) -> None:
        super().__init__("The form was not sent by a page of this site.")
        self.public_origin = public_origin


def refuse_other_sites(request: Request) -> None:
    """Refuses forms of other sites, including sibling hosts: they must not sign a visitor in or out.

    The origin is that of the Origin header, or else of Referer. A request with neither is refused, since all
    current browsers send Origin with a form. Raises CrossSiteForm.
    """
    state: State = request.app.state.team_access
    settings = state.settings
    origins = request.headers.getlist("origin") or request.headers.getlist("referer")[:1]
    origin = _origin_of(origins[0]) if len(origins) == 1 else None
    if origin is None or origin not in (settings.public_url, *settings.allowed_origins, _own(request)):
        raise CrossSiteForm(settings.public_url)


def _own(request: Request) -> str | None:
    """The origin that the browser used: the Host header, which was checked before, with the scheme of
    PUBLIC_URL, since a proxy in front may terminate TLS."""
    state: State = request.app.state.team_access
    scheme = state.settings.public_url.partition(":")[0]
    return _origin_of(f"{scheme}://{request.headers.get('host', '')}")


def _origin_of(url: str) -> str | None:
    try:
        return origin_of(url)
    except ValueError:
        return None


async def read_form(request: Request) -> dict[str, str]:
    """The first value of each field. Raises HTTPException with status 413 or 400."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise HTTPException(400) from None
    return {name: values[0] for name, values in fields.items()}
