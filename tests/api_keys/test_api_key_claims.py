"""An API key for another member: only that member gets its secret, once, by the emailed link."""

import re
from typing import Any

import pytest

from permissions.tokens import is_api_key, shown_prefix
from tests.processes.test_concurrency import at_once, in_either_order
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    REMOVE,
    REVOKE_API_KEY,
    ROTATE_API_KEY,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.keys import generate, newest_event, works
from tests.support.links import Opened, claiming, heading, nothing_is_written
from tests.support.world import CLAIM_API_KEY, GENERATE_API_KEY, Person, World

WHO = "{ viewer { user { email } } }"
BEYOND = """mutation ($input: ClaimApiKeyInput!) { claimApiKey(input: $input) {
  apiKey { name effectivePermissions member { name role email account { name } }
    createdBy { name } } userErrors { code } } }"""


async def for_member(world: World, **input: Any) -> tuple[str, str]:
    """The id, and the link's token."""
    payload = await generate(world, memberId=world.member.member_id, **input)
    assert not payload["userErrors"]
    return payload["apiKey"]["id"], await world.token_for(world.member.email)


def secret_on(page: str) -> str:
    found = re.search(r'id="secret"[^>]*>([^<]*)<', page)
    assert found, page
    return found[1]


@pytest.mark.usefixtures("each_executor")
async def test_the_member_claims_by_the_link_and_has_the_secret(world: World) -> None:
    id, token = await for_member(world)

    payload = await world.member.change(CLAIM_API_KEY, token=token)

    secret = payload["secret"]
    assert is_api_key(secret)
    assert payload["apiKey"] == {"id": id, "name": "Shop", "prefix": shown_prefix(secret), "status": "ACTIVE"}
    told = await Person(world.http, token=secret).ask(WHO)
    assert told["viewer"]["user"] == {"email": world.member.email}
    event = await newest_event(world)
    assert (event["action"], event["summary"]) == ("API_KEY_CLAIMED", "Member claimed the API key Shop")
    assert event["actor"]["member"] == {"id": world.member.member_id}
    assert event["actor"]["credential"]["kind"] == "SESSION"
    assert event["details"] == {"status": ["UNCLAIMED", "ACTIVE"], "prefix": shown_prefix(secret)}
    assert secret not in str(await world.rows())
    assert token not in str(await world.events())


async def test_who_is_not_signed_in_claims_by_the_link_alone(world: World) -> None:
    id, token = await for_member(world)

    payload = await world.nobody.change(CLAIM_API_KEY, token=token)

    assert await works(world, payload["secret"])
    event = await newest_event(world)
    assert event["actor"]["member"] == {"id": world.member.member_id}
    assert event["actor"]["credential"] == {"kind": "API_KEY", "id": id, "label": "Link to claim Shop"}


@pytest.mark.parametrize("again", ["member", "nobody"])
async def test_a_second_claim_is_no_error_and_shows_no_secret(world: World, again: str) -> None:
    _, token = await for_member(world)
    first = await world.member.change(CLAIM_API_KEY, token=token)

    async with nothing_changes(world):
        second = await getattr(world, again).change(CLAIM_API_KEY, token=token)

    assert second == {**first, "secret": None}
    assert await works(world, first["secret"])


async def test_nobody_claims_for_another(world: World) -> None:
    _, token = await for_member(world)

    for person in (world.admin, world.viewer):
        async with nothing_changes(world):
            payload = await person.change(CLAIM_API_KEY, token=token)
        assert user_error(payload) == ("WRONG_EMAIL", ["token"])
        (error,) = payload["userErrors"]
        assert (error["invitedMaskedEmail"], error["signedInEmail"]) == ("m•••@e•••.com", person.email)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("UPDATE api_keys SET claim_expires_at = now()", "TOKEN_INVALID", "not claimed in time: ask Admin"),
        ("UPDATE api_keys SET expires_at = now()", "NOT_ACTIVE", "has expired: ask Admin"),
        ("UPDATE api_keys SET revoked_at = now()", "NOT_ACTIVE", "was revoked"),
        (
            "UPDATE members SET role = 'VIEWER' WHERE name = 'Member'",
            "ROLE_WITHOUT_API_ACCESS",
            "a Viewer now",
        ),
    ],
)
async def test_what_cannot_be_claimed_any_more(world: World, change: str, code: str, says: str) -> None:
    _, token = await for_member(world)
    await world.superuser.execute(change)

    async with nothing_changes(world):
        payload = await world.nobody.change(CLAIM_API_KEY, token=token)
    assert user_error(payload) == (code, ["token"])
    assert says in payload["userErrors"][0]["message"]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\u0000", "ta_" + "A" * 49, "\U0001f600" * 50])
async def test_what_is_no_link(world: World, token: str) -> None:
    await for_member(world)

    async with nothing_changes(world):
        answer = await world.nobody.post(CLAIM_API_KEY, input={"token": token})
    errors = answer.get("errors") or answer["data"]["claimApiKey"]["userErrors"]
    assert len(errors) == 1


async def test_a_removed_member_claims_nothing(world: World) -> None:
    _, token = await for_member(world)
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    async with nothing_changes(world):
        for person in (world.member, world.nobody):
            payload = await person.change(CLAIM_API_KEY, token=token)
            assert user_error(payload) == ("NOT_ACTIVE", ["token"])


async def test_who_was_promoted_again_claims_after_all(world: World) -> None:
    _, token = await for_member(world)
    for role, expected in (("VIEWER", ["ROLE_WITHOUT_API_ACCESS"]), ("MEMBER", [])):
        await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role=role)
        assert codes(await world.member.change(CLAIM_API_KEY, token=token)) == expected


@pytest.mark.usefixtures("each_executor")
async def test_the_payload_opens_nothing_to_who_is_not_signed_in(world: World) -> None:
    _, token = await for_member(world)

    answer = await world.nobody.post(BEYOND, input={"token": token})

    key = answer["data"]["claimApiKey"]["apiKey"]
    assert (key["name"], key["createdBy"], key["member"]["name"]) == ("Shop", {"name": "Admin"}, "Member")
    assert {tuple(error["path"][-2:]) for error in answer["errors"]} == {("member", "email")}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAUTHENTICATED"}


async def test_ten_claims_of_one_moment_show_one_secret(world: World) -> None:
    _, token = await for_member(world)

    answers = await at_once(*(world.nobody.change(CLAIM_API_KEY, token=token) for _ in range(10)))

    (secret,) = [answer["secret"] for answer in answers if answer["secret"]]
    assert [codes(answer) for answer in answers] == [[]] * 10
    assert {answer["apiKey"]["prefix"] for answer in answers} == {shown_prefix(secret)}
    assert await works(world, secret)
    await chain.assert_whole(world.superuser)


async def test_a_claim_and_a_revocation_of_one_moment(world: World) -> None:
    for number in range(4):
        id, token = await for_member(world)

        claim, revoke = await in_either_order(
            number,
            world.nobody.post(CLAIM_API_KEY, input={"token": token}),
            world.admin.post(REVOKE_API_KEY, input={"apiKeyId": id}),
        )

        assert claim in ("OK", "NOT_ACTIVE")
        assert revoke == "OK"
        rows = await world.superuser.fetch("SELECT * FROM api_keys WHERE revoked_at IS NULL")
        assert rows == []


async def test_an_admin_cannot_take_a_claimed_key_over(world: World) -> None:
    id, token = await for_member(world)
    secret = (await world.member.change(CLAIM_API_KEY, token=token))["secret"]

    async with nothing_changes(world, denied=1):
        await world.admin.post(ROTATE_API_KEY, input={"apiKeyId": id})
        await world.admin.change(CLAIM_API_KEY, token=token)
    assert await works(world, secret)


# The page


async def test_the_page_says_what_whose_and_until_when(world: World) -> None:
    link = await claiming("UNCLAIMED")(world)

    page = (await link.by(world.http, "GET")).text

    for said in (
        "Admin",
        "Shop",
        "Acme",
        "m•••@e•••.com",
        "<dt>It can</dt>",
        "<li>read what you can see, and download reports and invoices</li>",
        "UTC",
        ">Claim<",
    ):
        assert said in page
    assert world.member.email not in page


async def test_the_page_and_the_email_say_where_from_and_what_later(world: World) -> None:
    networks = [f"10.0.{number}.0/24" for number in range(12)]
    input = {"accountId": world.account_id, "memberId": world.member.member_id, "name": "Shop"}
    payload = await world.admin.change(GENERATE_API_KEY, **input, allowedNetworks=networks)
    assert not payload["userErrors"]

    page = (await world.http.get(f"/claim/{await world.token_for(world.member.email)}")).text
    email = (await world.emails(world.member.email))[-1]

    first = ", ".join(networks[:10])
    assert f"<dt>Accepted only from</dt><dd>{first} and 2 more</dd>" in page
    assert f"It is accepted only from {first} and 2 more." in email.text
    later = "purchase licenses and change the billing details"
    assert f"<li>{later}</li>" in page.partition("If your role comes to allow it, also")[2]
    assert f"- {later}\n" in email.text.partition("If your role comes to allow it, it can also:")[2]


async def test_the_button_shows_the_secret_once(world: World) -> None:
    link = await claiming("UNCLAIMED")(world)

    shown = await link.by(world.http, "POST")
    async with nothing_is_written(world.superuser):
        again = await link.by(world.http, "POST")
        elsewhere = await Opened(link.path, world.member.token).by(world.http, "POST")

    secret = secret_on(shown.text)
    assert shown.status_code == 200
    assert "cannot be shown again" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert "set-cookie" not in shown.headers
    for answer in (again, elsewhere):
        assert (answer.status_code, heading(answer)) == (200, "This API key was already claimed")
        assert secret not in answer.text
        assert "rotateApiKey" in answer.text
    assert await works(world, secret)


async def test_only_the_pages_with_a_script_may_have_one(world: World) -> None:
    link = await claiming("UNCLAIMED")(world)

    policies = [
        answer.headers["content-security-policy"]
        for answer in (await link.by(world.http, "GET"), await link.by(world.http, "POST"))
    ]
    claimed_already = (await link.by(world.http, "GET")).headers["content-security-policy"]

    assert ["script-src 'self'" in policy for policy in policies] == [True, True]
    assert "unsafe" not in "".join(policies)
    assert "script-src" not in claimed_already


async def test_two_clicks_of_one_moment_show_one_secret(world: World) -> None:
    link = await claiming("UNCLAIMED")(world)

    answers = await at_once(*(link.by(world.http, "POST") for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    (secret,) = [secret_on(answer.text) for answer in answers if 'id="secret"' in answer.text]
    assert await works(world, secret)


async def test_the_wrong_person_is_told_and_may_switch(world: World) -> None:
    link = await claiming("UNCLAIMED", "wrong")(world)

    shown = await link.by(world.http, "GET")
    switched = await link.at("/switch").by(world.http, "POST")

    assert "m•••@e•••.com" in shown.text
    assert world.viewer.email in shown.text
    assert world.member.email not in shown.text
    assert (switched.status_code, switched.headers["location"]) == (303, link.path)
    assert (await world.viewer.errors(WHO))[0]["code"] == "UNAUTHENTICATED"
    assert "Admin generated an API key for you" in heading(await Opened(link.path).by(world.http, "GET"))
