"""People who join an account under a name, and are erased."""

from typing import Any

from tests.support.changes import ERASE_VIEWER, INVITE_ONE, LEAVE
from tests.support.world import ACCEPT, Person, World

_LOG = """query ($filter: AuditLogFilter) { account { auditLog(first: 100, filter: $filter) { nodes {
  action summary targetName details erasedFields ip actor { name credential { label } } } } } }"""


async def joined(world: World, name: str, email: str, role: str = "MEMBER") -> Person:
    await world.admin.change(INVITE_ONE, accountId=world.account_id, email=email, role=role)
    payload = await world.nobody.change(ACCEPT, token=await world.token_for(email), name=name)
    return Person(world.http, email, payload["sessionToken"], payload["member"]["id"])


async def left(world: World, person: Person) -> None:
    assert (await person.change(LEAVE, accountId=world.account_id))["userErrors"] == []


async def erased(world: World, person: Person) -> None:
    await left(world, person)
    assert await person.change(ERASE_VIEWER, email=person.email) == {"userErrors": []}


async def log(world: World, **filter: object) -> list[dict[str, Any]]:
    """Events as the Admin reads them, newest first."""
    answer = await world.admin.ask(_LOG, filter=filter)
    nodes: list[dict[str, Any]] = answer["account"]["auditLog"]["nodes"]
    return nodes
