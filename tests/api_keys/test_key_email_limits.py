"""Emails about one's own API keys are few, however often one generates or rotates them."""

from tests.support.changes import ROTATE_API_KEY
from tests.support.keys import generated
from tests.support.limited import limited
from tests.support.world import World


async def test_rotating_a_key_in_a_loop_sends_few_emails(world: World) -> None:
    async with limited(world, api_key_emails_per_hour=3) as (there, _):
        id, _secret = await generated(there)

        for _ in range(5):
            payload = await there.admin.change(ROTATE_API_KEY, apiKeyId=id)
            assert payload["userErrors"] == []

    subjects = [email.subject for email in await world.emails(world.admin.email)]
    assert [subject for subject in subjects if "API key" in subject] == [
        "New API key Shop",
        "New secret of the API key Shop",
        "New secret of the API key Shop",
    ]
