"""Documents with the data of a person, in tests."""

from typing import Any

import httpx
import orjson

from tests.reports.test_reports import more_events
from tests.support.changes import REQUEST_PERSONAL_DATA
from tests.support.stored_keys import uuid_of
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


async def own_events(world: World, count: int, person: Person, every: int = 1) -> None:
    """Events past the trigger. One of `every` so many is of the person."""
    await more_events(world, count)
    await world.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE audit_events SET actor_kind = 'MEMBER',"
        f" actor_member_id = '{uuid_of(person.member_id)}'"
        f" WHERE request_id = 'many' AND sequence % {every} = 0; COMMIT"
    )
