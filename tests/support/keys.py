"""API keys as people get them: generated, claimed and used."""

from typing import Any

from tests.support.world import CLAIM_API_KEY, GENERATE_API_KEY, Person, World

WHO = "{ viewer { user { email } } }"


async def generate(world: World, by: Person | None = None, **input: Any) -> dict[str, Any]:
    asked = {"accountId": world.account_id, "name": "Shop", **input}
    payload: dict[str, Any] = await (by or world.admin).change(GENERATE_API_KEY, **asked)
    return payload


async def generated(world: World, **input: Any) -> tuple[str, str]:
    """Id and secret of a key that the Admin generated for itself."""
    payload = await generate(world, **input)
    assert not payload["userErrors"]
    return payload["apiKey"]["id"], payload["secret"]


async def claimed(world: World, member: Person) -> Person:
    """Client with a key that the Admin generated and the member has claimed."""
    payload = await generate(world, memberId=member.member_id)
    token = await world.token_for(member.email)
    secret = (await member.change(CLAIM_API_KEY, token=token))["secret"]
    return Person(world.http, member.email, secret, payload["apiKey"]["id"])


async def works(world: World, secret: str | None) -> bool:
    return "errors" not in await Person(world.http, token=secret).post(WHO)


async def newest_event(world: World) -> dict[str, Any]:
    """Newest event other than API_CALLED."""
    return next(event for event in await world.events() if event["action"] != "API_CALLED")


async def newest_email(world: World, to: str) -> tuple[str, str]:
    email = (await world.emails(to))[-1]
    return email.subject, email.text
