"""The main use case: invite, join with one click, act within a role, read the audit log."""

from tests.support.world import ACCEPT, INVITE, PROVISION, World


async def test_invited_person_joins_acts_and_is_found_in_the_log(
    world: World, themes: dict[str, str]
) -> None:
    invited = await world.admin.change(
        INVITE, accountId=world.account_id, email="Grace@Example.com", role="MEMBER", message="Welcome!"
    )
    assert invited["invitation"]["email"] == "grace@example.com"

    joined = await world.nobody.change(ACCEPT, token=await world.token_for("grace@example.com"))
    grace = type(world.admin)(world.http, token=joined["sessionToken"])
    license = await grace.change(
        PROVISION, accountId=world.account_id, themeId=themes["aurora"], site="www.example.com"
    )

    assert license["license"]["status"] == "ACTIVE"
    newest = await world.events()
    assert [event["summary"] for event in newest[:4]] == [
        "Grace provisioned Aurora for www.example.com",
        "Grace signed in",
        "Grace joined as Member",
        "Admin invited grace@example.com as Member",
    ]
    assert [event["sequence"] for event in newest] == list(range(len(newest), 0, -1))
    assert newest[0]["actor"]["credential"]["kind"] == "SESSION"
    assert newest[1]["actor"]["credential"]["kind"] == "SESSION"
    assert newest[2]["actor"]["credential"]["kind"] == "INVITATION"
