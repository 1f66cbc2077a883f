"""Concurrent invitations and sign-in links: each takes effect once, and every request is answered."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.invitations.test_invitations import BOB, invited
from tests.processes.test_concurrency import at_once, in_either_order, outcome, outcomes
from tests.support import chain
from tests.support.changes import (
    DECLINE,
    INVITE_MANY,
    INVITE_ONE,
    RESEND,
    REVOKE_INVITATION,
    codes,
    nothing_changes,
)
from tests.support.world import ACCEPT, REQUEST_SIGN_IN, SIGN_IN, Person, World


@pytest.fixture(autouse=True)
async def _log_is_whole(world: World) -> AsyncIterator[None]:
    yield
    await chain.assert_whole(world.superuser)


async def warm_up(world: World, connections: int) -> None:
    """So that requests that are sent at once arrive at once."""
    await at_once(*(world.http.get("/health") for _ in range(connections)))


async def count(world: World, what: str) -> int:
    number: int = await world.superuser.fetchval(f"SELECT count(*) FROM {what}")
    return number


@pytest.mark.parametrize("_repetition", range(5))
async def test_twenty_clicks_at_once_make_one_member(world: World, _repetition: int) -> None:
    _, token = await invited(world)
    await warm_up(world, 20)

    answers = await at_once(*(world.nobody.change(ACCEPT, token=token) for _ in range(20)))

    assert [codes(answer) for answer in answers] == [[]] * 20
    assert len({answer["member"]["id"] for answer in answers}) == 1
    (session_token,) = [answer["sessionToken"] for answer in answers if answer["sessionToken"]]
    assert await count(world, f"members WHERE email = '{BOB}'") == 1
    assert len(await world.events(actions=["MEMBER_JOINED"], targetId=answers[0]["member"]["id"])) == 1

    # Later it is the person's own link, and nobody else's.
    bob = Person(world.http, BOB, session_token)
    async with nothing_changes(world):
        later = await outcomes(*(bob.post(ACCEPT, input={"token": token}) for _ in range(20)))
        strangers = await outcomes(*(world.nobody.post(ACCEPT, input={"token": token}) for _ in range(5)))
    assert later == ["OK"] * 20
    assert strangers == ["INVITATION_ALREADY_USED"] * 5


async def test_the_time_of_the_acceptance_is_that_of_the_first_click(world: World) -> None:
    _, token = await invited(world)
    await warm_up(world, 10)

    answers = await at_once(*(world.nobody.change(ACCEPT, token=token) for _ in range(10)))

    assert [codes(answer) for answer in answers] == [[]] * 10
    accepted_at = await world.superuser.fetchval("SELECT accepted_at FROM invitations WHERE email = $1", BOB)
    joined_at = await world.superuser.fetchval(
        "SELECT occurred_at FROM audit_events WHERE action = 'MEMBER_JOINED' AND target_name = 'Bob'"
    )
    assert accepted_at <= joined_at


@pytest.mark.parametrize("_repetition", range(3))
async def test_a_sign_in_link_clicked_ten_times_at_once_makes_one_person(
    world: World, _repetition: int
) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email="new@example.com")
    token = await world.token_for("new@example.com")
    await warm_up(world, 10)

    answers = await at_once(*(world.nobody.change(SIGN_IN, token=token) for _ in range(10)))

    assert sorted(map(codes, answers)) == [[]] + [["TOKEN_INVALID"]] * 9
    assert await count(world, "users WHERE email = 'new@example.com'") == 1
    assert codes(await world.nobody.change(SIGN_IN, token=token)) == ["TOKEN_INVALID"]


async def test_one_address_is_invited_ten_times_at_once(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    input = {"accountId": world.account_id, "email": BOB, "role": "VIEWER"}

    answers = await outcomes(
        *((world.admin, other)[number % 2].post(INVITE_ONE, input=input) for number in range(10))
    )

    assert Counter(answers) == {"OK": 1, "ALREADY_INVITED": 9}
    assert await count(world, f"invitations WHERE email = '{BOB}'") == 1
    assert len(await world.emails(BOB)) == 1


async def test_two_lists_with_the_same_people_at_once(world: World) -> None:
    emails = [f"p{number}@example.com" for number in range(200)]
    input: dict[str, Any] = {"accountId": world.account_id}
    lists = [[{"email": email, "role": "VIEWER"} for email in order] for order in (emails, emails[::-1])]

    payloads = await at_once(*(world.admin.change(INVITE_MANY, **input, invitations=rows) for rows in lists))

    done = [bool(row["invitation"]) for payload in payloads for row in payload["results"]]
    assert Counter(done) == {True: 200, False: 200}
    assert await count(world, "invitations WHERE status = 'PENDING'") == 200


@pytest.mark.parametrize(
    ("change", "losses"),
    [
        (REVOKE_INVITATION, {("OK", "INVITATION_ALREADY_USED"), ("INVITATION_REVOKED", "OK")}),
        # The old link's token is none any more, or the invitation is no longer there to be sent.
        (RESEND, {("OK", "INVITATION_ALREADY_USED"), ("TOKEN_INVALID", "OK")}),
    ],
)
async def test_an_invitation_is_accepted_while_an_admin_changes_it(
    world: World, change: str, losses: set[tuple[str, str]]
) -> None:
    for number in range(12):
        email = f"p{number}@example.com"
        id, token = await invited(world, email)

        accepted, changed = await in_either_order(
            number,
            world.nobody.post(ACCEPT, input={"token": token}),
            world.admin.post(change, input={"invitationId": id}),
        )

        assert (accepted, changed) in losses
        assert await count(world, f"members WHERE email = '{email}'") == (accepted == "OK")


async def test_an_invitation_is_accepted_and_declined_at_once(world: World) -> None:
    for number in range(12):
        _, token = await invited(world, f"p{number}@example.com")
        input = {"token": token}

        accepted, declined = await in_either_order(
            number, world.nobody.post(ACCEPT, input=input), world.nobody.post(DECLINE, input=input)
        )

        assert (accepted, declined) in {("OK", "INVITATION_ALREADY_USED"), ("NOT_ACTIVE", "OK")}


async def test_one_new_person_joins_two_accounts_at_once(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    other_id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    for number in range(10):
        email = f"p{number}@example.com"
        tokens = []
        for admin, account_id in ((world.admin, world.account_id), (stranger, other_id)):
            await admin.change(INVITE_ONE, accountId=account_id, email=email, role="MEMBER")
            tokens.append(await world.token_for(email))

        payloads = await at_once(*(world.nobody.change(ACCEPT, token=token) for token in tokens))

        assert [codes(payload) for payload in payloads] == [[], []]
        assert await count(world, f"users WHERE email = '{email}'") == 1
        assert await count(world, f"members WHERE email = '{email}'") == 2


async def test_no_more_sign_in_emails_than_an_address_gets(world: World) -> None:
    answers = await at_once(*(world.nobody.post(REQUEST_SIGN_IN, input={"email": BOB}) for _ in range(15)))

    assert Counter(map(outcome, answers)) == {"OK": 10, "TOO_MANY_REQUESTS": 5}
    assert len(await world.emails(BOB)) == 10
