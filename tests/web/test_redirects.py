"""Redirects contain no token and lead to configured addresses only."""

import pytest

from tests.support.links import Opened, claiming, emailed_link, invitation, nothing_is_written, session_of
from tests.support.world import World

PATHS = [
    "/sign-in/{token}/",
    "/sign-in/{token}//",
    "/join/{token}/",
    "/join/{token}/decline/",
    "/join/{token}/switch/",
    "/join/{token}/sign-in/",
    "/claim/{token}/",
    "/claim/{token}/switch/",
    "/download/{token}/",
    "/sign-in/",
    "/sign-out/",
    "/health/",
    "/graphql/",
    "/leaked-keys/",
    "/mailbox/",
    "/mailbox/{token}/",
    "/mailbox/{token}/html/",
    "/static",
    "/static/graphiql",
    "/static/graphiql/",
]
PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex", "x-content-type-options": "nosniff"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_slash_more_or_less_is_not_found_rather_than_redirected(world: World, path: str) -> None:
    token = await emailed_link(world, "member@example.com")

    async with nothing_is_written(world.superuser):
        answers = [
            await Opened(path.format(token=token)).by(world.http, method)
            for method in ("GET", "HEAD", "POST")
        ]

    for answer in answers:
        assert answer.status_code in (404, 405), answer.request
        assert "location" not in answer.headers
        assert token not in answer.text
        assert dict(answer.headers).items() >= PRIVATE.items()


async def test_every_redirect_is_private_and_leads_here_or_to_the_app(world: World) -> None:
    token = await emailed_link(world, "member@example.com")
    used = Opened(f"/sign-in/{token}", world.member.token)
    wrong = await invitation("PENDING", "wrong")(world)
    claim = await claiming("UNCLAIMED", "wrong")(world)
    posts = [used, wrong.at("/switch"), Opened(wrong.path), claim.at("/switch")]

    answers = [await link.by(world.http, "POST") for link in posts]
    signed_in = Opened(used.path, session_of(answers[0], world).token)
    answers.append(await signed_in.by(world.http, "GET"))

    for answer in answers:
        assert answer.status_code == 303
        assert dict(answer.headers).items() >= PRIVATE.items()
        location = answer.headers["location"]
        assert location == world.settings.app_url or location in (wrong.path, claim.path)
