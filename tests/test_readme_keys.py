"""The README's section on API keys: its commands run as they stand, and answer in the shape that it shows."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import demo
from tests.links import session_of
from tests.world import World

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
MEMBERS = "{ account { id members(first: 10) { nodes { id email } } } }"
BOB = "bob@example.com"

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="bash or curl")


@pytest_asyncio.fixture
async def demonstrated(empty_world: World) -> World:
    await demo.seed(empty_world.settings, empty_world.database)
    for _, role, link in await demo.sign_in_links(empty_world.database, empty_world.settings):
        empty_world.people[role.upper()] = session_of(await empty_world.http.post(link), empty_world)
    return empty_world


def function() -> str:
    """`api`, as the first session defines it."""
    found = re.search(r"^    \$ (api\(\) .*?; \})$", README, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def commands() -> list[tuple[str, Any]]:
    """Each with the answer that is shown."""
    (section,) = re.findall(r"^## API keys\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    return [
        (command, json.loads(answer))
        for command, answer in re.findall(r"    \$ (.*)\n    (\{.*\})\n", section)
    ]


async def run(world: World, command: str, **variables: str) -> Any:
    script = f"{function()}\n{command}".replace("http://127.0.0.1:8000", world.settings.public_url)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    return json.loads(output)


def shape(answer: Any) -> Any:
    """Without what differs each time."""
    text = re.sub(r"ta_[\w-]{49}", "<secret>", json.dumps(answer))
    return json.loads(re.sub(r"api_key_[0-9a-f]{32}", "<id>", text))


async def test_the_commands_run_as_they_stand(demonstrated: World) -> None:
    account = (await demonstrated.admin.ask(MEMBERS))["account"]
    (bob,) = (member["id"] for member in account["members"]["nodes"] if member["email"] == BOB)
    people = {"TOKEN": str(demonstrated.admin.token), "BOBS_SESSION": str(demonstrated.member.token)}
    variables = {**people, "ID": account["id"], "BOB": bob}

    answers = []
    for command, shown in commands():
        answer = await run(demonstrated, command, **variables)
        assert shape(answer["data"]) == shape(shown["data"])
        answers.append(answer["data"])
        if "generateApiKey" in answer["data"]:
            variables["KEY_ID"] = answer["data"]["generateApiKey"]["apiKey"]["id"]
            variables["LINK"] = await demonstrated.token_for(BOB)
        if "claimApiKey" in answer["data"]:
            variables["KEY"] = answer["data"]["claimApiKey"]["secret"]

    assert [next(iter(data)) for data in answers] == [
        *("generateApiKey", "claimApiKey", "account", "rotateApiKey", "revokeApiKey")
    ]
