"""Form posts as browsers send them."""

import httpx


async def with_origin(request: httpx.Request) -> None:
    """Event hook that adds the site's own origin to form posts without one."""
    is_form = request.method == "POST" and request.url.path not in ("/graphql", "/leaked-keys")
    if is_form and not {"origin", "referer"} & request.headers.keys():
        request.headers["origin"] = f"{request.url.scheme}://{request.url.netloc.decode()}"


FORMS = {"request": [with_origin]}
