"""Documents with the data of a person, in tests."""

from typing import Any

import httpx
import orjson

from tests.support.changes import REQUEST_PERSONAL_DATA
from tests.support.world import Person, World


async def personal_data_link(person: Person) -> str:
    """Path of the link."""
    payload = (await person.ask(REQUEST_PERSONAL_DATA))["requestPersonalData"]
    assert not payload["userErrors"], payload
    return httpx.URL(payload["download"]["url"]).path


async def personal_data(world: World, person: Person) -> dict[str, Any]:
    """The document, parsed."""
    response = await world.http.get(await personal_data_link(person))
    assert response.status_code == 200, response.text
    document: dict[str, Any] = orjson.loads(response.content)
    return document
