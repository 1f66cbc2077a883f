"""What a browser posts from a page's form."""

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_BYTES = 16 * 1024
_SAME_SITE = (None, "same-origin", "same-site", "none")


def refuse_other_sites(request: Request) -> None:
    """A page of another site may not sign its visitor in, or out. Raises a 403.

    By Sec-Fetch-Site: these pages send no referrer, so their forms' Origin is null. Clients that do not
    send it are no browsers of today; the cookie, SameSite=Lax, keeps the others out.
    """
    if request.headers.get("sec-fetch-site") not in _SAME_SITE:
        raise HTTPException(403)


async def read_form(request: Request) -> dict[str, str]:
    """The first value of each field. Raises a 413 or a 400."""
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
