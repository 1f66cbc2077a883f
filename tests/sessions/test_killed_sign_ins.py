"""After a server is killed while people sign in, each session is in the log of each account, once."""

import asyncio
import random

import httpx
import pytest

from models.database import Database
from permissions.tokens import hash_token
from resolvers.sessions import sign_ins
from resolvers.sessions.mutations import sign_in_link
from resolvers.unaudited import personal_change
from tests.processes.test_faults import connections, ended
from tests.sessions.test_sign_in_events import second_account, waiting
from tests.support import chain
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.world import SIGN_IN, Person, World

PEOPLE = ("admin@example.com", "member@example.com", "viewer@example.com")
MANY = 240
AT_ONCE = 16
# New sessions, with the numbers of the person's accounts, of its events, and of the logs that these are in.
SESSIONS = """
SELECT session.token_hash, count(DISTINCT member.account_id) AS accounts, count(event.id) AS events,
    count(DISTINCT event.account_id) AS logs
FROM sessions AS session JOIN members AS member USING (user_id)
LEFT JOIN audit_events AS event ON event.account_id = member.account_id
    AND event.credential_id = session.id AND event.action = 'MEMBER_SIGNED_IN'
WHERE session.id <> ALL ($1)
GROUP BY session.id"""
WITHOUT_SESSION = """
SELECT count(*) FROM audit_events AS event
WHERE action = 'MEMBER_SIGNED_IN' AND NOT EXISTS (SELECT FROM sessions WHERE id = event.credential_id)"""
USED = "SELECT count(*) FROM sign_in_links WHERE used_at IS NOT NULL AND email = ANY ($1)"


@pytest.mark.parametrize("round", range(3))
async def test_a_server_is_killed_while_people_sign_in(world: World, database: Database, round: int) -> None:
    """The session is committed with its events, or with the list of the accounts that still need them."""
    await second_account(world)
    tokens = await links(world)
    sessions = [row["id"] for row in await world.superuser.fetch("SELECT id FROM sessions")]
    used = await world.superuser.fetchval(USED, PEOPLE)
    before = await connections(world)

    answered = await signed_in_until_killed(world, tokens)
    await ended(list(await connections(world) - before), world)
    late = await world.superuser.fetchval("SELECT sum(cardinality(account_ids)) FROM unrecorded_sign_ins")

    assert await world.superuser.fetchval(WITHOUT_SESSION) == 0
    await chain.assert_whole(world.superuser)
    assert await recorded(database) == (late or 0)
    assert await waiting(world) == 0
    opened = await world.superuser.fetch(SESSIONS, sessions)
    assert {hash_token(token) for token in answered} <= {row["token_hash"] for row in opened}
    assert len(opened) == await world.superuser.fetchval(USED, PEOPLE) - used
    assert all(row["events"] == row["logs"] == row["accounts"] for row in opened)
    assert {row["accounts"] for row in opened} == {1, 2}
    await chain.assert_whole(world.superuser)


async def links(world: World) -> list[str]:
    tokens = []
    async with personal_change(world.database) as writer:
        for number in range(MANY):
            link, token = sign_in_link(PEOPLE[number % len(PEOPLE)], 3_600)
            await writer.insert(link)
            tokens.append(token)
    return tokens


async def signed_in_until_killed(world: World, tokens: list[str]) -> list[str]:
    """Tokens of the sessions that were answered before the server was killed at a random moment."""
    answered: list[str] = []
    wanted, delay_seconds = random.randint(5, 80), random.uniform(0, 0.03)

    async with (
        served(world) as (process, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=url, timeout=10) as http,
    ):
        someone = Person(http)

        async def sign_in_on() -> None:
            while tokens:
                answer = await someone.post(SIGN_IN, input={"token": tokens.pop()})
                answered.append(answer["data"]["signIn"]["sessionToken"])

        async def kill() -> None:
            async with asyncio.timeout(30):
                while len(answered) < wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            await asyncio.sleep(delay_seconds)
            process.kill()

        killed = asyncio.create_task(kill())
        lost = await asyncio.gather(*(sign_in_on() for _ in range(AT_ONCE)), return_exceptions=True)
        await killed
    assert all(each is None or isinstance(each, httpx.TransportError) for each in lost), lost
    assert all(answered)
    return answered


async def recorded(database: Database) -> int:
    """Runs the job as often as it finds something."""
    total = 0
    while number := await sign_ins.record_waiting(database):
        total += number
    return total
