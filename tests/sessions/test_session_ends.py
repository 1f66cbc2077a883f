"""Sessions end at a fixed time after the sign-in, and when another session of the person revokes them."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.processes.test_concurrency import in_either_order
from tests.sessions.test_sessions import VIEWER, is_ended, served
from tests.support.changes import REVOKE_OTHER_SESSIONS, nothing_changes
from tests.support.graphql_ws import connected
from tests.support.keys import generate
from tests.support.links import Opened, emailed_link
from tests.support.serving import free_port, serving
from tests.support.world import CLAIM_API_KEY, Person, World

SESSION = """{ viewer { credential { ... on Session { id createdAt lastUsedAt expiresAt endsAt } } } }"""
MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
UPDATE_ACCOUNT = """mutation ($input: UpdateAccountInput!) {
  updateAccount(input: $input) { account { name } userErrors { code } } }"""
SESSION_ENDED = (4403, "This session has ended or expired: sign in again.")
LIVE = """SELECT count(*) FROM sessions s JOIN users u ON u.id = user_id
  WHERE email = $1 AND ended_at IS NULL"""
ROUNDS = 25


async def times(person: Person) -> dict[str, datetime]:
    session: dict[str, str] = (await person.ask(SESSION))["viewer"]["credential"]
    return {name: datetime.fromisoformat(text) for name, text in session.items() if name != "id"}


def about(actual: timedelta, **due: int) -> bool:
    return abs(actual - timedelta(**due)) < timedelta(seconds=5)


async def revoke_others(person: Person) -> int:
    payload = (await person.ask(REVOKE_OTHER_SESSIONS))["revokeOtherSessions"]
    assert payload["userErrors"] == []
    revoked: int = payload["revoked"]
    return revoked


async def signed_in(world: World, email: str) -> Person:
    """Signs in as often as a test needs, without the limit of emails to an address."""
    await world.superuser.execute("DELETE FROM sign_in_links; DELETE FROM limit_buckets")
    return await world.sign_in(email)


# The absolute lifetime


async def test_a_session_ends_90_days_after_the_sign_in(world: World) -> None:
    session = await times(world.member)

    assert about(session["endsAt"] - session["createdAt"], days=90)
    assert about(session["expiresAt"] - session["createdAt"], days=30)


async def test_use_does_not_prolong_a_session_beyond_its_end(world: World) -> None:
    await world.superuser.execute(
        "UPDATE sessions SET created_at = now() - interval '80 days',"
        " last_used_at = now() - interval '1 day', expires_at = now() + interval '1 day',"
        " ends_at = now() + interval '10 days'"
    )

    await world.member.ask(VIEWER)

    session = await times(world.member)
    assert session["lastUsedAt"] > datetime.now(UTC) - timedelta(seconds=5)
    assert session["expiresAt"] == session["endsAt"]
    assert about(session["endsAt"] - datetime.now(UTC), days=10)
    await world.superuser.execute("UPDATE sessions SET expires_at = now(), ends_at = now()")
    assert await is_ended(world.member)


async def test_the_lifetime_is_a_setting_and_the_cookie_has_it(world: World) -> None:
    async with served(world, session_max_lifetime_seconds=3_600) as short:
        person = await short.sign_in(world.member.email)

        session = await times(person)
        assert session["expiresAt"] == session["endsAt"]
        assert about(session["endsAt"] - session["createdAt"], hours=1)

        link = await Opened(f"/sign-in/{await emailed_link(short, world.member.email)}").opened(short.http)
        answer = await link.by(short.http, "POST")
        cookies = {header.partition("=")[0]: header for header in answer.headers.get_list("set-cookie")}
        assert "Max-Age=3600" in cookies[short.settings.session_cookie]


# The other sessions


async def test_all_other_sessions_of_the_person_are_revoked(world: World) -> None:
    elsewhere = [await world.sign_in(world.member.email) for _ in range(3)]
    stranger = world.viewer

    assert await revoke_others(elsewhere[1]) == 3

    assert not await is_ended(elsewhere[1])
    assert all([await is_ended(each) for each in (world.member, elsewhere[0], elsewhere[2])])
    assert not await is_ended(stranger)
    async with nothing_changes(world):
        assert await revoke_others(elsewhere[1]) == 0


async def test_a_key_revokes_no_session_and_survives(world: World) -> None:
    await generate(world, memberId=world.member.member_id)
    claim = await world.member.change(CLAIM_API_KEY, token=await world.token_for(world.member.email))
    script = Person(world.http, token=claim["secret"])
    elsewhere = await world.sign_in(world.member.email)

    assert [error["code"] for error in await script.errors(REVOKE_OTHER_SESSIONS)] == ["FORBIDDEN"]
    assert [error["code"] for error in await world.nobody.errors(REVOKE_OTHER_SESSIONS)] == [
        "UNAUTHENTICATED"
    ]
    assert not await is_ended(elsewhere)
    assert await revoke_others(elsewhere) == 1
    assert (await script.ask(VIEWER))["viewer"]["user"]["email"] == world.member.email


async def test_the_sockets_of_revoked_sessions_close(world: World) -> None:
    elsewhere = await world.sign_in(world.admin.email)
    settings = world.settings.model_copy(update={"port": free_port()})
    url = f"http://127.0.0.1:{settings.port}"
    async with (
        serving(settings),
        connected(url, world.admin.token) as idle,
        connected(url, world.admin.token) as socket,
        connected(url, elsewhere.token) as own,
    ):
        for each in (socket, own):
            await (await each.subscribe(MEMBER, id=world.account_id)).next()

        assert await revoke_others(elsewhere) == 1

        assert await idle.closed() == await socket.closed() == SESSION_ENDED
        assert await own.is_open()


async def test_of_two_sessions_that_revoke_each_other_one_remains(world: World) -> None:
    for number in range(ROUNDS):
        pair = [await signed_in(world, world.member.email) for _ in range(2)]

        answers = await in_either_order(number, *(each.post(REVOKE_OTHER_SESSIONS) for each in pair))

        assert sorted(answers) == ["OK", "UNAUTHENTICATED"]
        remaining = pair[answers.index("OK")]
        assert not await is_ended(remaining)
        assert await world.superuser.fetchval(LIVE, world.member.email) == 1


async def test_a_request_of_a_session_crosses_its_revocation(world: World) -> None:
    """Its change is made, and is in the log before the revocation was answered, or is refused."""
    admin, seen = await world.sign_in(world.admin.email), Counter[str]()
    world.people["ADMIN"] = admin
    for number in range(ROUNDS):
        other = await signed_in(world, admin.email)
        name = f"Name {number}"
        renaming = other.post(UPDATE_ACCOUNT, input={"accountId": world.account_id, "name": name})

        renamed, revoked = await in_either_order(number, renaming, admin.post(REVOKE_OTHER_SESSIONS))

        assert revoked == "OK"
        stored = await world.superuser.fetchval("SELECT name FROM accounts")
        assert (stored == name) == (renamed == "OK")
        assert await is_ended(other)
        seen[renamed] += 1
    assert set(seen) <= {"OK", "UNAUTHENTICATED"}
