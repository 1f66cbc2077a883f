"""The clients that the guide prints change what they were asked to, once, and read all of a list."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.changes import REVOKE_API_KEY, ROTATE_API_KEY
from tests.support.limited import asked, limited
from tests.support.live import head, rename
from tests.support.partner_clients import CODE, FILES, LANGUAGES, LossyProxy, Script, answer, lossy_proxy
from tests.support.stored_keys import with_key
from tests.support.world import Person, World

START = "{ account { name } }"
RENAME = """mutation ($input: UpdateAccountInput!) {
  updateAccount(input: $input) { account { name } userErrors { code } } }"""
PROVISIONED = "SELECT site, count(*) FROM licenses GROUP BY site"
MANY = """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
    provisioned_at, expires_at)
  SELECT account_id, gen_random_uuid(), (SELECT id FROM themes WHERE slug = 'aurora'),
    CASE WHEN n > 150 THEN 'EXPIRED' ELSE 'ACTIVE' END, n || '.example.com', n::text, id, id,
    now() - n * '1 s'::interval,
    CASE WHEN n > 150 THEN now() END
  FROM members, generate_series(1, 250) n WHERE email = 'member@example.com'"""
LOST = b""
UNAVAILABLE = answer(503, "UNAVAILABLE", retry_after="1")
TIMEOUT = answer(504, "TIMEOUT")
BAD_GATEWAY = b"HTTP/1.1 502 -\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>"


@dataclass
class Partner:
    world: World
    key: Person
    proxy: LossyProxy
    script: Script

    async def licenses(self) -> dict[str, int]:
        """Number of licenses by site."""
        return dict(map(tuple, await self.world.superuser.fetch(PROVISIONED)))


@pytest.fixture(params=LANGUAGES)
async def partner(
    request: pytest.FixtureRequest, world: World, themes: dict[str, str], tmp_path: Path
) -> AsyncIterator[Partner]:
    """A script with a key of the Member, which may provision and nothing else."""
    key = await with_key(world, world.member, "PROVISION")
    assert key.token is not None
    async with lossy_proxy(world.http) as proxy:
        yield Partner(world, key, proxy, Script(request.param, tmp_path, proxy.url, key.token))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_small_clients(language: str) -> None:
    lines = [len(code.splitlines()) for code in CODE[language]]

    assert [most >= count for most, count in zip((90, 50, 30), lines, strict=True)] == [True] * 3
    assert max(len(line) for code in CODE[language] for line in code.splitlines()) <= 120
    assert len(FILES[language]) == len(lines)


async def test_licenses_of_a_list_are_provisioned_and_all_pages_read(partner: Partner) -> None:
    await partner.world.superuser.execute(MANY)

    code, report, errors = await partner.script.provision("new.example.com", "new.example.com", "http://x/")

    assert (code, errors) == (1, "")
    assert report[0].startswith("new.example.com: license_")
    assert report[1] == report[0]
    assert report[2].startswith("http://x/: INVALID: ")
    assert report[3:] == ["151 ACTIVE, 100 EXPIRED"]
    lists = [body["variables"] for body in partner.proxy.bodies if "licenses(" in body["query"]]
    assert len({variables["after"] for variables in lists}) == 3
    assert (await partner.licenses())["new.example.com"] == 1


async def test_what_is_not_left_is_reported(partner: Partner) -> None:
    sites = [f"{letter}.example.com" for letter in "abcdef"]

    code, report, _ = await partner.script.provision(*sites)

    assert code == 1
    assert report[5].startswith("f.example.com: LICENSE_LIMIT_REACHED: ")
    assert report[6] == "5 ACTIVE"
    await partner.world.grant("aurora", 1)
    code, report, _ = await partner.script.provision(*sites)
    assert (code, report[6]) == (0, "6 ACTIVE")


async def test_a_change_whose_answer_is_lost_is_made_once(partner: Partner) -> None:
    partner.proxy.answers = [LOST, UNAVAILABLE, TIMEOUT, BAD_GATEWAY]

    code, report, errors = await partner.script.provision("a.example.com")

    assert (code, report[1:], errors) == (0, ["1 ACTIVE"], "")
    assert await partner.licenses() == {"a.example.com": 1}
    changes = [body for body in partner.proxy.bodies if "mutation" in body["query"]]
    assert changes == [changes[0]] * 5
    assert changes[0]["variables"]["input"]["idempotencyKey"] == "order-1 aurora a.example.com"


async def test_an_order_that_was_broken_off_goes_on(partner: Partner) -> None:
    """A fault of the connection that lasts ends the script. Run again, it provisions nothing twice."""
    partner.proxy.answers = [answer(403, "FORBIDDEN")]
    code, _, errors = await partner.script.provision("a.example.com", "b.example.com")
    assert (code, "FORBIDDEN" in errors, await partner.licenses()) == (2, True, {"a.example.com": 1})

    code, report, _ = await partner.script.provision("a.example.com", "b.example.com")

    assert (code, report[2]) == (0, "2 ACTIVE")
    assert await partner.licenses() == {"a.example.com": 1, "b.example.com": 1}


async def test_a_rotation_interrupts_nothing(partner: Partner) -> None:
    """Both secrets work in the overlap, and an order that began with the old one goes on with the new one."""
    await partner.script.provision("a.example.com")
    rotated = await partner.world.member.change(
        ROTATE_API_KEY, apiKeyId=partner.key.member_id, overlapSeconds=3600
    )
    old = await partner.script.provision("a.example.com")
    partner.script.key = rotated["secret"]

    new = await partner.script.provision("a.example.com", "b.example.com")

    assert (old[0], new[0]) == (0, 0)
    assert old[1][0] == new[1][0]
    assert await partner.licenses() == {"a.example.com": 1, "b.example.com": 1}


async def test_persisted_documents_are_sent_as_text(partner: Partner, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"start": START}))
    documents = (manifest,)
    async with limited(partner.world, api_key_documents="persisted", document_manifests=documents) as (
        there,
        _,
    ):
        partner.script.url = f"http://127.0.0.1:{there.settings.port}"

        assert (await partner.script.send(START))["account"]["name"]
        assert await partner.script.send("{ account { slug } }") == "PERSISTED_DOCUMENT_REQUIRED"


async def test_a_change_without_an_idempotency_key_is_not_repeated(partner: Partner) -> None:
    partner.proxy.answers = [LOST]
    admin = await with_key(partner.world, partner.world.admin, "ACCOUNT")
    partner.script.key = str(admin.token)
    input = {"accountId": partner.world.account_id, "name": "New"}

    assert await partner.script.send(RENAME, input=input) == "NO_ANSWER"
    assert len(partner.proxy.bodies) == 1
    assert await partner.script.send(START) == {"account": {"name": "New"}}


async def test_a_limit_is_waited_for(partner: Partner) -> None:
    refused: list[httpx.Response] = []

    async def use_up() -> None:
        while not refused or refused[-1].status_code == 200:
            refused.append(await asked(there.admin, START, partner.key.token))

    async with limited(partner.world, per_minute=30) as (there, _), lossy_proxy(there.http) as proxy:
        partner.script.url, proxy.before_next = proxy.url, use_up

        data = await partner.script.send(START)

    (error,) = refused[-1].json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert {"retryAt", "rateLimit"} <= error["extensions"].keys()
    assert refused[-1].headers["retry-after"] in ("1", "2")
    assert data["account"]["name"]
    assert proxy.statuses == [429, 200]


async def test_a_limit_is_waited_for_also_by_changes_without_a_key(partner: Partner) -> None:
    """What was refused was not done."""
    partner.proxy.answers = [answer(429, "RATE_LIMITED", retry_after="1")]
    admin = await with_key(partner.world, partner.world.admin, "ACCOUNT")
    partner.script.key = str(admin.token)
    input = {"accountId": partner.world.account_id, "name": "New"}

    data = await partner.script.send(RENAME, input=input)

    assert data["updateAccount"]["account"] == {"name": "New"}


async def test_a_revoked_key_ends_the_script(partner: Partner) -> None:
    await partner.world.admin.change(REVOKE_API_KEY, apiKeyId=partner.key.member_id)

    code, report, errors = await partner.script.provision("a.example.com")

    assert (code, report, await partner.licenses()) == (2, [], {})
    assert "UNAUTHENTICATED: This API key was revoked." in errors
    assert len(partner.proxy.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_gets_no_key(partner: Partner, status: int) -> None:
    async with lossy_proxy(partner.world.http) as elsewhere:
        location = f"HTTP/1.1 {status} -\r\nlocation: {elsewhere.url}/graphql\r\ncontent-length: 0\r\n\r\n"
        partner.proxy.answers = [location.encode()]

        code, _, errors = await partner.script.provision("a.example.com")

        assert (code, elsewhere.bodies) == (2, [])
        assert f"HTTP_{status}" in errors


async def test_the_log_is_followed_through_a_cut_until_the_key_ends(partner: Partner) -> None:
    world = partner.world
    reader = await with_key(world, world.admin, "READ")
    partner.script.key = str(reader.token)
    after = await head(world)
    events: list[tuple[int, str]] = []

    async def read_renames(process: "asyncio.subprocess.Process", count: int) -> None:
        assert process.stdout is not None
        while sum(action == "ACCOUNT_UPDATED" for _, action in events) < count:
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            assert line, (await process.communicate())[1].decode()
            sequence, action = line.decode().split()
            events.append((int(sequence), action))

    await rename(world.admin, world)
    async with partner.script.following(world.account_id, after) as process:
        await read_renames(process, 1)
        partner.proxy.cut()
        await rename(world.admin, world)
        await read_renames(process, 2)
        await world.admin.change(REVOKE_API_KEY, apiKeyId=reader.member_id)
        output, errors = await asyncio.wait_for(process.communicate(), 20)

    sequences = [sequence for sequence, _ in events]
    sequences += [int(line.split()[0]) for line in output.decode().splitlines()]
    assert sequences == list(range(after + 1, after + 1 + len(sequences)))
    assert process.returncode != 0
    assert b"UNAUTHENTICATED: This API key was revoked." in errors
