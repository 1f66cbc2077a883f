"""The examples in the README and in the guides run unchanged, and answer what the pages show."""

import re
import shutil
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import demo
from tests.support.beginnings import Beginnings
from tests.support.demo_people import demo_people
from tests.support.guides import GUIDES, PAGES, ROOT, Reader, blocks
from tests.support.world import World

ACCOUNT = "{ account { id entitlements(first: 1) { nodes { theme { id } } } } }"
needs_terminal = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="bash or curl"
)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


OPERATIONS = [
    pytest.param(block.text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page), 1)
    if block.language == "graphql"
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_valid_by_the_schema(operation: str, schema: GraphQLSchema) -> None:
    assert validate(schema, parse(operation)) == []


@needs_terminal
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
async def test_the_examples_run_unchanged(page: Path, empty_world: World, beginnings: Beginnings) -> None:
    reader = await beginning(empty_world, beginnings)

    await reader.read(page)

    assert any(block.language in ("graphql", "console") for block in blocks(page))


async def beginning(world: World, beginnings: Beginnings) -> Reader:
    """The demo, with its three people signed in."""
    people = {"nobody": world.nobody, **await demo_people(world, beginnings)}
    (another, *_) = await demo.sign_in_links(world.database, world.settings)
    account = (await people["ada"].ask(ACCOUNT))["account"]
    theme_id = account["entitlements"]["nodes"][0]["theme"]["id"]
    values = {"accountId": account["id"], "themeId": theme_id, "LINK": another[2].rpartition("/")[2]}

    async def newest_emailed_token() -> str:
        found = re.search(r"/(?:join|sign-in|claim)/([\w-]+)", (await world.emails())[-1].text)
        assert found
        return found[1]

    return Reader(people, values, newest_emailed_token, world.settings.public_url)
