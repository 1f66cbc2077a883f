"""The endpoints for installed themes are called without the middleware of the pages: what they answer by
themselves."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from resolvers.licenses.check_sites import host_of
from resolvers.licenses.keys import new_license_key
from resolvers.licenses.sites import clean_site
from tests.support.limited import limited
from tests.support.world import World

PATHS = ("/licenses/verify", "/licenses/updates")
BODY = {"key": new_license_key(), "site": "a.example.com", "version": "1.0.0"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_than_post_are_refused(world: World, path: str, method: str) -> None:
    response = await world.http.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_the_headers_of_all_answers(world: World, path: str) -> None:
    answers = [await world.http.post(path, json=BODY), await world.http.post(path, json={})]

    assert len({each.headers["x-request-id"] for each in answers}) == 2
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("error", "status_code"),
    [(asyncpg.CannotConnectNowError("starting up"), 503), (KeyError("a fault"), 500)],
)
async def test_an_outage_and_a_fault_are_answered(
    world: World, path: str, error: Exception, status_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(*_: object) -> None:
        raise error

    async with limited(world) as (there, state):
        monkeypatch.setattr(state.database, "fetch", fetch)
        response = await there.http.post(path, json=BODY)

    assert (response.status_code, "x-request-id" in response.headers) == (status_code, True)
    assert "a fault" not in response.text
    if status_code == 503:
        assert response.json()["error"]["code"] == "UNAVAILABLE"
        assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_in_parts_is_limited_as_a_whole(world: World, path: str) -> None:
    async def parts(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b" " * 1_000
            await asyncio.sleep(0)

    small = await world.http.post(path, content=parts(4))
    large = await world.http.post(path, content=parts(6))

    assert "JSON object" in small.json()["error"]["message"]
    assert "4 KiB" in large.json()["error"]["message"]


@pytest.mark.parametrize(
    "typed",
    [
        "WWW.Example.com.",
        "b\u00fccher.example",
        "xn--bcher-kva.example",
        "bu\u0308cher.example",
        "a_b.example.com",
    ],
)
def test_a_stored_site_is_its_own_normalised_form(typed: str) -> None:
    stored = clean_site(typed)

    assert host_of(stored) == stored
