"""Content-Type and Accept headers with any parameters."""

import httpx
import pytest

from web.graphql_request import GRAPHQL_RESPONSE, HTML, JSON, preferred_media_type

BODY = b'{"query": "{ __typename }"}'


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; foo=bar",
        "application/json;foo=bar;charset=utf-8",
        "Application/JSON ; Charset=UTF-8",
        'application/json; profile="https://example.com/;charset=latin1"',
        'application/json; charset="utf-8"; a=b',
        'application/json; a="\\"; charset=latin-1"',
        "application/json;",
        "application/json; charset=utf8",
    ],
)
async def test_json_is_taken(http: httpx.AsyncClient, content_type: str) -> None:
    response = await http.post("/graphql", content=BODY, headers={"content-type": content_type})

    assert response.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/json; charset=latin-1",
        "application/json; foo=bar; charset=utf-16",
        'application/json; charset="iso-8859-1"',
        "application/json, text/plain",
        "application/jsonp",
        "application/json; foo",
        'application/json; foo="bar',
        "text/plain; a=application/json",
        "application/json charset=utf-8",
        "application/json; a=" + '"\\' * 1_000,
    ],
)
async def test_anything_else_is_refused(http: httpx.AsyncClient, content_type: str) -> None:
    response = await http.post("/graphql", content=BODY, headers={"content-type": content_type})

    assert response.status_code == 415
    assert response.json()["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    ("accept", "preferred"),
    [
        ("application/json;foo=bar", JSON),
        ('application/graphql-response+json;a="x,text/html";q=0.9, application/json;q=0.8', GRAPHQL_RESPONSE),
        ('text/html;a=",application/json"', HTML),
        ("application/json;q=0.5;a=b, text/html;q=0.4", JSON),
        ("application/json;q=0, text/html;q=0", None),
        ("application/json;q=nan, text/html", HTML),
        ("application/json;q=1e0, text/html;q=0.1", HTML),
        ("application/json;q=2, text/html;q=0.1", HTML),
        ("image/png", None),
        ('"', None),
    ],
)
def test_what_is_accepted(accept: str, preferred: str | None) -> None:
    assert preferred_media_type(accept) == preferred
