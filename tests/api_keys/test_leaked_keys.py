"""Reports of secret scanners revoke existing keys, and the response does not show which exist."""

import asyncio
from typing import Any

import httpx
import pytest

from permissions.tokens import new_api_key
from tests.support.changes import REMOVE, ROTATE_API_KEY, actions, nothing_changes
from tests.support.keys import claimed, generated, newest_event, works
from tests.support.limited import limited
from tests.support.loop_time import measured_loop
from tests.support.stored_keys import with_key
from tests.support.world import World

URL = "https://github.com/acme/shop/blob/main/settings.py#L3"


def finding(token: Any, **more: Any) -> dict[str, Any]:
    return {"token": token, "type": "team_access_api_key", "url": URL, "source": "content", **more}


async def report(world: World, *findings: Any, **headers: str) -> None:
    await posted(world, httpx.Request("POST", "http://x", json=list(findings)).content, **headers)


async def posted(world: World, body: bytes, **headers: str) -> None:
    """Whatever it is, the answer is the same."""
    answer = await world.http.post("/leaked-keys", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["content-type"] == "application/json"


async def test_a_leaked_key_is_revoked_and_its_member_and_the_admins_are_told(world: World) -> None:
    script = await claimed(world, world.member)
    other = await world.join("ADMIN", "other@example.com")
    sent = len(await world.emails())

    await report(world, finding(script.token), **{"user-agent": "scanner"})

    assert not await works(world, script.token)
    event = await newest_event(world)
    assert (event["action"], event["summary"]) == (
        "API_KEY_REVOKED",
        "Team access revoked the API key Shop of Member, which leaked",
    )
    assert event["actor"] == {"kind": "SYSTEM", "name": "Team access", "member": None, "credential": None}
    assert event["details"] == {
        "status": ["ACTIVE", "REVOKED"], "member": "Member", "prefix": (script.token or "")[:11],
        "url": URL, "source": "content",
    }  # fmt: skip
    told = (await world.emails())[sent:]
    assert sorted(email.to for email in told) == sorted([world.member.email, world.admin.email, other.email])
    for email in told:
        assert email.subject == "Leaked and revoked: the API key Shop"
        assert "github" in email.text
        assert ("An API key of Member leaked" in email.text) == (email.to != world.member.email)
        assert str(script.token) not in email.text + email.html


async def test_an_admin_s_own_key_is_told_of_once(world: World) -> None:
    _, secret = await generated(world)
    sent = len(await world.emails())

    await report(world, finding(secret), finding(secret, url="https://elsewhere.example"))

    (email,) = (await world.emails())[sent:]
    assert email.text.startswith("Your API key leaked: Shop")
    assert (await newest_event(world))["details"]["url"] == URL


async def test_the_secret_before_a_rotation_counts_while_it_works(world: World) -> None:
    id, first = await generated(world)
    second = (await world.admin.change(ROTATE_API_KEY, apiKeyId=id, overlapSeconds=60))["secret"]

    await report(world, finding(first))

    assert [await works(world, secret) for secret in (first, second)] == [False, False]


async def test_a_secret_that_was_replaced_is_none(world: World) -> None:
    id, first = await generated(world)
    second = (await world.admin.change(ROTATE_API_KEY, apiKeyId=id))["secret"]

    async with nothing_changes(world):
        await report(world, finding(first))
    assert await works(world, second)


@pytest.mark.parametrize("columns", ["revoked_at = now()", "expires_at = now()"])
async def test_of_a_key_that_is_over_nothing_is_said(world: World, columns: str) -> None:
    script = await with_key(world, world.member)
    await world.superuser.execute(f"UPDATE api_keys SET {columns}")

    async with nothing_changes(world):
        await report(world, finding(script.token))


async def test_of_a_removed_member_s_key_nothing_is_said(world: World) -> None:
    script = await claimed(world, world.member)
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    async with nothing_changes(world):
        await report(world, finding(script.token))


BODIES = [
    b"", b"null", b"{}", b"[", b"[]", b"[null, 1, [], {}]", b'[{"token": null}]', b'[{"token": ["ta_"]}]',
    b"\xff\xfe",
    b'{"token": "ta_"}', b"[" * 100_000, b'[{"token": "' + b"x" * 900_000 + b'"}]', b'[{"token": "\\ud800"}]',
    b'[{"token": "\\u0000"}]', b"x" * 5_000_000,
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_whatever_is_posted_is_answered_alike(world: World, body: bytes) -> None:
    async with nothing_changes(world):
        await posted(world, body)


@pytest.mark.parametrize("before", [0, 440, 480])
async def test_what_is_reported_is_kept_short_and_without_the_key(world: World, before: int) -> None:
    _, secret = await generated(world)
    broken = f"{secret[:30]}\u200b{secret[30:]}"
    url = f"https://x.example/\n\u202e{'y' * before}?{broken}/" + "x" * 5_000

    await report(world, finding(secret, url=url, source=["not", "text"]))

    event = await newest_event(world)
    assert event["details"]["url"].startswith(f"https://x.example/ {'y' * before}?"[:495])
    assert len(event["details"]["url"]) <= 500
    assert event["details"]["source"] == ""
    assert secret[:20] not in str(await world.rows()) + str(event)


async def test_a_page_is_not_to_be_had(world: World) -> None:
    assert (await world.http.get("/leaked-keys")).status_code == 405


async def test_keys_of_several_accounts_in_one_report(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    account = (await stranger.ask("{ account { id } }"))["account"]["id"]
    scripts = [
        await with_key(world, world.admin),
        await with_key(world, stranger, account_id=account),
        await with_key(world, world.member),
    ]

    await report(world, *(finding(new_api_key()[0]) for _ in range(5)), *(finding(s.token) for s in scripts))

    assert [await works(world, script.token) for script in scripts] == [False] * 3
    assert actions(await world.events()).count("API_KEY_REVOKED") == 2


async def test_ten_reports_of_one_moment_are_one(world: World) -> None:
    _, secret = await generated(world)
    sent = len(await world.emails())

    await asyncio.gather(*(report(world, finding(secret)) for _ in range(10)))

    assert actions(await world.events()).count("API_KEY_REVOKED") == 1
    assert len(await world.emails()) == sent + 1


async def test_a_thousand_keys_of_a_report_are_looked_up_among_however_many_other_tokens(
    world: World,
) -> None:
    _, first = await generated(world)
    _, last = await generated(world)
    _, too_many = await generated(world)
    others = [finding(f"ghp_{number}") for number in range(5_000)]
    wrong = [finding(new_api_key()[0]) for _ in range(998)]

    await report(world, *others, finding(first), *wrong, *wrong, finding(last), finding(too_many))

    assert [await works(world, secret) for secret in (first, last, too_many)] == [False, False, True]


async def test_each_key_of_a_report_counts_before_any_is_looked_up(world: World) -> None:
    _, secret = await generated(world)
    wrong = [finding(new_api_key()[0]) for _ in range(50)]
    async with limited(world, per_address=100) as (there, _):
        await report(there, *wrong, *[finding("no key")] * 1_000)

        async with nothing_changes(there):
            refused = await there.http.post("/leaked-keys", json=[*wrong, finding(secret)])
        await report(there, *wrong[:20], finding(secret))

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert not await works(world, secret)


@pytest.mark.measures
async def test_a_report_of_many_keys_leaves_the_event_loop_to_others(world: World) -> None:
    admins = 20
    for number in range(admins):
        await world.join("ADMIN", f"admin{number}@example.com")
    secrets = [(await generated(world, name=f"Key {number}"))[1] for number in range(100)]
    sent = len(await world.emails())

    with measured_loop() as times:
        await report(world, *map(finding, secrets))

    assert len(await world.emails()) == sent + admins + 1
    times.assert_longest_below(0.05)


WRONG = new_api_key()[0]
LARGE = {
    "short": "x",
    "malformed": f"{WRONG[:-1]}{'A' if WRONG[-1] != 'A' else 'B'}",
    "repeated": WRONG,
    "empty": "",
}


@pytest.mark.measures
@pytest.mark.parametrize("kind", LARGE)
async def test_a_large_report_leaves_the_event_loop_to_others(world: World, kind: str) -> None:
    one = httpx.Request("POST", "http://x", json={"token": LARGE[kind]} if LARGE[kind] else {}).content
    body = b"[" + b",".join([one] * (1_000_000 // (len(one) + 1))) + b"]"

    with measured_loop() as times:
        await posted(world, body)

    times.assert_longest_below(0.05)


async def test_a_report_of_many_keys_sends_one_email_to_each(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    of_member = [await with_key(world, world.member) for _ in range(3)]
    of_other = await with_key(world, other)
    sent = len(await world.emails())

    await report(world, *(finding(script.token) for script in [*of_member, of_other]))

    told = {email.to: email for email in (await world.emails())[sent:]}
    assert len(await world.emails()) == sent + 3 == sent + len(told)
    subjects = {to: email.subject for to, email in told.items()}
    assert subjects == {
        world.member.email: "Leaked and revoked: 3 API keys",
        world.admin.email: "Leaked and revoked: 4 API keys",
        other.email: "Leaked and revoked: 4 API keys",
    }
    assert told[world.member.email].text.count("yours, found at") == 3
    assert told[world.admin.email].text.count("of Member, found at") == 3
    assert told[other.email].text.index("yours, found at") < told[other.email].text.index("of Member")


async def test_one_email_names_few_of_many_keys(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    secrets = [(await generated(world, name=f"Key {number}"))[1] for number in range(50)]

    await report(world, *map(finding, secrets))

    for to in (world.admin.email, other.email):
        email = (await world.emails(to))[-1]
        assert email.text.count("found at") == 20
        assert "and 30 more" in email.text
