"""Forms as browsers send them."""

import httpx


async def with_origin(request: httpx.Request) -> None:
    """Event hook: what is posted to a page comes from a page of the same site, unless it says where from."""
    is_form = request.method == "POST" and request.url.path not in ("/graphql", "/leaked-keys")
    if is_form and not {"origin", "referer"} & request.headers.keys():
        request.headers["origin"] = f"{request.url.scheme}://{request.url.netloc.decode()}"


FORMS = {"request": [with_origin]}
