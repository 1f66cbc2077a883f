"""Rate limits of credentials and addresses, and their responses."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets import ConnectionClosed

from permissions.tokens import new_api_key, new_token
from tests.support.changes import UPDATE_ACCOUNT, UPDATE_API_KEY
from tests.support.clocks import StoppedClock
from tests.support.commands import running
from tests.support.graphql_ws import connected
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.limited import VIEWER, asked, limited, statuses
from tests.support.live import statements
from tests.support.stored_keys import with_key
from tests.support.world import INVITE, Person, World

WRONG = "not { a query"
pytestmark = pytest.mark.usefixtures("stopped_clock")
LOG = "subscription ($id: ID!) { auditLogAppended(accountId: $id) { sequence } }"
FROM_THE_FIRST = """subscription ($id: ID!) {
  auditLogAppended(accountId: $id, afterSequence: 0) { sequence } }"""


def wrong_key() -> str:
    return new_api_key()[0]


# Each credential has a bucket


async def test_a_credential_has_so_many_requests_and_is_told_when_there_are_more(
    world: World, stopped_clock: StoppedClock
) -> None:
    async with limited(world, per_minute=20) as (there, _):
        assert await statuses(there.admin, 20) == [200] * 20
        asked_at = datetime.now(UTC)

        refused = await asked(there.admin)

        assert refused.status_code == 429
        (error,) = refused.json()["errors"]
        extensions = error["extensions"]
        assert (extensions["code"], refused.json().keys()) == ("RATE_LIMITED", {"errors", "extensions"})
        assert extensions["rateLimit"] == refused.json()["extensions"]["rateLimit"]
        assert (extensions["rateLimit"]["limit"], extensions["rateLimit"]["remaining"]) == (20, 0)
        assert extensions["retryAt"] in error["message"]
        retry_at = datetime.fromisoformat(extensions["retryAt"])
        wait = (retry_at - datetime.now(UTC)).total_seconds()
        assert 0 < wait <= 3
        assert 0 <= int(refused.headers["retry-after"]) - wait <= 1.1
        stopped_clock.advance((retry_at - asked_at).total_seconds())
        assert await statuses(there.admin, 2) == [200, 429]


async def test_what_is_left_is_in_every_answer(world: World) -> None:
    async with limited(world, per_minute=600, per_address=300) as (there, _):
        answers = [
            await asked(there.admin),
            await asked(there.admin, WRONG),
            await asked(there.admin, "{ account { auditLog(first: 100000) { nodes { id } } } }"),
            await asked(there.nobody),
            await asked(there.nobody, token="ta_no_key"),
            await asked(there.nobody, token=wrong_key()),
            await asked(there.nobody, authorization="Basic x"),
        ]

    shown = [answer.json()["extensions"]["rateLimit"] for answer in answers]
    assert [(each["limit"], each["remaining"]) for each in shown] == [
        *((600, left) for left in (599, 598, 597)),
        *((300, left) for left in (299, 298, 297, 296)),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4 + [401] * 3
    assert answers[0].json()["extensions"]["cost"] == 2
    full_at = datetime.fromisoformat(shown[2]["resetAt"])
    assert 0 < (full_at - datetime.now(UTC)).total_seconds() <= 1.3


async def test_without_a_limit_nothing_is_told(world: World) -> None:
    async with limited(world) as (there, _):
        assert (await asked(there.admin)).json()["extensions"].keys() == {"cost"}


async def test_credentials_and_addresses_are_counted_apart(world: World) -> None:
    second = await world.sign_in("admin@example.com")
    script = await with_key(world, world.admin)
    async with limited(world, per_minute=3, per_address=2) as (there, _):
        for token in (world.admin.token, second.token, script.token):
            assert await statuses(there.nobody, 4, token) == [200, 200, 200, 429]
        assert await statuses(there.nobody, 3) == [200, 200, 429]
        # Nobody from here is served any more; who is somebody is.
        assert await statuses(there.nobody, 1, wrong_key()) == [429]
        assert await statuses(there.member, 4) == [200, 200, 200, 429]


async def test_a_cookie_counts_as_its_session_and_a_dead_one_as_nobody(world: World) -> None:
    async with limited(world, per_minute=2, per_address=3) as (there, _):
        alive, dead = f"ta_session={world.admin.token}", "ta_session=" + new_token()[0]

        served = [(await asked(there.nobody, cookie=alive)).status_code for _ in range(3)]
        unknown = [await asked(there.nobody, cookie=dead) for _ in range(4)]

    assert served == [200, 200, 429]
    assert [answer.status_code for answer in unknown] == [200, 200, 200, 429]
    assert unknown[0].json()["extensions"]["rateLimit"]["remaining"] == 2


async def test_a_key_that_was_revoked_is_counted_as_itself(world: World) -> None:
    script = await with_key(world, world.admin, revoked_at="now()", revoked_by_id="member_id")
    async with limited(world, per_minute=2, per_address=1) as (there, _):
        assert await statuses(there.nobody, 3, script.token) == [401, 401, 429]
        assert await statuses(there.nobody, 2) == [200, 429]


async def test_a_batch_takes_as_many_as_it_has_operations(world: World) -> None:
    async with limited(world, per_minute=5) as (there, _):
        first = await asked(there.admin, [VIEWER, WRONG, VIEWER])
        second = await asked(there.admin, [VIEWER, VIEWER, VIEWER])
        third = await asked(there.admin, [VIEWER, VIEWER])

    left = [answer["extensions"]["rateLimit"]["remaining"] for answer in first.json()]
    assert (left, ["errors" in answer for answer in first.json()]) == ([4, 3, 2], [False, True, False])
    *served, refused = second.json()
    assert [answer["data"]["viewer"]["user"]["email"] for answer in served] == ["admin@example.com"] * 2
    assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)


async def test_what_is_too_much_changes_nothing(world: World) -> None:
    before = await world.rows()
    async with limited(world, per_minute=1) as (there, _):
        await asked(there.admin)
        rename = 'mutation { updateProfile(input: { name: "X" }) { user { name } } }'
        assert (await asked(there.admin, rename)).status_code == 429

    assert await world.rows() == before


# WebSockets


async def test_each_operation_on_a_socket_counts_and_the_socket_stays(world: World) -> None:
    async with limited(world, per_minute=4) as (there, state):
        url = f"http://127.0.0.1:{state.settings.port}"
        async with connected(url, there.admin.token) as socket:
            served = [await (await socket.subscribe(VIEWER)).next() for _ in range(3)]
            refused = await (await socket.subscribe(VIEWER)).ended()
            also_refused = await (await socket.subscribe(LOG, id=world.account_id)).ended()

            assert [answer["user"]["email"] for answer in served] == ["admin@example.com"] * 3
            assert [error["code"] for error in refused + also_refused] == ["RATE_LIMITED"] * 2
            assert refused[0]["rateLimit"]["remaining"] == 0
            assert await socket.is_open()
            wait = datetime.fromisoformat(also_refused[0]["retryAt"]) - datetime.now(UTC)
            assert 0 < wait.total_seconds() <= 15


async def test_events_of_a_subscription_count_by_their_cost(
    world: World, stopped_clock: StoppedClock
) -> None:
    """Each three events count as a request here. Beyond the limit the subscription waits."""
    for number in range(20):
        await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Acme {number}")
    async with limited(world, per_minute=60, max_cost=3) as (there, state):
        url = f"http://127.0.0.1:{state.settings.port}"
        async with connected(url, there.admin.token) as socket:
            assert set(await statuses(there.admin, 57)) == {200}  # `connection_init` is a request too.
            log = await socket.subscribe(FROM_THE_FIRST, id=world.account_id)

            assert [event["sequence"] for event in await log.take(6)] == [1, 2, 3, 4, 5, 6]
            assert await statuses(there.admin, 1) == [429]
            assert await log.silent()
            stopped_clock.advance(1)
            assert [event["sequence"] for event in await log.take(3)] == [7, 8, 9]
            assert await log.silent()


async def test_who_has_nothing_left_is_told_to_come_back_with_a_socket(world: World) -> None:
    async with limited(world, per_minute=1) as (there, state):
        await asked(there.admin)
        with pytest.raises(ConnectionClosed) as closed:
            async with connected(f"http://127.0.0.1:{state.settings.port}", there.admin.token):
                pass

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    assert closed.value.rcvd.reason.startswith("Too many requests")


# Strangers


async def test_a_key_with_a_wrong_checksum_is_never_looked_up(world: World) -> None:
    key = wrong_key()
    async with limited(world, per_address=30) as (there, state):
        with statements(state) as asked_of_the_database:
            found = await statuses(there.nobody, 40, key[:-1] + ("A" if key[-1] != "A" else "Q"))

    assert Counter(found) == {401: 30, 429: 10}
    assert asked_of_the_database == []


async def test_beyond_the_limit_a_wrong_key_is_looked_up_once(world: World) -> None:
    async with limited(world, per_address=5) as (there, state):
        assert await statuses(there.nobody, 5) == [200] * 5
        token = wrong_key()
        with statements(state) as asked_of_the_database:
            assert await statuses(there.nobody, 10, token) == [429] * 10

    assert len(asked_of_the_database) == 2  # As a key, and as one whose secret was rotated out.


async def test_who_has_nothing_left_is_not_looked_up(world: World) -> None:
    async with limited(world, per_minute=3) as (there, state):
        await statuses(there.admin, 3)
        with statements(state) as asked_of_the_database:
            assert await statuses(there.admin, 10) == [429] * 10

    assert asked_of_the_database == []


async def test_a_session_that_ends_is_nobody_s_at_once(world: World) -> None:
    async with limited(world, per_minute=100, per_address=2) as (there, _):
        assert await statuses(there.member, 1) == [200]
        await world.superuser.execute("UPDATE sessions SET ended_at = now()")
        assert await statuses(there.member, 3) == [401, 401, 429]


async def test_who_signs_in_beyond_the_limit_of_their_address_is_served(world: World) -> None:
    async with limited(world, per_address=3) as (there, _):
        assert await statuses(there.nobody, 4) == [200, 200, 200, 429]
        newcomer = await world.sign_in("new@example.com")
        assert await statuses(there.nobody, 3, newcomer.token) == [200] * 3


async def test_good_keys_are_served_beside_many_wrong_ones(world: World) -> None:
    good = [await with_key(world, person) for person in (world.admin, world.member)]
    async with limited(world, per_address=50, database_pool_size=4) as (there, _):

        async def guess() -> list[int]:
            return [(await asked(there.nobody, token=wrong_key())).status_code for _ in range(50)]

        async def work(token: str) -> list[int]:
            return await statuses(there.nobody, 50, token)

        assert await statuses(there.nobody, 1, good[0].token) == [200]
        guessing = [guess() for _ in range(20)]
        *guessed, first, second = await asyncio.gather(
            *guessing, work(str(good[0].token)), work(str(good[1].token))
        )

    refused = Counter(status for each in guessed for status in each)
    # The buckets fill a little meanwhile, and a few were being looked up when theirs ran dry.
    assert 50 <= refused[401] < 100
    assert refused[429] == 1_000 - refused[401]
    assert first == [200] * 50
    # Who comes for the first time may have to wait for a turn, and then stays.
    assert Counter(second).keys() <= {200, 429}
    assert second == sorted(second, reverse=True)


# Pages


async def test_pages_that_look_something_up_are_limited_by_address(world: World) -> None:
    async with limited(world, per_address=3) as (there, _):
        pages = [await there.http.get(f"/sign-in/{new_token()[0]}") for _ in range(4)]
        form = await there.http.post("/sign-in", data={"email": "a@example.com"})
        link = await there.http.get(f"/download/{new_token()[0]}")
        in_a_browser = await there.http.get(f"/download/{new_token()[0]}", headers={"accept": "text/html"})
        leaked = await there.http.post("/leaked-keys", json=[])
        claim = await there.http.get(f"/claim/{new_token()[0]}")
        unlimited = [await there.http.get(path) for path in ("/health", "/sign-in", "/static/pages.css")]
        signed_in = await there.http.get("/", headers={"cookie": f"ta_session={world.admin.token}"})

    assert [page.status_code for page in pages] == [404, 404, 404, 429]
    for page in (pages[3], form, in_a_browser, leaked, claim):
        assert page.status_code == 429
        assert 0 < int(page.headers["retry-after"]) <= 20
        assert "Too many requests" in page.text
        assert "Try again after" in page.text
    assert (link.status_code, link.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert [page.status_code for page in (*unlimited, signed_in)] == [200] * 4
    assert not await world.emails("a@example.com")


# Networks of API keys

WITHIN, OUTSIDE, ELSEWHERE = "203.0.113.1", "198.51.100.1", "198.51.100.2"


@pytest.mark.parametrize("is_known", [False, True])
async def test_requests_from_outside_of_a_key_s_networks_count_as_their_address(
    world: World, is_known: bool
) -> None:
    script = await with_key(world, world.admin, "READ", allowed_networks="ARRAY['203.0.113.0/24']")
    limits = {"per_minute": 6, "per_address": 4}
    async with limited(world, **limits, trusted_proxies=("127.0.0.1",)) as (there, state):

        async def from_(ip: str, count: int) -> list[int]:
            answers = [
                await asked(there.nobody, token=script.token, **{"x-forwarded-for": ip}) for _ in range(count)
            ]
            return [answer.status_code for answer in answers]

        before = await from_(WITHIN, 2) if is_known else []
        assert await from_(OUTSIDE, 6) == [403, 403, 403, 403, 429, 429]
        with statements(state) as asked_of_the_database:
            assert await from_(OUTSIDE, 10) == [429] * 10
        assert await from_(ELSEWHERE, 1) == [403]
        within = before + await from_(WITHIN, 7 - len(before))

    assert within == [200] * 6 + [429]
    assert not any("api_keys" in statement for statement in asked_of_the_database)
    denied = [(status, codes) for _, status, codes, outcome in await calls(world) if outcome == "DENIED"]
    assert denied == [(403, ["FORBIDDEN"]), (429, ["RATE_LIMITED"])]


async def test_new_networks_of_a_key_hold_for_its_limits_with_the_next_request(world: World) -> None:
    script = await with_key(world, world.admin, "READ", allowed_networks="ARRAY['203.0.113.0/24']")
    async with limited(world, per_minute=3, per_address=3, trusted_proxies=("127.0.0.1",)) as (there, _):

        async def from_(ip: str) -> int:
            return (await asked(there.nobody, token=script.token, **{"x-forwarded-for": ip})).status_code

        async def move_to(network: str) -> None:
            input = {"apiKeyId": script.member_id, "allowedNetworks": [network]}
            assert (await world.admin.change(UPDATE_API_KEY, **input))["userErrors"] == []

        assert [await from_(WITHIN), await from_(OUTSIDE)] == [200, 403]
        await move_to("198.51.100.0/24")
        assert [await from_(OUTSIDE), await from_(WITHIN)] == [200, 403]
        await move_to("203.0.113.0/24")
        assert [await from_(WITHIN), await from_(OUTSIDE)] == [200, 403]


# Proxies


async def test_behind_a_trusted_proxy_the_client_is_the_one_it_names(world: World) -> None:
    async with limited(world, per_address=2, trusted_proxies=("127.0.0.0/8", "10.0.0.0/8")) as (there, _):

        async def from_(forwarded: str) -> int:
            return (await asked(there.nobody, **{"x-forwarded-for": forwarded})).status_code

        assert [await from_("203.0.113.1") for _ in range(3)] == [200, 200, 429]
        # What the client wrote itself stands before it; what a proxy wrote, after it.
        assert await from_("1.2.3.4, 203.0.113.1, 10.1.2.3") == 429
        assert await from_("203.0.113.1:4711") == 429
        assert [await from_("203.0.113.2") for _ in range(3)] == [200, 200, 429]
        networks = ["2001:db8::1", "[2001:db8::ffff]:80", "2001:db8::2", "2001:db8:0:1::1"]
        assert [await from_(each) for each in networks] == [200, 200, 429, 200]
        assert [await from_(each) for each in ("", "unknown", "127.0.0.1")] == [200, 200, 429]


async def test_the_log_has_the_client_s_address(world: World) -> None:
    async with limited(world, trusted_proxies=("127.0.0.1",)) as (there, _):
        there.admin.http.headers["x-forwarded-for"] = "203.0.113.9"
        invited = await there.admin.change(
            INVITE, accountId=world.account_id, email="x@example.com", role="VIEWER"
        )
        assert invited["userErrors"] == []

    (event,) = await world.superuser.fetch(
        "SELECT ip FROM audit_events WHERE action = 'MEMBER_INVITED' AND target_name = 'x@example.com'"
    )
    assert event["ip"] == "203.0.113.9"


async def test_nobody_is_believed_who_is_no_trusted_proxy(world: World) -> None:
    async with limited(world, per_address=2) as (there, _):
        forwarded = [{"x-forwarded-for": f"203.0.113.{number}"} for number in range(3)]
        found = [(await asked(there.nobody, **each)).status_code for each in forwarded]

    assert found == [200, 200, 429]


async def test_the_mailbox_is_not_open_to_who_comes_through_a_trusted_proxy(world: World) -> None:
    async with limited(world, trusted_proxies=("127.0.0.1",)) as (there, _):
        from_outside = await there.http.get("/mailbox", headers={"x-forwarded-for": "203.0.113.9"})
        from_here = await there.http.get("/mailbox")

    assert (from_outside.status_code, from_here.status_code) == (404, 200)


# Processes


@pytest.fixture
def two_processes(world: World, database_url: str, tmp_path: Path) -> Iterator[str]:
    settings = {"DATABASE_URL": database_url, "WORKERS": "2", "RATE_LIMIT_PER_MINUTE": "40"}
    with running(tmp_path, "serve", "--no-worker", **settings) as command:
        assert command.status() == 200
        yield f"http://127.0.0.1:{command.port}"


async def test_the_processes_of_a_server_count_together(two_processes: str, world: World) -> None:
    async def on_a_connection_of_its_own() -> list[tuple[int, Any]]:
        async with httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=two_processes, timeout=30) as http:
            answers = [await asked(Person(http), token=world.admin.token) for _ in range(5)]
        return [(each.status_code, each.json()["extensions"]["rateLimit"]["remaining"]) for each in answers]

    found = [
        each
        for some in await asyncio.gather(*(on_a_connection_of_its_own() for _ in range(16)))
        for each in some
    ]

    served = [left for status, left in found if status == 200]
    # It fills by one in 1.5 seconds.
    assert 40 <= len(served) <= 43
    assert set(range(40)) <= set(served)
    assert {status for status, _ in found} == {200, 429}


# The audit log


async def calls(world: World) -> list[tuple[str, int, list[str], str]]:
    rows = await world.superuser.fetch(
        "SELECT actor_name, details, outcome FROM audit_events WHERE action = 'API_CALLED' ORDER BY sequence"
    )
    details = [json.loads(row["details"]) for row in rows]
    return [
        (row["actor_name"], each["status"], each["errorCodes"], row["outcome"])
        for row, each in zip(rows, details, strict=True)
    ]


async def test_a_key_s_hit_is_in_the_log_once_a_minute(world: World) -> None:
    scripts = [await with_key(world, person) for person in (world.admin, world.member)]
    async with limited(world, per_minute=2) as (there, state):
        for script in scripts:
            assert await statuses(there.nobody, 6, script.token) == [200, 200, 429, 429, 429, 429]
        await asked(there.nobody, [VIEWER, VIEWER], scripts[0].token)
        unread = await there.http.post(
            "/graphql", content="{", headers={"authorization": f"Bearer {scripts[0].token}"}
        )
        with pytest.raises(ConnectionClosed):
            async with connected(f"http://127.0.0.1:{state.settings.port}", scripts[0].token):
                pass

    assert unread.status_code == 429
    assert await calls(world) == [
        each
        for name in ("Admin", "Member")
        for each in (
            *[(name, 200, [], "ALLOWED")] * 2,
            (name, 429, ["RATE_LIMITED"], "DENIED"),
        )
    ]


async def test_a_batch_that_goes_too_far_is_in_the_log_up_to_its_first_refusal(world: World) -> None:
    script = await with_key(world, world.admin)
    async with limited(world, per_minute=3) as (there, _):
        assert (await asked(there.nobody, [VIEWER] * 6, script.token)).status_code == 200

    assert [status for _, status, _, _ in await calls(world)] == [200, 200, 200, 429]


async def test_operations_on_a_socket_that_are_too_many_are_in_the_log_once(world: World) -> None:
    script = await with_key(world, world.admin)
    async with (
        limited(world, per_minute=3) as (_, state),
        connected(f"http://127.0.0.1:{state.settings.port}", script.token) as socket,
    ):
        for _ in range(6):
            await (await socket.subscribe(VIEWER)).rest()

    assert [status for _, status, _, _ in await calls(world)] == [200, 200, 429]


async def test_what_costs_too_much_is_in_the_log_once_a_minute(world: World) -> None:
    script = await with_key(world, world.admin)
    costly = (
        "{ account { members(first: 100) { nodes { licenses(first: 100) { nodes { theme { id } } } } } } }"
    )

    answers = [await asked(script, costly) for _ in range(5)]

    codes = [answer.json()["errors"][0]["extensions"]["code"] for answer in answers]
    assert codes == ["QUERY_TOO_COMPLEX"] * 5
    assert await calls(world) == [("Admin", 400, ["QUERY_TOO_COMPLEX"], "ALLOWED")]


async def test_each_change_is_in_the_log_also_where_its_answer_is_too_large(
    world: World, themes: dict[str, str]
) -> None:
    await world.superuser.execute(
        """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at)
           SELECT m.account_id, gen_random_uuid(), (SELECT id FROM themes WHERE slug = 'basalt'), 'ACTIVE',
             's' || n || '.example.com', m.id || '-' || n, m.id, m.id, now()
           FROM members m, generate_series(1, 100) n WHERE m.is_owner"""
    )
    script = await with_key(world, world.member, "READ", "PROVISION")
    keys = " ".join(f"key{index}: key" for index in range(29))

    for site in ("a.example.com", "b.example.com"):
        input = f'{{accountId: "{world.account_id}", themeId: "{themes["aurora"]}", site: "{site}"}}'
        selection = f"license {{ account {{ licenses(first: 100) {{ nodes {{ {keys} }} }} }} }}"
        answer = await asked(script, f"mutation {{ provisionLicense(input: {input}) {{ {selection} }} }}")
        (error,) = answer.json()["errors"]
        assert error["extensions"]["limit"] == "refusals"

    assert len(await world.events(actions=["LICENSE_PROVISIONED"])) == 2
    assert await calls(world) == [("Member", 400, ["QUERY_TOO_COMPLEX"], "ALLOWED")] * 2
