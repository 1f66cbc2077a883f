"""The console's page and files, as the server serves them."""

import re

import pytest

from settings import Settings
from tests.support.limited import limited
from tests.support.world import World


@pytest.mark.parametrize(
    "path", ["/", "/accounts/acme/team", "/accounts/acme/licenses/license_1", "/you", "/you/sessions"]
)
async def test_the_page_is_the_same_for_everybody(world: World, path: str) -> None:
    answer = await world.http.get(path)
    first = await world.http.get("/")
    assert answer.status_code == 200
    assert answer.text == first.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert not re.search(r"<script(?![^>]* src=)", answer.text)


async def test_all_files_of_the_page_are_served(world: World) -> None:
    html = (await world.http.get("/")).text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(files) >= 3
    for file in files:
        answer = await world.http.get(file, headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200, file
        if "/console/" in file:
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-encoding"] == "gzip"


async def test_persisted_documents_of_the_console_are_known(world: World) -> None:
    async with limited(world, documents="persisted") as (there, _):
        documents = there.http
        refused = await documents.post("/graphql", json={"query": "{ __typename }"})
        assert refused.json()["errors"][0]["extensions"]["code"] == "PERSISTED_DOCUMENT_REQUIRED"


async def test_without_the_console_the_front_page_leads_to_graphiql(world: World) -> None:
    url = str(world.settings.public_url)
    off = Settings(_env_file=None, console="off", public_url=url)
    assert off.app_url == f"{off.public_url}/graphql"
    async with limited(world, console="off", app_url=off.app_url) as (there, _):
        assert "Your whole team, one account" in (await there.http.get("/")).text
        assert (await there.http.get("/accounts/acme/team")).status_code == 404
